/* SPDX-License-Identifier: ISC */
#include "daemon/delivery_log.h"

#include "test/lib/unit.h"

static void delays_have_two_digits(void **state UNUSED)
{
	/* As Postfix prints them with delay_logging_resolution_limit. */
	static const struct {
		usec delay;
		unsigned resolution;
		const char *text;
	} cases[] = {
		{ 0, 2, "0" },
		{ 4999, 2, "0" },
		{ 5000, 2, "0.01" },
		{ 56700, 2, "0.06" },
		{ 100000, 2, "0.1" },
		{ 996000, 2, "1" },
		{ 1234567, 2, "1.2" },
		{ 9960000, 2, "10" },
		{ 12345678, 2, "12" },
		{ 123456789, 2, "123" },
		{ 1234, 6, "0.0012" },
		{ 1234567, 0, "1" },
		{ 1600000, 0, "2" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = BUF_INIT(64);

		delivery_log_delay(&b, cases[i].delay, cases[i].resolution);
		assert_span_equal(buf_span(&b), span_str(cases[i].text));
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_have_two_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
