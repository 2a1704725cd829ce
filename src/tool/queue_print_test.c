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

static void print(bool json, size_t n, struct buf *out)
{
	struct queue_print p = { .json = json };

	for (size_t i = 0; i < n; i++) {
		struct ctl_rcpt copy[ARRAY_LEN(rcpts)];
		struct ctl_entry entry = messages[i];

		memcpy(copy, rcpts, sizeof(copy));
		entry.rcpts = copy;
		queue_print_entry(&p, &entry, out);
	}
	queue_print_end(&p, out);
}

static void expect(bool json, size_t n, const char *want)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1 << 16);

	print(json, n, &out);
	assert_span_equal(buf_span(&out), span_str(want));
}

#define HEADING \
	"-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n"

/* What Postfix prints for the same queue. */
static void test_mailq(void **state)
{
	(void)state;
	expect(false, 0, "Mail queue is empty\n");
	expect(false, 1,
	    HEADING
	    "1B4408AC247*     351 Sun May 24 08:57:10  yo@mydom.com\n"
	    "                                         fresh@example.com\n"
	    "\n-- 0 Kbytes in 1 Request.\n");
	expect(false, 4,
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

static void test_json(void **state)
{
	(void)state;
	expect(true, 0, "");
	expect(true, 3,
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
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_text),
	};

	(void)setenv("TZ", "UTC0", 1);
	date_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
