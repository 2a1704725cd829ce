/* SPDX-License-Identifier: ISC */
#include "conf/words.h"

#include "test/lib/unit.h"

static void test_words(void **state)
{
	static const struct {
		const char *list;
		const char *words[4];
	} rows[] = {
		{ "", { NULL } },
		{ " ,\t\n ", { NULL } },
		{ "a", { "a" } },
		{ ", a,b\n\tc ", { "a", "b", "c" } },
		{ "{ a, b } c", { "{ a, b }", "c" } },
		{ "x{a b}y z", { "x{a b}y", "z" } },
		{ "{ a { b, c } } d", { "{ a { b, c } }", "d" } },
		{ "{ open a", { "{ open a" } },
		{ "close } a", { "close", "}", "a" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		span rest = span_str(rows[i].list);
		size_t n = 0;

		for (; rows[i].words[n]; n++)
			assert_span_equal(
			    words_next(&rest), span_str(rows[i].words[n]));
		assert_int_equal(words_next(&rest).len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
