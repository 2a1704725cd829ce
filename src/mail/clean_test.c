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

/* ---- addresses that are asked for ---- */

/* What the tables of these tests say; everything else stays. */
static const struct {
	uint8_t class;
	span from, to;
} answers[] = {
	{ CLEAN_SENDER, SPAN_INIT("joe@a.org"), SPAN_INIT("Joe@b.org") },
	{ CLEAN_RECIPIENT, SPAN_INIT("kim@a.org"), SPAN_INIT("Kim@b.org") },
	{ CLEAN_SENDER, SPAN_INIT("\"x y\"@a.org"), SPAN_INIT("xy@b.org") },
	{ CLEAN_RECIPIENT, SPAN_INIT("q@a.org"), SPAN_INIT("\"q q\"@b.org") },
	{ CLEAN_SENDER, SPAN_INIT("bare@example.com"), SPAN_INIT("b@b.org") },
	{ CLEAN_SENDER, SPAN_INIT("gone@a.org"), SPAN_INIT("") },
	{ CLEAN_SENDER, SPAN_INIT("utf8@a.org"), SPAN_INIT("j\xc3\xb6@b.org") },
};

static span look_up(uint8_t class, span addr)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (answers[i].class == class && span_eq(answers[i].from, addr))
			return answers[i].to;
	return SPAN_NONE;
}

static void answer(struct clean *c, struct buf *out)
{
	struct wire w = wire_from(buf_span(&c->asked));
	span *found = mem_new(c->nasked, sizeof(*found));
	uint32_t count = 0;
	uint8_t class;
	span addr;

	assert_true(c->nasked > 0);
	assert_false(clean_in_body(c));
	while (clean_next_question(&w, &class, &addr)) {
		assert_true(count < c->nasked);
		found[count++] = look_up(class, addr);
	}
	assert_int_equal(count, c->nasked);
	clean_answer(c, found, count, out);
	mem_free(found);
	assert_false(c->asking);
}

/* Returns how often it was asked. */
static unsigned feed_mapped(
    struct clean *c, span input, size_t step, struct buf *out)
{
	unsigned asked = 0;

	while (input.len) {
		span piece = span_first(input, step);
		char *copy = mem_new(piece.len, 1);

		memcpy(copy, piece.ptr, piece.len);
		clean_feed(c, span_of(copy, piece.len), out);
		mem_free(copy);
		input = span_from(input, piece.len);
		if (c->asking) {
			answer(c, out);
			asked++;
		}
	}
	clean_finish(c, out);
	if (c->asking) {
		answer(c, out);
		asked++;
	}
	return asked;
}

static const struct {
	const char *name, *input, *output;
	unsigned asked;
} mapped[] = {
	{ "one",
	    "From: joe@a.org\r\nTo: kim@a.org\r\nDate: d\r\n"
	    "Message-Id: m\r\n\r\nFrom: joe@a.org\r\n",
	    "From: Joe@b.org\r\nTo: Kim@b.org\r\nDate: d\r\n"
	    "Message-Id: m\r\n\r\nFrom: joe@a.org\r\n",
	    1 },
	{ "the other's table is not asked",
	    "From: kim@a.org\r\nTo: joe@a.org\r\nDate: d\r\n"
	    "Message-Id: m\r\n",
	    "From: kim@a.org\r\nTo: joe@a.org\r\nDate: d\r\n"
	    "Message-Id: m\r\n",
	    1 },
	{ "unchanged stays as it came",
	    "From:  other@a.org (a)\r\n\t,<more@a.org>\r\nDate: d\r\n"
	    "Message-Id: m\r\n\r\n",
	    "From:  other@a.org (a)\r\n\t,<more@a.org>\r\nDate: d\r\n"
	    "Message-Id: m\r\n\r\n",
	    1 },
	{ "order, comments, groups, completion first",
	    "X: 1\r\nSender: bare\r\nX: 2\r\n"
	    "Cc: g: kim@a.org, <>, \"K\" <q@a.org> (c);\r\nX: 3\r\n"
	    "From: \"x y\"@a.org, up\r\n",
	    "X: 1\r\nSender: b@b.org\r\nX: 2\r\n"
	    "Cc: g: Kim@b.org, <>, \"K\" <\"q q\"@b.org>(c);"
	    "\r\nX: 3\r\nFrom: xy@b.org, up@example.com\r\n"
	    "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
	    "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n",
	    1 },
	{ "nothing to ask", "To: :;\r\nSubject: s\r\n\r\nbody\r\n",
	    "To: :;\r\nSubject: s\r\n"
	    "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
	    "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
	    "From: a@b.org\r\n\r\nbody\r\n",
	    0 },
	{ "dropped ones are not asked for", "Bcc: kim@a.org\r\n\r\n",
	    "Message-Id: <20200524065611.1B440AC2470@mx.example.com>\r\n"
	    "Date: Sun, 24 May 2020 06:56:11 +0000 (UTC)\r\n"
	    "From: a@b.org\r\n\r\n",
	    0 },
	{ "to nothing",
	    "From: gone@a.org, joe@a.org\r\nDate: d\r\nMessage-Id: m\r\n",
	    "From: \"\", Joe@b.org\r\nDate: d\r\nMessage-Id: m\r\n", 1 },
};

static const struct clean_message mapped_message = { .id = id,
	.arrival = sunday,
	.sender = SPAN_INIT("a@b.org"),
	.local = true };

static void test_mapped(void **state)
{
	static const size_t steps[] = { 1 << 20, 1, 2, 7, 64 };
	struct clean_conf conf = make_conf(LOCAL);

	(void)state;
	conf.map_senders = conf.map_recipients = true;
	for (size_t i = 0; i < ARRAY_LEN(mapped) * ARRAY_LEN(steps); i++) {
		size_t k = i / ARRAY_LEN(steps);
		size_t step = steps[i % ARRAY_LEN(steps)];
		struct buf out = BUF_INIT(1 << 20);
		struct clean c;
		unsigned asked;

		clean_init(&c, &conf, &mapped_message);
		asked = feed_mapped(&c, span_str(mapped[k].input), step, &out);
		if (!span_eq(buf_span(&out), span_str(mapped[k].output)))
			print_error("%s, %zu:\n", mapped[k].name, step);
		assert_span_equal(buf_span(&out), span_str(mapped[k].output));
		assert_int_equal(asked, mapped[k].asked);
		assert_false(c.failed);
		clean_done(&c);
		buf_done(&out);
	}
}

/* Longer than what is held back: asked in parts, nothing is lost. */
static void test_mapped_long(void **state)
{
	struct clean_conf conf = make_conf(LOCAL);
	struct buf in = BUF_INIT(4 << 20);
	struct buf want = BUF_INIT(4 << 20);
	struct buf out = BUF_INIT(4 << 20);
	struct clean c;

	(void)state;
	conf.map_recipients = true;
	for (int i = 0; i < 30000; i++) {
		buf_put(&in, SPAN("Cc: kim@a.org\r\nX: kim@a.org\r\n"));
		buf_put(&want, SPAN("Cc: Kim@b.org\r\nX: kim@a.org\r\n"));
	}
	buf_put(&in,
	    SPAN("Date: d\r\nFrom: joe@a.org\r\nMessage-Id: m\r\n"
	         "\r\nb\r\n"));
	buf_put(&want,
	    SPAN("Date: d\r\nFrom: joe@a.org\r\n"
	         "Message-Id: m\r\n\r\nb\r\n"));
	clean_init(&c, &conf, &mapped_message);
	assert_true(feed_mapped(&c, buf_span(&in), 65536, &out) > 3);
	assert_false(c.failed);
	assert_true(span_eq(buf_span(&out), buf_span(&want)));
	assert_true(clean_in_body(&c));
	clean_done(&c);
	buf_done(&in);
	buf_done(&want);
	buf_done(&out);
}

/* What comes from a table may need SMTPUTF8. */
static void test_mapped_utf8(void **state)
{
	struct clean_conf conf = make_conf(LOCAL);
	struct buf out = BUF_INIT(10000);
	struct clean c;

	(void)state;
	conf.map_senders = true;
	clean_init(&c, &conf, &mapped_message);
	(void)feed_mapped(&c, SPAN("From: utf8@a.org\r\n"), 100, &out);
	assert_int_equal(c.flags, CLEAN_UTF8_HEADER);
	clean_done(&c);
	buf_done(&out);
}

/* Too few answers, or too many: never a message with some of them. */
static void test_mapped_badly(void **state)
{
	static const span three[3] = { SPAN_INIT("a@b"), SPAN_INIT("c@d"),
		SPAN_INIT("e@f") };
	struct clean_conf conf = make_conf(LOCAL);

	(void)state;
	conf.map_senders = true;
	for (uint32_t count = 0; count <= 3; count++) {
		struct buf out = BUF_INIT(10000);
		struct clean c;

		clean_init(&c, &conf, &mapped_message);
		clean_feed(&c, SPAN("From: x@y.z, z@y.z\r\n\r\n"), &out);
		assert_true(c.asking);
		clean_answer(&c, three, count, &out);
		assert_int_equal(c.failed, count != 2);
		clean_done(&c);
		buf_done(&out);
	}
}

/* Strangers' headers are left alone, and so is a message with a loop. */
static void test_mapped_not(void **state)
{
	struct clean_conf conf = make_conf(LOCAL);
	struct clean_message stranger = mapped_message;
	struct buf out = BUF_INIT(10000);
	struct clean c;

	(void)state;
	conf.map_senders = conf.map_recipients = true;
	conf.hopcount_limit = 1;
	stranger.local = false;
	clean_init(&c, &conf, &stranger);
	assert_int_equal(
	    feed_mapped(&c, SPAN("From: joe@a.org\r\n"), 5, &out), 0);
	assert_span_equal(buf_span(&out), SPAN("From: joe@a.org\r\n"));
	clean_done(&c);
	clean_init(&c, &conf, &mapped_message);
	assert_int_equal(
	    feed_mapped(
	        &c, SPAN("From: joe@a.org\r\nReceived: x\r\n"), 5, &out),
	    0);
	assert_true(c.hops_exceeded);
	clean_done(&c);
	buf_done(&out);
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
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_mapped_long),
		cmocka_unit_test(test_mapped_utf8),
		cmocka_unit_test(test_mapped_badly),
		cmocka_unit_test(test_mapped_not),
	};

	(void)setenv("TZ", "UTC", 1);
	date_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
