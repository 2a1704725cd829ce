/* SPDX-License-Identifier: ISC */
#include "mail/flowed.h"

#include "test/lib/unit.h"

static const struct {
	const char *text;
	bool delsp;
	size_t width;
	const char *want;
} cases[] = {
	{ "", false, 0, "" },
	{ "one\ntwo\n", false, 20, "one\ntwo\n" },
	{ "one \ntwo\n", false, 0, "one two\n" },
	{ "one \r\ntwo\r\n", false, 0, "one two\n" },
	{ "one \ntwo", false, 0, "one two\n" },
	{ "one \n", false, 0, "one\n" },
	{ "one \n\ntwo\n", false, 0, "one\n\ntwo\n" },
	{ "\n\n", false, 72, "\n\n" },
	/* a paragraph is wrapped again, a fixed line is not */
	{ "the quick brown fox \njumps over the lazy dog\n", false, 25,
	    "the quick brown fox jumps\nover the lazy dog\n" },
	{ "a fixed line that is longer than it should be\n", false, 25,
	    "a fixed line that is longer than it should be\n" },
	{ "two  blanks \nstay\n", false, 40, "two  blanks stay\n" },
	{ "  indented \nmore\n", false, 40, " indented more\n" },
	/* space-stuffing */
	{ " From here\n >not quoted\n", false, 0, "From here\n>not quoted\n" },
	{ "  two\n", false, 0, " two\n" },
	/* DelSp */
	{ "\xe6\x97\xa5 \n\xe6\x9c\xac\n", true, 0,
	    "\xe6\x97\xa5\xe6\x9c\xac\n" },
	{ "half  \nword\n", true, 0, "half word\n" },
	/* quotes */
	{ "> quoted \n> text\n", false, 40, "> quoted text\n" },
	{ ">> quoted \n>> text\n>mine\n", false, 40,
	    "> > quoted text\n> mine\n" },
	{ "> quoted \nanswer\n", false, 40, "> quoted\nanswer\n" },
	{ "> the quick brown fox \n> jumps over\n", false, 24,
	    "> the quick brown fox\n> jumps over\n" },
	{ ">\n> a\n", false, 40, ">\n> a\n" },
	/* the signature is no paragraph */
	{ "text \n-- \nAna\n", false, 0, "text\n-- \nAna\n" },
	{ "> text \n> -- \n> Ana\n", false, 0, "> text\n> -- \n> Ana\n" },
	/* wide characters need no blanks */
	{ "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5"
	  "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5"
	  "\xe6\x97\xa5 \n.\n",
	    false, 21,
	    "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5"
	    "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\n"
	    "\xe6\x97\xa5 .\n" },
};

static void joins_and_wraps(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(1000);

		flowed_unwrap(&out, span_str(cases[i].text), cases[i].delsp,
		    cases[i].width);
		assert_span_equal(buf_span(&out), span_str(cases[i].want));
		buf_done(&out);
	}
}

/* Quotes of any depth do not multiply the text. */
static void does_not_grow(void **state UNUSED)
{
	struct buf in = BUF_INIT(1 << 20);
	struct buf out = BUF_INIT(1 << 20);

	for (size_t i = 0; i < 50000; i++)
		buf_putc(&in, '>');
	for (size_t i = 0; i < 50000; i++)
		buf_put(&in, SPAN("a "));
	flowed_unwrap(&out, buf_span(&in), false, 72);
	assert_false(out.failed);
	assert_true(out.len < in.len);
	buf_done(&in);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_and_wraps),
		cmocka_unit_test(does_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
