/* SPDX-License-Identifier: ISC */
#include "mail/clean.h"

#include "mail/address.h"
#include "mail/date.h"
#include "test/lib/unit.h"

static const usec sunday = 1590303371 * USEC_SEC; /* 06:56:11 UTC */
static const msgid id = (uint64_t)0xAC2470 << 20 | 0x1B440;

enum mode { LOCAL, REMOTE, ALWAYS };

static const struct {
	enum mode mode;
	const char *name;
	const char *sender; /* external form */
	const char *input;
	const char *output; /* NULL: as the input */
} cases[] = {
#include "mail/clean_cases.h"
};

static struct clean_conf make_conf(enum mode mode)
{
	return (struct clean_conf){
		.myhostname = SPAN("mx.example.com"),
		.drop_headers = SPAN("bcc, content-length, resent-bcc, "
		                     "return-path"),
		.local = { .origin = SPAN("example.com"),
		    .domain = SPAN("example.com"),
		    .swap_bangpath = true,
		    .percent_hack = true,
		    .append_at_myorigin = true },
		.header_size_limit = 102400,
		.token_limit = 10240,
		.hopcount_limit = 50,
		.always_add_missing = mode == ALWAYS,
	};
}

/* In pieces of `step` bytes, from memory that ends where the piece ends. */
static void feed(struct clean *c, span input, size_t step, struct buf *out)
{
	while (input.len) {
		span piece = span_first(input, step);
		char *copy = mem_new(piece.len, 1);

		memcpy(copy, piece.ptr, piece.len);
		clean_feed(c, span_of(copy, piece.len), out);
		mem_free(copy);
		input = span_from(input, piece.len);
	}
	clean_finish(c, out);
}

static void play(size_t i, size_t step)
{
	struct clean_conf conf = make_conf(cases[i].mode);
	struct buf sender = BUF_INIT(1000);
	struct buf out = BUF_INIT(1 << 20);
	struct clean c;
	const char *want = cases[i].output ? cases[i].output : cases[i].input;

	address_unquote(&sender, span_str(cases[i].sender));
	clean_init(&c, &conf,
	    &(struct clean_message){ .id = id,
	        .arrival = sunday,
	        .sender = buf_span(&sender),
	        .local = cases[i].mode == LOCAL });
	feed(&c, span_str(cases[i].input), step, &out);
	assert_false(c.failed);
	if (!span_eq(buf_span(&out), span_str(want)))
		print_error("%s, in pieces of %zu:\n", cases[i].name, step);
	assert_span_equal(buf_span(&out), span_str(want));
	clean_done(&c);
	buf_done(&out);
	buf_done(&sender);
}

static void test_as_postfix(void **state)
{
	static const size_t steps[] = { 1 << 20, 1, 2, 7, 64 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t k = 0; k < ARRAY_LEN(steps); k++)
			play(i, steps[k]);
}

/* A message through a cleaner that the test then looks at. */
static struct clean run(
    const struct clean_conf *conf, bool local, span input, struct buf *out)
{
	struct clean c;

	clean_init(&c, conf,
	    &(struct clean_message){ .id = id,
	        .arrival = sunday,
	        .sender = SPAN("a@b.org"),
	        .local = local });
	feed(&c, input, 100, out);
	return c;
}

static void test_received_first(void **state)
{
	struct clean_conf conf = make_conf(REMOTE);
	struct received r = { .helo = SPAN("mydom.com"),
		.client_name = SPAN("localhost"),
		.client_addr = SPAN("::1"),
		.myhostname = SPAN("mx.example.com"),
		.mail_name = SPAN("Postfix"),
		.with = SPAN("ESMTP"),
		.id = id,
		.rcpt = SPAN("aca"),
		.when = sunday };
	struct clean_message m = {
		.id = id, .arrival = sunday, .received = &r
	};
	struct buf out = BUF_INIT(10000);
	struct clean c;

	(void)state;
	clean_init(&c, &conf, &m);
	clean_start(&c, &out);
	feed(&c, SPAN("hello\r\n"), 100, &out);
	assert_span_equal(buf_span(&out),
	    SPAN("Received: from mydom.com (localhost [IPv6:::1])\r\n"
	         "\tby mx.example.com (Postfix) with ESMTP id 1B440AC2470\r\n"
	         "\tfor <aca>; Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
	         "\r\n"
	         "hello\r\n"));
	assert_int_equal(c.hops, 1);
	clean_done(&c);
	buf_done(&out);
}

static void test_hops(void **state)
{
	struct clean_conf conf = make_conf(LOCAL);
	struct buf in = BUF_INIT(10000);
	struct buf out = BUF_INIT(10000);
	struct clean c;

	(void)state;
	for (int i = 0; i < 49; i++)
		buf_put(&in, SPAN("received : from a\r\n"));
	c = run(&conf, true, buf_span(&in), &out);
	assert_int_equal(c.hops, 49);
	assert_false(c.hops_exceeded);
	clean_done(&c);

	buf_put(&in, SPAN("Received: from a\r\n\r\nbody\r\n"));
	c = run(&conf, true, buf_span(&in), &out);
	assert_true(c.hops_exceeded);
	clean_done(&c);
	buf_done(&in);
	buf_done(&out);
}

static void test_idents(void **state)
{
	static const struct {
		bool local;
		span input, ident, resent;
	} ids[] = {
		{ true, SPAN_INIT("x\r\n"),
		    SPAN_INIT("<20200524065611.1B440AC2470@mx.example.com>"),
		    SPAN_INIT("") },
		{ false, SPAN_INIT("x\r\n"), SPAN_INIT("<>"), SPAN_INIT("") },
		{ false, SPAN_INIT("Message-ID:  <1@2>\r\n"),
		    SPAN_INIT("<1@2>"), SPAN_INIT("") },
		{ false, SPAN_INIT("Message-Id:\r\n\t<1@2>\x1b\r\n"),
		    SPAN_INIT("<1@2>?"), SPAN_INIT("") },
		{ true, SPAN_INIT("Resent-To: x\r\n"), SPAN_INIT("<>"),
		    SPAN_INIT("<20200524065611.1B440AC2470@mx.example.com>") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct clean_conf conf = make_conf(LOCAL);
		struct buf out = BUF_INIT(10000);
		struct clean c = run(&conf, ids[i].local, ids[i].input, &out);

		assert_span_equal(clean_ident(&c), ids[i].ident);
		assert_span_equal(clean_resent_ident(&c), ids[i].resent);
		clean_done(&c);
		buf_done(&out);
	}
}

static void test_flags(void **state)
{
	static const struct {
		span input;
		unsigned flags;
	} inputs[] = {
		{ SPAN_INIT("Subject: s\r\n\r\nplain\r\n"), 0 },
		{ SPAN_INIT("Subject: \xc3\xb6\r\n\r\nplain\r\n"),
		    CLEAN_UTF8_HEADER },
		{ SPAN_INIT("Subject: s\r\n\r\n0123456789 \xc3\xb6\r\n"),
		    CLEAN_HAS_8BIT },
		{ SPAN_INIT("\xc3\xb6\r\n"), CLEAN_HAS_8BIT },
		{ SPAN_INIT("Content-Transfer-Encoding: BINARY\r\n\r\n"),
		    CLEAN_SAYS_8BIT },
		{ SPAN_INIT("Content-Transfer-Encoding: 7bit\r\n\r\n"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
		struct clean_conf conf = make_conf(LOCAL);
		struct buf out = BUF_INIT(10000);
		struct clean c = run(&conf, false, inputs[i].input, &out);

		assert_int_equal(c.flags, inputs[i].flags);
		clean_done(&c);
		buf_done(&out);
	}
}

static void test_header_limit(void **state)
{
	static const struct {
		span input, output;
	} cuts[] = {
		/* Within a line, when the line before would lose too much. */
		{ SPAN_INIT("X: 0123456789012345678901234567890123456789\r\n"
		            "To: x@y.z\r\n\r\nb\r\n"),
		    SPAN_INIT(
		        "X: 01234567890123456\r\nTo: x@y.z\r\n\r\nb\r\n") },
		{ SPAN_INIT("X: 01234567\r\n 0123456789012\r\n 0\r\n\r\nb\r\n"),
		    SPAN_INIT("X: 01234567\r\n 0123456\r\n\r\nb\r\n") },
		/* After a line, when it ends in the last tenth. */
		{ SPAN_INIT(
		      "X: 012345678901234\r\n 0123456789012\r\n\r\nb\r\n"),
		    SPAN_INIT("X: 012345678901234\r\n\r\nb\r\n") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		struct clean_conf conf = make_conf(REMOTE);
		struct buf out = BUF_INIT(10000);
		struct clean c;

		conf.header_size_limit = 20;
		c = run(&conf, false, cuts[i].input, &out);
		assert_span_equal(buf_span(&out), cuts[i].output);
		clean_done(&c);
		buf_done(&out);
	}
}

/* Lines longer than any header: bounded memory, and bodies stay whole. */
static void test_endless_lines(void **state)
{
	struct clean_conf conf = make_conf(REMOTE);
	struct buf in = BUF_INIT(1 << 20);
	struct buf out = BUF_INIT(1 << 20);
	struct clean c;

	(void)state;
	buf_put(&in, SPAN("X: "));
	for (int i = 0; i < 50000; i++)
		buf_put(&in, SPAN("0123456789"));
	buf_put(&in, SPAN("\r\nSubject: s\r\n\r\n"));
	c = run(&conf, false, buf_span(&in), &out);
	assert_false(c.failed);
	assert_int_equal(out.len, 102400 + 2 + 12 + 2);
	clean_done(&c);

	buf_clear(&in);
	buf_clear(&out);
	for (int i = 0; i < 50000; i++)
		buf_put(&in, SPAN("0123456789"));
	buf_put(&in, SPAN("\r\nSubject: s\r\n\r\n"));
	c = run(&conf, false, buf_span(&in), &out);
	assert_false(c.failed);
	assert_span_equal(span_first(buf_span(&out), 2), SPAN("\r\n"));
	assert_true(span_eq(span_from(buf_span(&out), 2), buf_span(&in)));
	clean_done(&c);
	buf_done(&in);
	buf_done(&out);
}

static void test_undisclosed(void **state)
{
	struct clean_conf conf = make_conf(ALWAYS);
	struct buf out = BUF_INIT(10000);
	struct clean c;

	(void)state;
	conf.undisclosed = SPAN("To: undisclosed-recipients:;");
	c = run(&conf, false,
	    SPAN("From: a\r\nDate: d\r\nMessage-Id: m\r\n\r\n"), &out);
	assert_span_equal(buf_span(&out),
	    SPAN("From: a\r\nDate: d\r\nMessage-Id: m\r\n"
	         "To: undisclosed-recipients:;\r\n\r\n"));
	clean_done(&c);
	buf_done(&out);
}

static void test_remote_domain(void **state)
{
	struct clean_conf conf = make_conf(REMOTE);
	struct buf out = BUF_INIT(10000);
	struct clean c;

	(void)state;
	conf.remote = conf.local;
	conf.remote.origin = conf.remote.domain = SPAN("domain.invalid");
	c = run(&conf, false,
	    SPAN("From: joe\r\nDate: d\r\nMessage-Id: m\r\nTo: x@y\r\n"), &out);
	assert_span_equal(buf_span(&out),
	    SPAN("From: joe@domain.invalid\r\nDate: d\r\nMessage-Id: m\r\n"
	         "To: x@y\r\n"));
	clean_done(&c);
	buf_done(&out);
}

/* A caller's mistake must not end the message early on the way out. */
static void test_lone_dot(void **state)
{
	struct clean_conf conf = make_conf(REMOTE);
	struct buf out = BUF_INIT(10000);
	struct clean c =
	    run(&conf, false, SPAN("Subject: s\r\n.\r\nx\r\n"), &out);

	(void)state;
	assert_span_equal(buf_span(&out), SPAN("Subject: s\r\n\r\nx\r\n"));
	clean_done(&c);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_postfix),
		cmocka_unit_test(test_received_first),
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_idents),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_header_limit),
		cmocka_unit_test(test_endless_lines),
		cmocka_unit_test(test_undisclosed),
		cmocka_unit_test(test_remote_domain),
		cmocka_unit_test(test_lone_dot),
	};

	(void)setenv("TZ", "UTC", 1);
	date_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
