/* SPDX-License-Identifier: ISC */
/*
 * The relay without its process: jobs come over a channel from a queue that
 * is this test, and go to SMTP servers that live on the same loop. What a
 * server says is a list of exceptions from good behaviour:
 *
 *	"RCPT" -> "550 5.1.1 who?"      this reply instead of a good one
 *	"DATA" -> "-"                   hangs up
 *	"MAIL" -> NULL                  says nothing from now on
 *
 * Compared are the log, without its times, and the verdicts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/relay/relay.h"
#include "os/log.h"
#include "test/lib/unit.h"

enum {
	SERVERS = 4,
	LOCAL_SERVER = 3,
	CONNS = 64,
	EXCEPTIONS = 6,
	BIG = 400 * 1024
};

struct exception {
	const char *verb;
	const char *reply;
	unsigned after; /* that many good ones first, over all connections */
};

struct conn {
	struct server *server;
	struct loop_watch *watch;
	struct buf line;
	int fd;
	bool content;
	bool mute;
	unsigned tail; /* how much of CRLF.CRLF was seen */
};

struct server {
	int fd;
	unsigned port;
	struct loop_watch *watch;
	const char *ehlo;
	struct exception exceptions[EXCEPTIONS];
	struct conn conns[CONNS];
	unsigned accepted; /* connections */
	unsigned open;
	unsigned seen[EXCEPTIONS];
	unsigned messages;
	uint64_t bytes; /* of content */
	struct buf heard;
};

static struct relay relay;
static struct server servers[SERVERS];
static struct chan *queue;
static char dir[] = "/tmp/relay_test.XXXXXX";
static char log_path[64];
static unsigned done_count;
static struct job_done last_done;
static char last_text[1000];
static uint64_t next_number;

/* A server */

static void hang_up(struct conn *c)
{
	if (c->fd < 0)
		return;
	loop_unwatch(&c->watch);
	(void)close(c->fd);
	c->fd = -1;
	c->server->open--;
	buf_done(&c->line);
}

static void say(struct conn *c, const char *text)
{
	char line[1000];

	(void)snprintf(line, sizeof(line), "%s\r\n", text);
	assert_int_equal(
	    write(c->fd, line, strlen(line)), (ssize_t)strlen(line));
}

/* Its own words for this verb, or the good ones. */
static void answer(struct conn *c, const char *verb, const char *good)
{
	for (size_t i = 0; i < EXCEPTIONS && !c->mute; i++) {
		const struct exception *e = &c->server->exceptions[i];

		if (!e->verb || strcmp(e->verb, verb) != 0)
			continue;
		if (c->server->seen[i]++ < e->after)
			continue;
		if (!e->reply) {
			c->mute = true;
			return;
		}
		if (e->reply[0] == '-') {
			hang_up(c);
			return;
		}
		good = e->reply;
	}
	if (c->mute)
		return;
	say(c, good);
	if (strcmp(verb, "DATA") == 0 && good[0] == '3')
		c->content = true;
}

static void on_line(struct conn *c, span line)
{
	static const char *const verbs[] = { "MAIL", "RCPT", "DATA", "RSET",
		"HELO" };

	buf_put(&c->server->heard, line);
	buf_putc(&c->server->heard, '\n');
	if (span_has_prefix(line, SPAN("EHLO")) ||
	    span_has_prefix(line, SPAN("LHLO"))) {
		answer(c, "EHLO", c->server->ehlo);
		return;
	}
	if (span_eq(line, SPAN("QUIT"))) {
		say(c, "221 2.0.0 Bye");
		hang_up(c);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (span_has_prefix(line, span_str(verbs[i])))
			answer(c, verbs[i],
			    i == 2 ? "354 End data" : "250 2.1.0 Ok");
}

/* Content up to the dot: only counted. */
static span eat_content(struct conn *c, span bytes)
{
	static const char end[] = "\r\n.\r\n";

	while (bytes.len) {
		char b = bytes.ptr[0];

		bytes = span_from(bytes, 1);
		c->server->bytes++;
		c->tail = b == end[c->tail] ? c->tail + 1 : b == '\r';
		if (c->tail < 5)
			continue;
		c->content = false;
		c->tail = 2;
		c->server->messages++;
		c->server->bytes -= 3; /* the dot and its line end */
		answer(c, ".", "250 2.0.0 Ok: queued as 1A2B");
		break;
	}
	return bytes;
}

static void on_bytes(void *ctx, unsigned events)
{
	struct conn *c = ctx;
	char bytes[4096];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	span rest = span_of(bytes, n > 0 ? (size_t)n : 0);

	(void)events;
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		hang_up(c);
		return;
	}
	while (rest.len && c->fd >= 0) {
		if (c->content) {
			rest = eat_content(c, rest);
			continue;
		}
		if (rest.ptr[0] != '\n') {
			if (rest.ptr[0] != '\r')
				buf_putc(&c->line, rest.ptr[0]);
		} else {
			struct buf line = c->line;

			buf_init(&c->line, 10000);
			c->tail = 2;
			on_line(c, buf_span(&line));
			buf_done(&line);
		}
		rest = span_from(rest, 1);
	}
}

static void on_accept(void *ctx, unsigned events)
{
	struct server *s = ctx;
	struct conn *c = s->conns;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	assert_true(fd >= 0);
	while (c->fd >= 0)
		assert_true(++c < s->conns + CONNS);
	*c = (struct conn){ .server = s, .fd = fd };
	buf_init(&c->line, 10000);
	sock_nodelay(fd);
	s->accepted++;
	s->open++;
	assert_int_equal(
	    loop_watch(relay.loop, fd, LOOP_IN, on_bytes, c, &c->watch), 0);
	answer(c, "connect", "220 server ESMTP");
}

/* The last one is a unix socket, in the directory where we are. */
static void start_server(struct server *s)
{
	bool local = s == &servers[LOCAL_SERVER];
	struct sock_addr at;
	struct sock_addr bound;

	for (size_t i = 0; i < CONNS; i++)
		s->conns[i].fd = -1;
	assert_true(local ? sock_path(SPAN("lmtp"), &at)
	                  : sock_parse(SPAN("127.0.0.1"), 0, &at));
	s->fd = sock_listen(&at, 64);
	assert_true(s->fd >= 0);
	assert_int_equal(sock_local(s->fd, &bound), 0);
	s->port = local ? 99999 : sock_port(&bound);
	buf_init(&s->heard, 1 << 20);
	assert_int_equal(
	    loop_watch(relay.loop, s->fd, LOOP_IN, on_accept, s, &s->watch), 0);
}

/* The queue */

static void on_done(void *ctx, struct chan_msg *msg)
{
	static struct arena arena;

	(void)ctx;
	arena_done(&arena);
	arena_init(&arena, 1 << 20);
	assert_int_equal(msg->type, JOB_DONE);
	assert_true(job_done_get(msg->payload, &arena, &last_done));
	done_count++;
	(void)snprintf(
	    last_text, sizeof(last_text), "%u", last_done.verdicts[0].class);
	for (uint32_t i = 0; i < last_done.nverdicts; i++) {
		const struct verdict *v = &last_done.verdicts[i];
		size_t len = strlen(last_text);

		(void)snprintf(last_text + len, sizeof(last_text) - len,
		    " %.*s|%.*s|%.*s", PRI(v->status), PRI(v->remote_mta),
		    PRI(v->diagnostic));
	}
}

static void on_job(void *ctx, struct chan_msg *msg)
{
	(void)ctx;
	assert_true(job_start(&relay, msg));
}

static void on_gone(void *ctx, int error)
{
	(void)ctx;
	fail_msg("channel: %d", error);
}

static const struct chan_calls queue_calls = { .message = on_done,
	.gone = on_gone };
static const struct chan_calls relay_calls = { .message = on_job,
	.gone = on_gone };

struct order {
	const char *transport;
	const char *nexthop;
	const char *sender;
	const char *rcpts[4];
	span content;
	int fd;
	uint32_t flags;
};

static void send_job(const struct order *o)
{
	struct rcpt rcpts[4] = { 0 };
	struct job job = {
		.number = ++next_number,
		.blob = o->fd > 0,
		.content = o->fd > 0 ? SPAN_NONE : o->content,
		.envelope = {
			.id = msgid_make(0x12345, 0x678),
			.sender = span_str(o->sender),
			.flags = o->flags,
			.size = o->content.len,
			.rcpts = rcpts,
		},
	};

	for (; o->rcpts[job.envelope.nrcpts]; job.envelope.nrcpts++) {
		struct rcpt *r = &rcpts[job.envelope.nrcpts];

		r->addr = span_str(o->rcpts[job.envelope.nrcpts]);
		r->transport = span_str(o->transport);
		r->nexthop = span_str(o->nexthop);
	}
	job_put(o->fd > 0 ? chan_begin_fds(queue, JOB, &o->fd, 1)
	                  : chan_begin(queue, JOB),
	    &job);
	chan_end(queue);
}

static void run_until(const unsigned *value, unsigned wanted)
{
	for (int i = 0; i < 3000 && *value != wanted; i++)
		assert_int_equal(loop_round(relay.loop, 5 * USEC_MSEC), 0);
	assert_int_equal(*value, wanted);
}

/* Everything as before the first job. */
static void settle(void)
{
	LIST_FOR(link, &relay.all_dests)
	dest_retire(CONTAINER_OF(link, struct dest, link));
	for (size_t i = 0; i < SERVERS; i++)
		run_until(&servers[i].open, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_round(relay.loop, USEC_MSEC), 0);
	assert_true(list_is_empty(&relay.jobs));
	assert_true(list_is_empty(&relay.all_dests));
	for (size_t i = 0; i < SERVERS; i++) {
		struct server *s = &servers[i];

		s->ehlo = "250-server\r\n250-PIPELINING\r\n250 8BITMIME";
		memset(s->exceptions, 0, sizeof(s->exceptions));
		memset(s->seen, 0, sizeof(s->seen));
		s->accepted = s->messages = 0;
		s->bytes = 0;
		buf_clear(&s->heard);
	}
	done_count = 0;
	log_flush();
	assert_int_equal(truncate(log_path, 0), 0);
}

/* "[127.0.0.1]:PORT" of one or more servers. */
static const char *hop_to(size_t first, size_t last)
{
	static char text[4][200];
	static unsigned turn;
	char *out = text[turn++ % 4];
	size_t len = 0;

	for (size_t i = first; i <= last; i++)
		len += (size_t)snprintf(out + len, 200 - len,
		    "%s[127.0.0.1]:%u", len ? ", " : "", servers[i].port);
	return out;
}

/* The log without times, process ids and real ports. */
static void squeeze(struct buf *out, span line)
{
	static const char *const cut[] = { ", delay=", ", dsn=" };
	char port[16];
	ssize_t at = span_find(line, ']');

	line = span_from(line, (size_t)at + 3);
	while (line.len) {
		size_t i = 0;

		if (span_has_prefix(line, span_str(cut[0])))
			while (!span_has_prefix(line, span_str(cut[1])))
				line = span_from(line, 1);
		for (; i < SERVERS; i++) {
			(void)snprintf(
			    port, sizeof(port), ":%u", servers[i].port);
			if (span_skip(&line, span_str(port)))
				break;
		}
		if (i < SERVERS) {
			buf_printf(out, ":%c", (char)('A' + i));
			continue;
		}
		buf_putc(out, line.ptr[0]);
		line = span_from(line, 1);
	}
	buf_putc(out, '\n');
}

static void check_log(const char *wanted)
{
	static char text[65536];
	struct buf got = BUF_INIT(65536);
	int fd;
	ssize_t n;
	span rest;

	log_flush();
	fd = open(log_path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text));
	assert_true(n >= 0);
	(void)close(fd);
	rest = span_of(text, (size_t)n);
	while (rest.len)
		squeeze(&got, span_cut(&rest, '\n'));
	assert_span_equal(buf_span(&got), span_str(wanted));
	buf_done(&got);
}

#define ID \
	"00678" \
	"12345"
#define H  "127.0.0.1[127.0.0.1]"
#define A  "relay=" H ":A"
#define B  "relay=" H ":B"
#define TO ID ": to=<a@x>, "
#define OK "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 1A2B)\n"

static const struct order simple = { .transport = "smtp",
	.sender = "s@y",
	.rcpts = { "a@x" },
	.content = SPAN_INIT("Subject: 1\r\n\r\nhello\r\n") };

static void run(struct order order, const char *nexthop)
{
	order.nexthop = nexthop;
	send_job(&order);
	run_until(&done_count, 1);
}

/* One job to server A that misbehaves, with B behind it or not. */
static const struct {
	const char *name;
	struct exception exception;
	bool backup;
	enum job_site site;
	const char *log;
	const char *verdict;
} cases[] = {
	{ "fine", { 0 }, false, JOB_SITE_FINE, TO A ", " OK,
	    "2 2.0.0|dns; 127.0.0.1|smtp; 250 2.0.0 Ok: queued as 1A2B" },
	{ "no greeting", { "connect", "-", 0 }, false, JOB_SITE_DEAD,
	    TO A ", dsn=4.4.2, status=deferred (lost connection with " H
	         " while receiving the initial server greeting)\n",
	    "4 4.4.2||" },
	{ "no greeting, but a backup", { "connect", "-", 0 }, true,
	    JOB_SITE_FINE,
	    ID ": lost connection with " H
	       " while receiving the initial server greeting\n" TO B ", " OK,
	    NULL },
	{ "refused", { "connect", "554 5.7.1 go away", 0 }, false,
	    JOB_SITE_DEAD,
	    TO A ", dsn=4.7.1, status=deferred (host " H
	         " refused to talk to me: 554 5.7.1 go away)\n",
	    "4 4.7.1|dns; 127.0.0.1|smtp; 554 5.7.1 go away" },
	{ "refused, but a backup", { "connect", "421 4.3.2 closed", 0 }, true,
	    JOB_SITE_FINE,
	    ID ": host " H " refused to talk to me: 421 4.3.2 closed\n" TO B
	       ", " OK,
	    NULL },
	{ "bad sender", { "MAIL", "550 5.1.8 no such sender", 0 }, true,
	    JOB_SITE_FINE,
	    TO A ", dsn=5.1.8, status=bounced (host " H
	         " said: 550 5.1.8 no such sender (in reply to MAIL FROM "
	         "command))\n",
	    "5 5.1.8|dns; 127.0.0.1|smtp; 550 5.1.8 no such sender" },
	{ "bad recipient", { "RCPT", "550 5.1.1 who?", 0 }, true, JOB_SITE_FINE,
	    TO A ", dsn=5.1.1, status=bounced (host " H
	         " said: 550 5.1.1 who? (in reply to RCPT TO command))\n",
	    "5 5.1.1|dns; 127.0.0.1|smtp; 550 5.1.1 who?" },
	{ "later", { "RCPT", "450 4.2.0 later", 0 }, false, JOB_SITE_FINE,
	    TO A ", dsn=4.2.0, status=deferred (host " H
	         " said: 450 4.2.0 later (in reply to RCPT TO command))\n",
	    "4 4.2.0|dns; 127.0.0.1|smtp; 450 4.2.0 later" },
	{ "later, but a backup", { "RCPT", "450 4.2.0 later", 0 }, true,
	    JOB_SITE_FINE,
	    ID ": host " H
	       " said: 450 4.2.0 later (in reply to RCPT TO command)\n" TO B
	       ", " OK,
	    NULL },
	{ "content refused", { ".", "554 5.6.0 no", 0 }, true, JOB_SITE_FINE,
	    TO A ", dsn=5.6.0, status=bounced (host " H
	         " said: 554 5.6.0 no (in reply to end of DATA command))\n",
	    NULL },
	{ "lost at the dot", { ".", "-", 0 }, false, JOB_SITE_DEAD,
	    TO A ", dsn=4.4.2, status=deferred (lost connection with " H
	         " while sending end of data -- message may be sent more than "
	         "once)\n",
	    "4 4.4.2||" },
	{ "silent at MAIL", { "MAIL", NULL, 0 }, false, JOB_SITE_DEAD,
	    TO A ", dsn=4.4.2, status=deferred (conversation with " H
	         " timed out while sending MAIL FROM)\n",
	    "4 4.4.2||" },
};

static void test_moods(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].name);
		settle();
		servers[0].exceptions[0] = cases[i].exception;
		run(simple, hop_to(0, cases[i].backup));
		check_log(cases[i].log);
		assert_int_equal(last_done.site, cases[i].site);
		if (cases[i].verdict)
			assert_string_equal(last_text, cases[i].verdict);
	}
}

static void test_recipients_part(void **state)
{
	struct order order = simple;

	(void)state;
	settle();
	order.rcpts[1] = "b@x";
	order.rcpts[2] = "c@x";
	servers[0].exceptions[0] =
	    (struct exception){ "RCPT", "450 4.2.1 full", 2 };
	servers[1].exceptions[0] =
	    (struct exception){ "RCPT", "550 5.2.1 gone", 0 };
	run(order, hop_to(0, 1));
	check_log(ID ": host " H
	             " said: 450 4.2.1 full (in reply to RCPT TO command)\n" ID
	             ": to=<a@x>, " A ", " OK ID ": to=<b@x>, " A ", " OK ID
	             ": to=<c@x>, " B ", dsn=5.2.1, status=bounced (host " H
	             " said: 550 5.2.1 gone (in reply to RCPT TO command))\n");
	assert_int_equal(last_done.nverdicts, 3);
	assert_int_equal(last_done.verdicts[0].class, VERDICT_SENT);
	assert_int_equal(last_done.verdicts[2].class, VERDICT_BOUNCED);
	assert_span_equal(buf_span(&servers[1].heard),
	    SPAN("EHLO me.example\nMAIL FROM:<s@y>\nRCPT TO:<c@x>\nDATA\n"));
}

static void test_nobody_there(void **state)
{
	(void)state;
	settle();
	run(simple, "[127.0.0.1]:1");
	check_log("connect to " H ":1: Connection refused\n" TO
	          "relay=none, dsn=4.4.1, status=deferred (connect to " H
	          ":1: Connection refused)\n");
	assert_int_equal(last_done.site, JOB_SITE_DEAD);
	settle();
	run(simple, "[127.0.0.1]:gopher");
	check_log("warning: unknown service in next hop "
	          "\"[127.0.0.1]:gopher\"\n" TO
	          "relay=none, dsn=4.3.5, status=deferred (Server "
	          "configuration error)\n");
	settle();
	run(simple, "[bad!name]");
	check_log(TO "relay=none, dsn=5.4.4, status=bounced (Name service "
	             "error for bad!name: invalid host or domain name)\n");
}

/* smtp_fallback_relay is server C. */
static void test_fallback(void **state)
{
	struct order order = simple;

	(void)state;
	settle();
	order.transport = "backed";
	run(order, "[127.0.0.1]:1");
	check_log(
	    "connect to " H ":1: Connection refused\n" TO "relay=" H ":C, " OK);
	settle();
	servers[2].exceptions[0] =
	    (struct exception){ "RCPT", "451 4.1.1 hm", 0 };
	run(order, "[127.0.0.1]:1");
	check_log("connect to " H ":1: Connection refused\n" TO "relay=" H
	          ":C, dsn=4.1.1, status=deferred (host " H
	          " said: 451 4.1.1 hm (in reply to RCPT TO command))\n");
}

static void test_sessions_are_shared(void **state)
{
	struct order order = simple;

	(void)state;
	settle();
	order.nexthop = hop_to(0, 0);
	for (int i = 0; i < 40; i++)
		send_job(&order);
	run_until(&done_count, 40);
	assert_int_equal(servers[0].messages, 40);
	assert_true(servers[0].accepted < 20);
	/* One that takes its time is not waited for. */
	settle();
	servers[0].exceptions[0] = (struct exception){ ".", NULL, 0 };
	order.nexthop = hop_to(0, 0);
	for (int i = 0; i < 8; i++)
		send_job(&order);
	run_until(&servers[0].accepted, 8);
	for (size_t i = 0; i < CONNS; i++)
		hang_up(&servers[0].conns[i]);
	run_until(&done_count, 8);
	/* A used one that has gone does not hurt. */
	settle();
	order.nexthop = hop_to(0, 0);
	send_job(&order);
	run_until(&done_count, 1);
	servers[0].exceptions[0] =
	    (struct exception){ "MAIL", "421 4.4.2 time is up", 0 };
	servers[0].exceptions[1] = (struct exception){ "connect", "220 x", 0 };
	send_job(&order);
	run_until(&servers[0].accepted, 2);
	memset(servers[0].exceptions, 0, sizeof(servers[0].exceptions));
	run_until(&done_count, 2);
	assert_int_equal(servers[0].messages, 2);
	/* Nor are they kept for ever. */
	run_until(&servers[0].open, 0);
}

static void test_sessions_are_not_shared(void **state)
{
	struct order order = simple;

	(void)state;
	settle();
	order.transport = "single";
	order.nexthop = hop_to(0, 0);
	for (int i = 0; i < 10; i++)
		send_job(&order);
	run_until(&done_count, 10);
	assert_int_equal(servers[0].accepted, 10);
	settle();
	order.transport = "counted"; /* three messages each */
	order.nexthop = hop_to(0, 0);
	for (unsigned i = 1; i <= 7; i++) {
		send_job(&order);
		run_until(&done_count, i);
	}
	assert_int_equal(servers[0].accepted, 3);
}

static int make_blob(size_t size, size_t line)
{
	char path[] = "/tmp/relay_test_blob.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	char *text = mem_new(size, 1);

	assert_true(fd >= 0);
	(void)unlink(path);
	memset(text, 'x', size);
	for (size_t i = line; i <= size; i += line)
		memcpy(text + i - 2, "\r\n", 2);
	assert_int_equal(write(fd, text, size), (ssize_t)size);
	mem_free(text);
	return fd;
}

static void test_big(void **state)
{
	struct order order = simple;

	(void)state;
	settle();
	order.fd = make_blob(BIG, 64);
	order.content.len = BIG;
	run(order, hop_to(0, 0));
	(void)close(order.fd);
	check_log(TO A ", " OK);
	assert_int_equal(servers[0].bytes, BIG);
}

/* 998 bytes, CRLF, a blank, the rest. */
static void test_long_lines(void **state)
{
	struct order order = simple;
	char line[2002];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line + 2000, "\r\n", 2);
	settle();
	order.content = span_of(line, sizeof(line));
	run(order, hop_to(0, 0));
	check_log(
	    ID ": breaking line > 998 bytes with <CR><LF>SPACE\n" TO A ", " OK);
	assert_int_equal(servers[0].bytes, 2002 + 2 * 3);
	settle();
	order.fd = make_blob(BIG, 4096);
	order.content.len = BIG;
	run(order, hop_to(0, 0));
	(void)close(order.fd);
	assert_int_equal(servers[0].bytes, BIG + BIG / 4096 * 4 * 3);
	/* And again for the next host, from the beginning. */
	settle();
	servers[0].exceptions[0] = (struct exception){ ".", "451 4.3.0 no", 0 };
	order.fd = make_blob(BIG, 4096);
	run(order, hop_to(0, 1));
	(void)close(order.fd);
	assert_int_equal(servers[1].bytes, BIG + BIG / 4096 * 4 * 3);
}

static void test_lmtp(void **state)
{
	struct order order = simple;

	(void)state;
	settle();
	order.transport = "lmtp";
	order.nexthop = hop_to(0, 0);
	run(order, hop_to(0, 0));
	check_log(TO A ", " OK);
	assert_true(span_has_prefix(
	    buf_span(&servers[0].heard), SPAN("LHLO me.example\n")));
}

#define LOCAL_RELAY "relay=me.example[lmtp]"

/* As in Postfix, the host is ourselves. */
static void test_lmtp_unix(void **state)
{
	struct order order = simple;

	(void)state;
	settle();
	order.transport = "lmtp";
	order.rcpts[1] = "b@x";
	servers[LOCAL_SERVER].exceptions[0] =
	    (struct exception){ "RCPT", "550 5.1.1 who?", 1 };
	run(order, "unix:lmtp");
	check_log(
	    ID ": to=<b@x>, " LOCAL_RELAY
	       ", dsn=5.1.1, status=bounced (host me.example[lmtp] said: "
	       "550 5.1.1 who? (in reply to RCPT TO command))\n" TO LOCAL_RELAY
	       ", " OK);
	assert_span_equal(
	    last_done.verdicts[0].relay, SPAN("me.example[lmtp]"));
	assert_int_equal(servers[LOCAL_SERVER].accepted, 1);
	assert_true(span_has_prefix(
	    buf_span(&servers[LOCAL_SERVER].heard), SPAN("LHLO me.example\n")));
	/* The next one takes the same session. */
	done_count = 0;
	order.rcpts[1] = NULL;
	servers[LOCAL_SERVER].exceptions[0].verb = NULL;
	run(order, "unix:lmtp");
	assert_int_equal(servers[LOCAL_SERVER].accepted, 1);
	assert_int_equal(servers[LOCAL_SERVER].messages, 2);
}

/* Content from a file goes into a unix socket like into any other. */
static void test_lmtp_unix_big(void **state)
{
	struct order order = simple;

	(void)state;
	settle();
	order.transport = "lmtp";
	order.fd = make_blob(BIG, 512);
	run(order, "unix:lmtp");
	(void)close(order.fd);
	assert_int_equal(servers[LOCAL_SERVER].bytes, BIG);
	assert_int_equal(last_done.verdicts[0].class, VERDICT_SENT);
}

static void test_lmtp_unix_nobody(void **state)
{
	struct order order = simple;
	char path[200];

	(void)state;
	settle();
	order.transport = "lmtp";
	run(order, "unix:private/lmtp");
	check_log("connect to me.example[private/lmtp]: No such file or "
	          "directory\n" TO
	          "relay=none, dsn=4.4.1, status=deferred (connect to "
	          "me.example[private/lmtp]: No such file or directory)\n");
	assert_int_equal(last_done.site, JOB_SITE_DEAD);
	settle();
	(void)snprintf(path, sizeof(path), "unix:%0150d", 0);
	run(order, path);
	assert_int_equal(last_done.verdicts[0].class, VERDICT_DEFERRED);
	assert_span_equal(last_done.verdicts[0].status, SPAN("4.3.5"));
}

/* sendmail -bv: MAIL, RCPT, and no more. */
static void test_verify(void **state)
{
	struct order order = simple;

	(void)state;
	settle();
	order.flags = ENVELOPE_VERIFY;
	order.rcpts[1] = "b@x";
	servers[0].exceptions[0] =
	    (struct exception){ "RCPT", "450 4.2.1 full", 1 };
	run(order, hop_to(0, 0));
	check_log(
	    TO A ", dsn=2.1.0, status=deliverable (250 2.1.0 Ok)\n" ID
	         ": to=<b@x>, " A ", dsn=4.2.1, status=undeliverable (host " H
	         " said: 450 4.2.1 full (in reply to RCPT TO command))\n");
	assert_int_equal(servers[0].messages, 0);
	/* The session is good for a message that is meant. */
	done_count = 0;
	servers[0].exceptions[0].verb = NULL;
	run(simple, hop_to(0, 0));
	assert_int_equal(servers[0].messages, 1);
	assert_int_equal(servers[0].accepted, 1);
	assert_span_equal(buf_span(&servers[0].heard),
	    SPAN("EHLO me.example\n"
	         "MAIL FROM:<s@y>\nRCPT TO:<a@x>\nRCPT TO:<b@x>\nRSET\n"
	         "MAIL FROM:<s@y>\nRCPT TO:<a@x>\nDATA\n"));
}

static void on_ended(void *ctx)
{
	++*(unsigned *)ctx;
}

static void test_stop(void **state)
{
	unsigned ended = 0;
	struct order order = simple;

	(void)state;
	settle();
	relay.stopping = true;
	relay.ended = (struct loop_hook){ .fn = on_ended, .ctx = &ended };
	run(order, hop_to(0, 0));
	relay.stopping = false;
	assert_int_equal(ended, 1);
	assert_int_equal(last_done.site, JOB_SITE_AGAIN);
	check_log("");
}

static void test_unspeakable(void **state)
{
	struct order order = simple;

	(void)state;
	settle();
	order.rcpts[1] = "b\r\nRSET@x";
	run(order, hop_to(0, 0));
	check_log(ID ": to=<\"b\\??RSET\"@x>, relay=none, dsn=5.1.3, "
	             "status=bounced (bad address syntax)\n" TO A ", " OK);
}

/* The world around it */

static void write_file(const char *name, const char *text)
{
	char path[100];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void make_conf(void)
{
	struct conf_report report = CONF_REPORT_INIT;
	struct conf *conf = NULL;
	char text[1000];

	write_file("main.cf",
	    "compatibility_level = 3.6\n"
	    "myhostname = me.example\n"
	    "inet_interfaces = loopback-only\n"
	    "smtp_mail_timeout = 1s\n"
	    "smtp_connection_cache_time_limit = 1s\n");
	(void)snprintf(text, sizeof(text),
	    "smtp unix - - n - - smtp\n"
	    "lmtp unix - - n - - lmtp\n"
	    "single unix - - n - - smtp\n"
	    " -o smtp_connection_cache_on_demand=no\n"
	    "counted unix - - n - - smtp\n"
	    " -o smtp_connection_reuse_count_limit=3\n"
	    "backed unix - - n - - smtp\n"
	    " -o smtp_fallback_relay=[127.0.0.1]:%u\n",
	    servers[2].port);
	write_file("master.cf", text);
	write_file("resolv.conf", "nameserver 127.0.0.1@1\n");
	if (conf_read(dir, &report, &conf) != CONF_OK)
		fail_msg("%.*s", PRI(buf_span(&report.error)));
	relay.snapshot = snapshot_new(conf);
	conf_unref(&conf);
	conf_report_done(&report);
}

static int set_up(void **state)
{
	char resolv[64];
	int pair[2];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	(void)snprintf(log_path, sizeof(log_path), "%s/log", dir);
	(void)snprintf(resolv, sizeof(resolv), "%s/resolv.conf", dir);
	fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	log_open(&(struct log_setup){ .kind = LOG_KIND_FILE,
	    .fd = fd,
	    .host = SPAN("h"),
	    .syslog_name = SPAN("postfix") });
	assert_int_equal(loop_new(&relay.loop), 0);
	log_attach(relay.loop);
	hmap_init(&relay.dests);
	list_init(&relay.all_dests);
	list_init(&relay.jobs);
	for (size_t i = 0; i < SERVERS; i++)
		start_server(&servers[i]);
	make_conf();
	assert_int_equal(
	    dns_new(relay.loop, &(struct dns_setup){ .resolv_conf = resolv },
	        &relay.dns),
	    0);
	assert_int_equal(sock_pair(pair), 0);
	assert_int_equal(
	    chan_new(relay.loop, pair[0], &relay_calls, NULL, &relay.queue), 0);
	assert_int_equal(
	    chan_new(relay.loop, pair[1], &queue_calls, NULL, &queue), 0);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = { "main.cf", "master.cf",
		"resolv.conf", "log", "lmtp" };
	char path[100];

	(void)state;
	settle();
	chan_free(&queue);
	chan_free(&relay.queue);
	dns_free(&relay.dns);
	snapshot_unref(&relay.snapshot);
	for (size_t i = 0; i < SERVERS; i++) {
		loop_unwatch(&servers[i].watch);
		(void)close(servers[i].fd);
		buf_done(&servers[i].heard);
	}
	log_attach(NULL);
	log_done();
	loop_free(&relay.loop);
	hmap_done(&relay.dests);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void)unlink(path);
	}
	assert_int_equal(chdir("/"), 0);
	(void)rmdir(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moods),
		cmocka_unit_test(test_recipients_part),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_sessions_are_shared),
		cmocka_unit_test(test_sessions_are_not_shared),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_lmtp),
		cmocka_unit_test(test_lmtp_unix),
		cmocka_unit_test(test_lmtp_unix_big),
		cmocka_unit_test(test_lmtp_unix_nobody),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_unspeakable),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
