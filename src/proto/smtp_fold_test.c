/* SPDX-License-Identifier: ISC */
#include "proto/smtp_fold.h"

#include "test/lib/unit.h"

/* Lines of at most ten bytes. */
static const struct {
	const char *content;
	const char *folded;
} cases[] = {
	{ "", "" },
	{ "short\r\n", "short\r\n" },
	{ "0123456789\r\n", "0123456789\r\n" },
	{ "0123456789a\r\n", "0123456789\r\n a\r\n" },
	{ "0123456789abcdefghi\r\n", "0123456789\r\n abcdefghi\r\n" },
	{ "0123456789abcdefghij\r\nx\r\n",
	    "0123456789\r\n abcdefghi\r\n j\r\nx\r\n" },
	{ "..23456789a\r\n", "..23456789a\r\n" },
	{ "..23456789ab\r\n", "..23456789a\r\n b\r\n" },
	{ "0123456789.\r\n", "0123456789\r\n .\r\n" },
	{ "\r\n\r\n..\r\n", "\r\n\r\n..\r\n" },
	{ "no end of line", "no end of \r\n line" },
	{ "0123456789", "0123456789" },
};

static void check(size_t i, size_t piece, size_t enough)
{
	struct buf out = BUF_INIT(1000);
	struct buf all = BUF_INIT(1000);
	struct smtp_fold f;
	span rest = span_str(cases[i].content);

	smtp_fold_init(&f, 10);
	while (rest.len) {
		span head = span_first(rest, piece);

		rest = span_from(rest, head.len);
		while (head.len) {
			smtp_fold_put(&f, &head, &out, enough);
			buf_put(&all, buf_span(&out));
			buf_clear(&out);
		}
	}
	assert_span_equal(buf_span(&all), span_str(cases[i].folded));
	assert_int_equal(smtp_fold_growth(span_str(cases[i].content), 10),
	    strlen(cases[i].folded) - strlen(cases[i].content));
	buf_done(&out);
	buf_done(&all);
}

static void test_fold(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece < 30; piece++)
			for (size_t enough = 1; enough < 30; enough += 4)
				check(i, piece, enough);
}

static void test_no_limit(void **state)
{
	(void)state;
	assert_int_equal(smtp_fold_growth(SPAN("abc\r\n"), 0), 0);
	assert_int_equal(smtp_fold_growth(SPAN("abc\r\n"), 1), 0);
	assert_int_equal(smtp_fold_growth(SPAN("abc\r\n"), 2), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
