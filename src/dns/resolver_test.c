/* SPDX-License-Identifier: ISC */
/*
 * The resolver against a name server of our own on the same loop. The first
 * label of a name says what the server does:
 *
 *	a     two addresses, TTL 300	zero	one address, TTL 0
 *	mx    two exchangers		nx	there is no such name
 *	none  no such records		fail	SERVFAIL
 *	mute  no answer at all		bad	an address of three bytes
 */
#include "dns/resolver.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/sock.h"
#include "test/lib/unit.h"

static struct loop *loop;
static struct dns *dns;
static unsigned asked; /* questions the server got */

static void put16(struct buf *out, unsigned n)
{
	buf_putc(out, (char)(n >> 8));
	buf_putc(out, (char)n);
}

static void put_record(struct buf *out, unsigned type, unsigned ttl, span data)
{
	put16(out, 0xc00c);
	put16(out, type);
	put16(out, 1);
	put16(out, 0);
	put16(out, ttl);
	put16(out, (unsigned)data.len);
	buf_put(out, data);
}

static void put_answers(struct buf *out, span what)
{
	unsigned count = 0;

	if (span_eq(what, SPAN("a"))) {
		put_record(out, DNS_TYPE_A, 300, SPAN("\1\2\3\4"));
		put_record(out, DNS_TYPE_A, 300, SPAN("\1\2\3\5"));
		count = 2;
	} else if (span_eq(what, SPAN("zero"))) {
		put_record(out, DNS_TYPE_A, 0, SPAN("\1\2\3\4"));
		count = 1;
	} else if (span_eq(what, SPAN("mx"))) {
		put_record(out, DNS_TYPE_MX, 300, SPAN("\0\12\1b\xc0\x0c"));
		put_record(out, DNS_TYPE_MX, 300, SPAN("\0\5\1a\xc0\x0c"));
		count = 2;
	} else if (span_eq(what, SPAN("bad"))) {
		put_record(out, DNS_TYPE_A, 300, SPAN("\1\2\3"));
		count = 1;
	} else if (span_eq(what, SPAN("nx"))) {
		out->data[3] = (char)0x83;
	} else if (span_eq(what, SPAN("fail"))) {
		out->data[3] = (char)0x82;
	}
	out->data[7] = (char)count;
}

/* The question goes back as it came, without what followed it. */
static void serve(void *ctx, unsigned events)
{
	int fd = *(int *)ctx;
	char q[512];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	struct buf out = BUF_INIT(512);
	ssize_t n = recvfrom(fd, q, sizeof(q), MSG_DONTWAIT,
	    (struct sockaddr *)&from, &from_len);
	size_t end = 12;

	(void)events;
	if (n < 17)
		return;
	asked++;
	while (end < (size_t)n && q[end])
		end += (size_t)q[end] + 1;
	buf_put(&out, span_of(q, end + 5));
	out.data[2] = (char)0x84;
	out.data[3] = (char)0x80;
	memset(out.data + 4, 0, 8);
	out.data[5] = 1;
	put_answers(&out, span_of(q + 13, (size_t)q[12]));
	if (!span_eq(span_of(q + 13, (size_t)q[12]), SPAN("mute")))
		(void)sendto(fd, out.data, out.len, 0, (struct sockaddr *)&from,
		    from_len);
	buf_done(&out);
}

struct wait {
	struct dns_query query;
	struct dns_answer answer;
	struct dns_record records[4];
	char data[4][64];
	int count;
	struct wait *then; /* asked again from within the answer */
};

static void keep(struct wait *w, const struct dns_answer *answer)
{
	w->count++;
	w->answer = *answer;
	for (uint32_t i = 0; i < answer->nrecords && i < 4; i++) {
		w->records[i] = answer->records[i];
		(void)snprintf(w->data[i], sizeof(w->data[i]), "%.*s",
		    PRI(answer->records[i].data));
	}
}

static void on_done(void *ctx, const struct dns_answer *answer)
{
	struct wait *w = ctx;
	const struct dns_answer *again;

	keep(w, answer);
	if (!w->then)
		return;
	w->then->query = (struct dns_query){ .done = on_done, .ctx = w->then };
	again = dns_ask(dns, SPAN("a.example"), DNS_TYPE_A, &w->then->query);
	if (again)
		keep(w->then, again);
}

static bool ask(struct wait *w, span name, enum dns_type type)
{
	const struct dns_answer *answer;

	*w = (struct wait){ .query = { .done = on_done, .ctx = w },
		.then = w->then };
	answer = dns_ask(dns, name, type, &w->query);
	if (answer)
		keep(w, answer);
	return answer;
}

static void wait_for(const struct wait *w)
{
	for (int i = 0; i < 1000 && !w->count; i++)
		assert_int_equal(loop_round(loop, 10 * USEC_MSEC), 0);
	assert_int_equal(w->count, 1);
}

/* Let what was asked and cancelled before reach the server. */
static void settle(void)
{
	for (int i = 0; i < 20; i++)
		assert_int_equal(loop_round(loop, 5 * USEC_MSEC), 0);
}

static void test_answers(void **state)
{
	static const struct {
		span name;
		enum dns_type type;
		enum dns_status status;
		unsigned records;
	} cases[] = {
		{ SPAN_INIT("a.example"), DNS_TYPE_A, DNS_OK, 2 },
		{ SPAN_INIT("a.Example.TEST."), DNS_TYPE_A, DNS_OK, 2 },
		{ SPAN_INIT("mx.example"), DNS_TYPE_MX, DNS_OK, 2 },
		{ SPAN_INIT("nx.example"), DNS_TYPE_A, DNS_NXDOMAIN, 0 },
		{ SPAN_INIT("none.example"), DNS_TYPE_MX, DNS_NODATA, 0 },
		{ SPAN_INIT("fail.example"), DNS_TYPE_A, DNS_AGAIN, 0 },
		{ SPAN_INIT("mute.example"), DNS_TYPE_A, DNS_AGAIN, 0 },
		{ SPAN_INIT("localhost"), DNS_TYPE_A, DNS_OK, 1 },
	};
	struct wait w = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_false(ask(&w, cases[i].name, cases[i].type));
		assert_int_equal(w.count, 0); /* never from within */
		wait_for(&w);
		assert_int_equal(w.answer.status, cases[i].status);
		assert_int_equal(w.answer.nrecords, cases[i].records);
	}
}

static void test_names_that_cannot_be(void **state)
{
	static const span names[] = { SPAN_INIT(""), SPAN_INIT("."),
		SPAN_INIT(".a"), SPAN_INIT("a..b"), SPAN_INIT("a\0b"),
		SPAN_INIT("a\\046b"), SPAN_INIT("a\xc3\xa9") };
	static char label[64 + 4];
	static char longest[300];
	struct wait w = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_true(ask(&w, names[i], DNS_TYPE_A));
		assert_int_equal(w.answer.status, DNS_NXDOMAIN);
	}
	memset(label, 'a', sizeof(label));
	assert_true(ask(&w, span_of(label, 64), DNS_TYPE_A));
	assert_false(ask(&w, span_of(label, 63), DNS_TYPE_A));
	dns_cancel(&w.query);
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = i % 2 ? '.' : 'a';
	assert_true(ask(&w, span_of(longest, 255), DNS_TYPE_A));
	assert_false(ask(&w, span_of(longest, 253), DNS_TYPE_A));
	dns_cancel(&w.query);
}

static void test_cache(void **state)
{
	struct wait first = { 0 };
	struct wait second = { 0 };
	struct wait gone = { 0 };
	unsigned before;

	(void)state;
	settle();
	before = asked;
	/* The same question at the same time goes out once. */
	assert_false(ask(&first, SPAN("a.one.example"), DNS_TYPE_A));
	assert_false(ask(&gone, SPAN("a.one.example"), DNS_TYPE_A));
	assert_false(ask(&second, SPAN("A.one.example"), DNS_TYPE_A));
	dns_cancel(&gone.query);
	wait_for(&first);
	assert_int_equal(second.count, 1);
	assert_int_equal(gone.count, 0);
	assert_int_equal(asked, before + 1);
	assert_memory_equal(second.records[1].addr, "\1\2\3\5", 4);
	/* And then it is known, as are names that do not exist. */
	assert_true(ask(&first, SPAN("a.one.example"), DNS_TYPE_A));
	assert_false(ask(&first, SPAN("a.one.example"), DNS_TYPE_MX));
	dns_cancel(&first.query);
	assert_false(ask(&first, SPAN("nx.one.example"), DNS_TYPE_A));
	wait_for(&first);
	before = asked;
	assert_true(ask(&first, SPAN("nx.one.example"), DNS_TYPE_A));
	assert_int_equal(first.answer.status, DNS_NXDOMAIN);
	assert_int_equal(asked, before);
}

static void test_asking_from_an_answer(void **state)
{
	struct wait inner = { 0 };
	struct wait outer = { .then = &inner };

	(void)state;
	assert_false(ask(&outer, SPAN("zero.example"), DNS_TYPE_A));
	wait_for(&outer);
	wait_for(&inner);
	assert_int_equal(inner.answer.nrecords, 2);
	/* TTL 0 answers who asked, nobody later. */
	outer.then = NULL;
	assert_false(ask(&outer, SPAN("zero.example"), DNS_TYPE_A));
	wait_for(&outer);
	assert_int_equal(outer.answer.nrecords, 1);
}

static void test_bounded(void **state)
{
	char name[40];
	struct wait w = { 0 };

	(void)state;
	for (int i = 0; i < 1500; i++) {
		(void)snprintf(name, sizeof(name), "nx.n%d.example", i);
		if (!ask(&w, span_str(name), DNS_TYPE_A))
			wait_for(&w);
		assert_int_equal(w.answer.status, DNS_NXDOMAIN);
	}
	/* The first ones were forgotten here; the last ones were not. */
	assert_true(ask(&w, span_str(name), DNS_TYPE_A));
	assert_false(ask(&w, SPAN("nx.n0.example"), DNS_TYPE_A));
	dns_cancel(&w.query);
}

static void test_hosts(void **state)
{
	const struct dns_answer *answer;

	(void)state;
	answer = dns_hosts(dns, SPAN("Filter"), DNS_TYPE_A);
	assert_non_null(answer);
	assert_int_equal(answer->nrecords, 2);
	assert_memory_equal(answer->records[1].addr, "\12\0\0\2", 4);
	assert_non_null(dns_hosts(dns, SPAN("filter"), DNS_TYPE_AAAA));
	assert_null(dns_hosts(dns, SPAN("filters"), DNS_TYPE_A));
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_names_that_cannot_be),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_asking_from_an_answer),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_hosts),
	};
	char dir[] = "/tmp/resolver_test.XXXXXX";
	char conf[64];
	char hosts[64];
	char text[64];
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	struct loop_watch *watch = NULL;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int failed;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0 || !mkdtemp(dir))
		return 1;
	(void)snprintf(conf, sizeof(conf), "%s/resolv.conf", dir);
	(void)snprintf(hosts, sizeof(hosts), "%s/hosts", dir);
	(void)snprintf(text, sizeof(text), "nameserver 127.0.0.1@%u\n",
	    ntohs(at.sin_port));
	write_file(conf, text);
	write_file(hosts, "10.0.0.1 filter\n10.0.0.2 x filter\n::7 filter\n");
	if (loop_new(&loop) < 0 ||
	    loop_watch(loop, fd, LOOP_IN, serve, &fd, &watch) < 0 ||
	    dns_new(loop,
	        &(struct dns_setup){ .resolv_conf = conf,
	            .hosts = hosts,
	            .timeout = 1500 * USEC_MSEC },
	        &dns) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	dns_free(&dns);
	loop_unwatch(&watch);
	loop_free(&loop);
	(void)close(fd);
	(void)unlink(conf);
	(void)unlink(hosts);
	(void)rmdir(dir);
	return failed;
}
