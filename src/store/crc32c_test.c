/* SPDX-License-Identifier: ISC */
#include "store/crc32c.h"

#include "test/lib/unit.h"

static void known_values(void **state)
{
	static const struct {
		span in;
		uint32_t want;
	} cases[] = {
		{ SPAN_INIT(""), 0 },
		{ SPAN_INIT("a"), 0xc1d04330 },
		{ SPAN_INIT("123456789"), 0xe3069283 },
		{ SPAN_INIT("The quick brown fox jumps over the lazy dog"),
		    0x22620404 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(crc32c(0, cases[i].in), cases[i].want);
		assert_int_equal(
		    crc32c_portable(0, cases[i].in), cases[i].want);
	}
}

static void zeros_and_ones(void **state)
{
	char bytes[32] = { 0 };

	(void)state;
	/* RFC 3720 B.4 */
	assert_int_equal(crc32c(0, span_of(bytes, 32)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(0, span_of(bytes, 32)), 0x62a8ab43);
}

static void both_agree_in_pieces(void **state)
{
	char bytes[333];
	uint32_t whole;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37 + i / 7);
	whole = crc32c_portable(0, span_of(bytes, sizeof(bytes)));
	for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
		span all = span_of(bytes, sizeof(bytes));
		uint32_t crc = crc32c(0, span_first(all, cut));

		assert_int_equal(crc32c(crc, span_from(all, cut)), whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(zeros_and_ones),
		cmocka_unit_test(both_agree_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
