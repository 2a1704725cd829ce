/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "conf/lines.h"

/* "LINE:text|" for each logical line. */
static const struct {
	const char *name;
	span text;
	span want;
} cases[] = {
	{ "plain", SPAN_INIT("a\nb\n"), SPAN_INIT("1:a|2:b|") },
	{ "no end of line", SPAN_INIT("a\nb"), SPAN_INIT("1:a|2:b|") },
	{ "continuation", SPAN_INIT("a\n b\n\tc\nd\n"),
	    SPAN_INIT("1:a b\tc|4:d|") },
	{ "comment inside", SPAN_INIT("a\n#x\n b\n  # y\n c\nd\n"),
	    SPAN_INIT("1:a b c|6:d|") },
	{ "blank lines inside", SPAN_INIT("a\n \n b\n\t\nc\n"),
	    SPAN_INIT("1:a b|5:c|") },
	{ "empty line inside", SPAN_INIT("a\n\n b\n"), SPAN_INIT("1:a b|") },
	{ "empty line behind", SPAN_INIT("a\n\nb\n"), SPAN_INIT("1:a|3:b|") },
	{ "comment first", SPAN_INIT("# x\n\n  # y\nz = 1\n"),
	    SPAN_INIT("4:z = 1|") },
	{ "nothing", SPAN_INIT(""), SPAN_INIT("") },
	{ "only comments", SPAN_INIT("#\n\n#"), SPAN_INIT("") },
	{ "indented start", SPAN_INIT(" a\nb\n"), SPAN_INIT("1: a|2:b|") },
	{ "carriage returns", SPAN_INIT("a\r\n\r\nb\r\n"),
	    SPAN_INIT("1:a\r|3:b\r|") },
};

static void test_cases(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_done) struct buf got = BUF_INIT(4096);
		CLEANUP(buf_done) struct buf line = BUF_INIT(4096);
		struct conf_lines lines = conf_lines_of(cases[i].text);
		uint32_t number = 0;

		while (conf_lines_next(&lines, &line, &number))
			buf_printf(
			    &got, "%u:%.*s|", number, PRI(buf_span(&line)));
		if (!span_eq(buf_span(&got), cases[i].want))
			fail_msg("%s: got \"%s\", want \"%s\"", cases[i].name,
			    buf_cstr(&got), cases[i].want.ptr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
