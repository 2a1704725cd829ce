/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "tool/mail/condition.h"

static const struct {
	const char *line;
	int want; /* 0, 1; -1: not understood */
} cases[] = {
	{ "receive", 1 },
	{ "r", 1 },
	{ "send", 0 },
	{ "terminal", 0 },
	{ "! terminal", 1 },
	{ "true", 1 },
	{ "false", 0 },
	{ "1", 1 },
	{ "0", 0 },
	{ "x", -1 },
	{ "", -1 },
	{ "$set", 1 },
	{ "$empty", 0 },
	{ "$not_there_at_all", 0 },
	{ "\"$set\" == yes", 1 },
	{ "'$set' != yes", 0 },
	{ "${set}s == yess", 1 },
	{ "$set == YES", 0 },
	{ "$set ==?case YES", 1 },
	{ "$set ==? YES", 1 },
	{ "-n \"$set\"", 1 },
	{ "-z \"$set\"", 0 },
	{ "-z \"$empty\"", 1 },
	{ "10 -gt 9", 1 },
	{ "10 > 9", 0 },
	{ "-5 -lt 3", 1 },
	{ "x -lt 3", -1 },
	{ "abc =@ b", 1 },
	{ "abc !@ b", 0 },
	{ "abc =~ ^a.c$", 1 },
	{ "abc =~ [", -1 },
	{ "abc !~ ^b", 1 },
	{ "[ \"$set\" == yes ]", 1 },
	{ "[[ 1 -eq 1 ]]", 1 },
	{ "[[ 1 -eq 1 ]", -1 },
	{ "[ 1 -eq 1", -1 },
	{ "terminal && true", 0 },
	{ "terminal || true", 1 },
	{ "terminal && true || receive", 1 },
	{ "! [ true && ! false ] || false", 0 },
	{ "[ [ [ true ] ] ]", 1 },
	{ "true true", -1 },
	{ "\"$features\" =@ +regex,", 0 },
};

static void test_cases(void **state)
{
	struct mua m;

	(void)state;
	mua_init(&m);
	m.is_reading = true;
	vars_set(m.vars, "set", "yes");
	vars_set(m.vars, "empty", NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a;
		struct words w;
		bool got = false;
		int r;

		arena_init(&a, 65536);
		assert_true(words_split(span_str(cases[i].line), &a, &w));
		r = condition_holds(&m, &w, &got);
		if (r != (cases[i].want < 0) ||
		    (!r && got != (cases[i].want == 1)))
			fail_msg("if %s: %d, %d", cases[i].line, r, got);
		arena_done(&a);
	}
	mua_done(&m);
}

static void test_deep(void **state)
{
	struct mua m;
	struct arena a;
	struct words w;
	struct buf line = BUF_INIT(1 << 20);
	bool got;

	(void)state;
	mua_init(&m);
	arena_init(&a, 16 << 20);
	for (size_t i = 0; i < 100000; i++)
		buf_put(&line, SPAN("[ "));
	assert_true(words_split(buf_span(&line), &a, &w));
	assert_int_equal(condition_holds(&m, &w, &got), 1);
	arena_done(&a);
	buf_done(&line);
	mua_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
