/* SPDX-License-Identifier: ISC */
#include "proto/smtp_reply.h"

#include "test/lib/unit.h"

static const struct {
	span input;
	enum smtp_reply_result result;
	unsigned code;
	const char *text;
	const char *status;
} cases[] = {
	{ SPAN_INIT("250 ok\r\n"), SMTP_REPLY_DONE, 250, "250 ok", "2.0.0" },
	{ SPAN_INIT("250 ok\n"), SMTP_REPLY_DONE, 250, "250 ok", "2.0.0" },
	{ SPAN_INIT("250\r\n"), SMTP_REPLY_DONE, 250, "250", "2.0.0" },
	{ SPAN_INIT("250 \r\r\n"), SMTP_REPLY_DONE, 250, "250 ", "2.0.0" },
	{ SPAN_INIT("250-\r\n250 x\r\n"), SMTP_REPLY_DONE, 250, "250- 250 x",
	    "2.0.0" },
	{ SPAN_INIT("550 5.1.1 no\r\n"), SMTP_REPLY_DONE, 550, "550 5.1.1 no",
	    "5.1.1" },
	{ SPAN_INIT("550   5.1.1\r\n"), SMTP_REPLY_DONE, 550, "550   5.1.1",
	    "5.1.1" },
	{ SPAN_INIT("550 5.123.456 no\r\n"), SMTP_REPLY_DONE, 550,
	    "550 5.123.456 no", "5.123.456" },
	{ SPAN_INIT("550 5.1234.1 no\r\n"), SMTP_REPLY_DONE, 550,
	    "550 5.1234.1 no", "5.0.0" },
	{ SPAN_INIT("550 5.1.1x no\r\n"), SMTP_REPLY_DONE, 550, "550 5.1.1x no",
	    "5.0.0" },
	{ SPAN_INIT("550 5.1. no\r\n"), SMTP_REPLY_DONE, 550, "550 5.1. no",
	    "5.0.0" },
	{ SPAN_INIT("550 4.1.1 no\r\n"), SMTP_REPLY_DONE, 550, "550 4.1.1 no",
	    "5.0.0" },
	{ SPAN_INIT("354 2.0.0 go\r\n"), SMTP_REPLY_DONE, 354, "354 2.0.0 go",
	    "5.5.0" },
	{ SPAN_INIT("999 x\r\n"), SMTP_REPLY_DONE, 999, "999 x", "5.5.0" },
	{ SPAN_INIT("250 a\0b\tc\x7f\r\n"), SMTP_REPLY_DONE, 250, "250 a?b?c?",
	    "2.0.0" },
	{ SPAN_INIT("250 \xc3\xa9 \xc3 \xe2\x82 \xe2\x82\xac\r\n"),
	    SMTP_REPLY_DONE, 250, "250 \xc3\xa9 ? ?? \xe2\x82\xac", "2.0.0" },
	/* Overlong forms, surrogates and beyond the last plane. */
	{ SPAN_INIT("250 \xc0\xaf \xe0\x80\xaf \xed\xa0\x80 "
	            "\xf4\x90\x80\x80\r\n"),
	    SMTP_REPLY_DONE, 250, "250 ?? ??? ??? ????", "2.0.0" },
	{ SPAN_INIT("25\r\n"), SMTP_REPLY_GARBAGE, 0, "25", NULL },
	{ SPAN_INIT("2500 x\r\n"), SMTP_REPLY_GARBAGE, 0, "2500 x", NULL },
	{ SPAN_INIT("250x\r\n"), SMTP_REPLY_GARBAGE, 0, "250x", NULL },
	{ SPAN_INIT("\r\n"), SMTP_REPLY_GARBAGE, 0, "", NULL },
	{ SPAN_INIT("+250 x\r\n"), SMTP_REPLY_GARBAGE, 0, "+250 x", NULL },
	{ SPAN_INIT("250 ok"), SMTP_REPLY_MORE, 0, NULL, NULL },
};

static void check(size_t i, size_t piece)
{
	struct smtp_reply r;
	enum smtp_reply_result result = SMTP_REPLY_MORE;
	span rest = cases[i].input;

	smtp_reply_init(&r);
	while (rest.len) {
		span head = span_first(rest, piece);

		rest = span_from(rest, head.len);
		while (head.len)
			result = smtp_reply_take(&r, &head);
	}
	assert_int_equal(result, cases[i].result);
	assert_int_equal(r.code, cases[i].code);
	if (cases[i].text)
		assert_span_equal(smtp_reply_text(&r), span_str(cases[i].text));
	if (cases[i].status)
		assert_span_equal(
		    smtp_reply_status(&r), span_str(cases[i].status));
	smtp_reply_done(&r);
}

static void test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece < 40; piece++)
			check(i, piece);
}

static void test_next_reply_is_new(void **state)
{
	struct smtp_reply r;
	span input = SPAN("550 5.7.1 no\r\n250 ok\r\n");

	(void)state;
	smtp_reply_init(&r);
	assert_int_equal(smtp_reply_take(&r, &input), SMTP_REPLY_DONE);
	assert_int_equal(smtp_reply_take(&r, &input), SMTP_REPLY_DONE);
	assert_span_equal(smtp_reply_text(&r), SPAN("250 ok"));
	assert_span_equal(smtp_reply_status(&r), SPAN("2.0.0"));
	smtp_reply_done(&r);
}

/* What is kept is bounded, and the end of a long reply is still found. */
static void test_long(void **state)
{
	static char line[10000];
	struct smtp_reply r;
	enum smtp_reply_result result = SMTP_REPLY_MORE;
	span input;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "250-", 4);
	line[sizeof(line) - 1] = '\n';
	smtp_reply_init(&r);
	for (int i = 0; i < 3; i++) {
		input = span_of(line, sizeof(line));
		result = smtp_reply_take(&r, &input);
		assert_int_equal(result, SMTP_REPLY_LINE);
		assert_int_equal(r.line.len, SMTP_REPLY_LINE_MAX);
	}
	input = SPAN("250 2.1.0 end\r\n");
	assert_int_equal(smtp_reply_take(&r, &input), SMTP_REPLY_DONE);
	assert_span_equal(smtp_reply_status(&r), SPAN("2.1.0"));
	assert_true(smtp_reply_text(&r).len <= 2 * SMTP_REPLY_LINE_MAX + 1);
	for (int i = 0; i < 20; i++) {
		input = span_of(line, sizeof(line));
		result = smtp_reply_take(&r, &input);
		if (result == SMTP_REPLY_TOO_LONG)
			break;
	}
	assert_int_equal(result, SMTP_REPLY_TOO_LONG);
	smtp_reply_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_next_reply_is_new),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
