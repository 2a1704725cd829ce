/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "conf/value.h"

static void test_durations(void **state UNUSED)
{
	static const struct {
		span text;
		char unit;
		bool good;
		usec want;
	} cases[] = {
		{ SPAN_INIT("0"), 's', true, 0 },
		{ SPAN_INIT("10"), 's', true, 10 * USEC_SEC },
		{ SPAN_INIT("3"), 'd', true, 3 * USEC_DAY },
		{ SPAN_INIT("5m"), 'd', true, 5 * USEC_MIN },
		{ SPAN_INIT("5min"), 's', true, 5 * USEC_MIN },
		{ SPAN_INIT("2w"), 's', true, 14 * USEC_DAY },
		{ SPAN_INIT("2h"), 's', true, 2 * USEC_HOUR },
		{ SPAN_INIT("2147483647s"), 's', true, 2147483647 * USEC_SEC },
		{ SPAN_INIT("2147483648s"), 's', false, 0 },
		{ SPAN_INIT("99999w"), 's', false, 0 },
		{ SPAN_INIT("18446744073709551615w"), 's', false, 0 },
		{ SPAN_INIT(""), 's', false, 0 },
		{ SPAN_INIT("s"), 's', false, 0 },
		{ SPAN_INIT("-1s"), 's', false, 0 },
		{ SPAN_INIT("5x"), 's', false, 0 },
		{ SPAN_INIT("5 m"), 's', false, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		usec got = 1;
		bool good =
		    conf_parse_duration(cases[i].text, cases[i].unit, &got);

		if (good != cases[i].good || (good && got != cases[i].want))
			fail_msg("\"%.*s\": %d %llu", PRI(cases[i].text), good,
			    (unsigned long long)got);
	}
}

static void test_levels(void **state UNUSED)
{
	static const struct {
		span text;
		bool good;
		uint64_t want;
	} cases[] = {
		{ SPAN_INIT("0"), true, 0 },
		{ SPAN_INIT("2"), true, 2 << 20 },
		{ SPAN_INIT("3.6"), true, 3 << 20 | 6 << 10 },
		{ SPAN_INIT("3.6.1"), true, 3 << 20 | 6 << 10 | 1 },
		{ SPAN_INIT("3."), false, 0 },
		{ SPAN_INIT(""), false, 0 },
		{ SPAN_INIT("3.6.1.2"), false, 0 },
		{ SPAN_INIT("3.x"), false, 0 },
		{ SPAN_INIT("3.1024"), false, 0 },
		{ SPAN_INIT("3..1"), false, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t got = 1;
		bool good = conf_parse_level(cases[i].text, &got);

		if (good != cases[i].good || (good && got != cases[i].want))
			fail_msg("\"%.*s\": %d %llu", PRI(cases[i].text), good,
			    (unsigned long long)got);
	}
}

static void test_bools_and_numbers(void **state UNUSED)
{
	bool yes = false;
	uint64_t n = 0;

	assert_true(conf_parse_bool(SPAN("YES"), &yes) && yes);
	assert_true(conf_parse_bool(SPAN("no"), &yes) && !yes);
	assert_false(conf_parse_bool(SPAN("true"), &yes));
	assert_false(conf_parse_bool(SPAN(""), &yes));
	assert_true(conf_parse_number(SPAN("9223372036854775807"), &n));
	assert_true(n == INT64_MAX);
	assert_false(conf_parse_number(SPAN("9223372036854775808"), &n));
	assert_false(conf_parse_number(SPAN("1k"), &n));
	assert_false(conf_parse_number(SPAN("-1"), &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_bools_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
