/* SPDX-License-Identifier: ISC */
#include "tool/queue_print.h"

#include <stdlib.h>

#include "mail/date.h"
#include "test/lib/unit.h"

/* 2020-05-24 08:57:10 UTC */
#define WHEN (1590310630 * USEC_SEC + 123456)

static const struct ctl_rcpt rcpts[] = {
	{ .addr = SPAN_INIT("fresh@example.com") },
	{ .addr = SPAN_INIT("bob@example.com"),
	    .reason = SPAN_INIT("connect to example.com[192.0.2.1]:25: "
	                        "Connection timed out") },
	{ .addr = SPAN_INIT("first last@example.com"),
	    .reason = SPAN_INIT("connect to example.com[192.0.2.1]:25: "
	                        "Connection timed out") },
	{ .addr = SPAN_INIT("x@example.org"),
	    .reason = SPAN_INIT("host \"mx\" said: 451 \\o/") },
};

static const struct ctl_entry messages[] = {
	{ .id = 0x8AC247ULL << 20 | 0x1B440,
	    .arrival = WHEN,
	    .size = 351,
	    .queue = CTL_ACTIVE,
	    .sender = SPAN_INIT("yo@mydom.com"),
	    .nrcpts = 1 },
	{ .id = 0x8AC248ULL << 20 | 0x0000F,
	    .arrival = WHEN + USEC_DAY,
	    .size = 12345678,
	    .queue = CTL_DEFERRED,
	    .forced_expire = true,
	    .nrcpts = ARRAY_LEN(rcpts) },
	{ .id = 0x1AC248ULL << 20 | 0xFFFFF,
	    .arrival = WHEN,
	    .size = 99,
	    .queue = CTL_HOLD,
	    .sender = SPAN_INIT("\x1b[1m\xc3\xa9\xff@x"),
	    .nrcpts = 1 },
	{ .id = 0x1AC249ULL << 20,
	    .arrival = WHEN,
	    .size = 1,
	    .queue = CTL_INCOMING,
	    .sender = SPAN_INIT("a@b"),
	    .nrcpts = 1 },
};

static void print(enum queue_form form, size_t n, struct buf *out)
{
	struct queue_print p = { .form = form };

	for (size_t i = 0; i < n; i++) {
		struct ctl_rcpt copy[ARRAY_LEN(rcpts)];
		struct ctl_entry entry = messages[i];

		memcpy(copy, rcpts, sizeof(copy));
		entry.rcpts = copy;
		queue_print_entry(&p, &entry, out);
	}
	queue_print_end(&p, out);
	if (form == QUEUE_SENDMAIL) {
		CLEANUP(buf_done) struct buf body = BUF_INIT(1 << 16);

		buf_put(&body, buf_span(out));
		buf_clear(out);
		queue_print_head(&p, out);
		buf_put(out, buf_span(&body));
	}
}

static void expect(enum queue_form form, size_t n, const char *want)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 16);

	print(form, n, &out);
	assert_span_equal(buf_span(&out), span_str(want));
}

#define HEADING \
	"-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n"

/* What Postfix prints for the same queue. */
static void test_mailq(void **state)
{
	(void)state;
	expect(QUEUE_POSTFIX, 0, "Mail queue is empty\n");
	expect(QUEUE_POSTFIX, 1,
	    HEADING
	    "1B4408AC247*     351 Sun May 24 08:57:10  yo@mydom.com\n"
	    "                                         fresh@example.com\n"
	    "\n-- 0 Kbytes in 1 Request.\n");
	expect(QUEUE_POSTFIX, 4,
	    HEADING
	    "1B4408AC247*     351 Sun May 24 08:57:10  yo@mydom.com\n"
	    "                                         fresh@example.com\n"
	    "\n"
	    "0000F8AC248# 12345678 Mon May 25 08:57:10  MAILER-DAEMON\n"
	    "                  (connect to example.com[192.0.2.1]:25: "
	    "Connection timed out)\n"
	    "                                         bob@example.com\n"
	    "                                         "
	    "\"first last\"@example.com\n"
	    "                                                     "
	    "(host \"mx\" said: 451 \\o/)\n"
	    "                                         x@example.org\n"
	    "                                                          "
	    "(reason unavailable)\n"
	    "                                         fresh@example.com\n"
	    "\n"
	    "FFFFF1AC248!      99 Sun May 24 08:57:10  "
	    "\"?[1m\xc3\xa9?\"@x\n"
	    "                                         fresh@example.com\n"
	    "\n"
	    "000001AC249       1 Sun May 24 08:57:10  a@b\n"
	    "                                         fresh@example.com\n"
	    "\n-- 12056 Kbytes in 4 Requests.\n");
}

#define MQUEUE_HEADING \
	"-----Q-ID----- --Size-- -----Q-Time----- " \
	"------------Sender/Recipient-----------\n"

/* What sendmail 8 prints: each column where its queue.c has it. */
static void test_sendmail(void **state)
{
	(void)state;
	expect(QUEUE_SENDMAIL, 0,
	    "/var/spool/mqueue is empty\n\t\tTotal requests: 0\n");
	expect(QUEUE_SENDMAIL, 1,
	    "\t\t/var/spool/mqueue (1 request)\n" MQUEUE_HEADING
	    "  1B4408AC247*     351 Sun May 24 08:57 <yo@mydom.com>\n"
	    "\t\t\t\t\t <fresh@example.com>\n"
	    "\t\tTotal requests: 1\n");
	/* One reason, cut; the recipients stay in order. */
	expect(QUEUE_SENDMAIL, 3,
	    "\t\t/var/spool/mqueue (3 requests)\n" MQUEUE_HEADING
	    "  1B4408AC247*     351 Sun May 24 08:57 <yo@mydom.com>\n"
	    "\t\t\t\t\t <fresh@example.com>\n"
	    "  0000F8AC248 12345678 Mon May 25 08:57 MAILER-DAEMON\n"
	    "                 (Deferred: connect to example.com[192.0.2.1]:25: "
	    "Connection t)\n"
	    "\t\t\t\t\t <fresh@example.com>\n"
	    "\t\t\t\t\t <bob@example.com>\n"
	    "\t\t\t\t\t <\"first last\"@example.com>\n"
	    "\t\t\t\t\t <x@example.org>\n"
	    "  FFFFF1AC248       99 Sun May 24 08:57 "
	    "<\"\\033[1m\\303\\251\\377\"@x>\n"
	    "     QUARANTINE: on hold\n"
	    "\t\t\t\t\t <fresh@example.com>\n"
	    "\t\tTotal requests: 3\n");
}

/* Where a line ends, no character is cut in two. */
static void test_sendmail_cut(void **state)
{
	static const struct {
		const char *sender, *want;
	} cases[] = {
		/* 39 bytes for a sender */
		{ "abcdefghijklmnopqrstuvwxyz0123456789@x",
		    "<abcdefghijklmnopqrstuvwxyz0123456789@x" },
		{ "abcdefghijklmnopqrstuvwxyz01234567@x\377",
		    "<abcdefghijklmnopqrstuvwxyz01234567@x" },
		{ "abcdefghijklmnopqrstuvwxyz01234@x\377",
		    "<abcdefghijklmnopqrstuvwxyz01234@x\\377>" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(4096);
		CLEANUP(buf_done) struct buf want = BUF_INIT(4096);
		struct queue_print p = { .form = QUEUE_SENDMAIL };
		struct ctl_rcpt rcpt = { .addr = SPAN_INIT("a@b"),
			.reason =
			    SPAN_INIT("1234567890123456789012345678901234567890"
			              "12345678\xe2\x82\xac") };
		struct ctl_entry m = messages[0];

		m.sender = span_str(cases[i].sender);
		m.rcpts = &rcpt;
		queue_print_entry(&p, &m, &out);
		buf_printf(&want,
		    "  1B4408AC247*     351 Sun May 24 08:57 %s\n"
		    "                 (Deferred: "
		    "123456789012345678901234567890123456789012345678)\n"
		    "\t\t\t\t\t <a@b>\n",
		    cases[i].want);
		assert_span_equal(buf_span(&out), buf_span(&want));
	}
}

static void test_json(void **state)
{
	(void)state;
	expect(QUEUE_JSON, 0, "");
	expect(QUEUE_JSON, 3,
	    "{\"queue_name\": \"active\", \"queue_id\": \"1B4408AC247\", "
	    "\"arrival_time\": 1590310630, \"message_size\": 351, "
	    "\"forced_expire\": false, \"sender\": \"yo@mydom.com\", "
	    "\"recipients\": [{\"address\": \"fresh@example.com\"}]}\n"
	    "{\"queue_name\": \"deferred\", \"queue_id\": \"0000F8AC248\", "
	    "\"arrival_time\": 1590397030, \"message_size\": 12345678, "
	    "\"forced_expire\": true, \"sender\": \"MAILER-DAEMON\", "
	    "\"recipients\": [{\"address\": \"bob@example.com\", "
	    "\"delay_reason\": \"connect to example.com[192.0.2.1]:25: "
	    "Connection timed out\"}, "
	    "{\"address\": \"\\\"first last\\\"@example.com\", "
	    "\"delay_reason\": \"connect to example.com[192.0.2.1]:25: "
	    "Connection timed out\"}, "
	    "{\"address\": \"x@example.org\", "
	    "\"delay_reason\": \"host \\\"mx\\\" said: 451 \\\\o/\"}, "
	    "{\"address\": \"fresh@example.com\"}]}\n"
	    "{\"queue_name\": \"hold\", \"queue_id\": \"FFFFF1AC248\", "
	    "\"arrival_time\": 1590310630, \"message_size\": 99, "
	    "\"forced_expire\": false, "
	    "\"sender\": \"\\\"?[1m\xc3\xa9?\\\"@x\", "
	    "\"recipients\": [{\"address\": \"fresh@example.com\"}]}\n");
}

static void test_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain", "plain" },
		{ "a\tb\nc\x7f", "a?b?c?" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xc3", "?" },
		{ "\x80x", "?x" },
		{ "\xc0\xaf", "??" },
		{ "\xff\xbf", "??" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(100);

		queue_print_text(&out, span_str(cases[i].in));
		assert_span_equal(buf_span(&out), span_str(cases[i].out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mailq),
		cmocka_unit_test(test_sendmail),
		cmocka_unit_test(test_sendmail_cut),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_text),
	};

	(void)setenv("TZ", "UTC0", 1);
	date_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
