/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "base/buf.h"

#include "tool/mail/words.h"

/* What comes out is compared with "|" between the words. */
static void check(span line, const char *want)
{
	struct arena a;
	struct words w;
	struct buf got = BUF_INIT(65536);

	arena_init(&a, 65536);
	assert_true(words_split(line, &a, &w));
	for (size_t i = 0; i < w.count; i++)
		buf_printf(&got, "%s%s", i ? "|" : "", w.all[i]);
	assert_null(w.all[w.count]);
	assert_span_equal(buf_span(&got), span_str(want));
	buf_done(&got);
	arena_done(&a);
}

static void test_split(void **state)
{
	static const struct {
		const char *line;
		const char *want;
	} cases[] = {
		{ "", "" },
		{ "  \t ", "" },
		{ "a b  c", "a|b|c" },
		{ "\"b c\" 'd e'", "b c|d e" },
		{ "a\"b c\"d", "ab cd" },
		{ "x=\"> \"", "x=> " },
		{ "d\\ e f\\\\g", "d e|f\\g" },
		{ "\"\" a ''", "|a|" },
		/* Inside quotes a backslash is one, but before the quote. */
		{ "'a\\'b' \"a\\\"b\" \"a\\nb\"", "a'b|a\"b|a\\nb" },
		{ "'it\\s' \"'\" '\"'", "it\\s|'|\"" },
		/* No end. */
		{ "\"a b", "a b" },
		{ "a\\", "a\\" },
		{ "$'a\\tb' $'\\x41\\102\\u20ac' $'\\'' $'\\cA'",
		    "a\tb|AB\xe2\x82\xac|'|\001" },
		{ "$'\\q' $ $x", "\\q|$|$x" },
		{ "# ; & |", "#|;|&||" },
		{ "\xc3\xa9\xc3\xa8 \xff", "\xc3\xa9\xc3\xa8|\xff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(span_str(cases[i].line), cases[i].want);
	check(span_of("a\0b c", 5), "ab|c");
	check(span_of("$'\\0' $'\\x00'x", 14), "|x");
}

static void test_many(void **state)
{
	struct arena a;
	struct words w;
	struct buf line = BUF_INIT(1 << 20);

	(void)state;
	arena_init(&a, 16 << 20);
	for (size_t i = 0; i < 20000; i++)
		buf_put(&line, SPAN("w "));
	assert_true(words_split(buf_span(&line), &a, &w));
	assert_int_equal(w.count, 20000);
	arena_done(&a);
	arena_init(&a, 1000);
	assert_false(words_split(buf_span(&line), &a, &w));
	arena_done(&a);
	buf_done(&line);
}

static void test_cut_last(void **state)
{
	static const struct {
		const char *line;
		const char *rest;
		const char *word; /* NULL: there is none */
	} cases[] = {
		{ "1-3 file", "1-3", "file" },
		{ "1-3 'my file'  ", "1-3", "my file" },
		{ "file", "", "file" },
		{ "1 a\\ b", "1", "a b" },
		{ "/sub\"ject x\" \"\"", "/sub\"ject x\"", "" },
		{ "  ", "  ", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a;
		span line = span_str(cases[i].line);
		char *word = NULL;

		arena_init(&a, 65536);
		assert_int_equal(
		    words_cut_last(&line, &a, &word), cases[i].word != NULL);
		assert_span_equal(line, span_str(cases[i].rest));
		if (cases[i].word)
			assert_string_equal(word, cases[i].word);
		arena_done(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_cut_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
