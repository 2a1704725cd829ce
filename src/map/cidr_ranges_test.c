/* SPDX-License-Identifier: ISC */
#include "map/cidr_ranges.h"

#include <stdlib.h>

#include "test/lib/unit.h"

enum { RANGES = 40, PLACES = 64 };

static const struct cidr_addr last_of_all = { UINT64_MAX, UINT64_MAX };

/* Some addresses around 2^64, some at the very end. */
static struct cidr_addr place(unsigned n)
{
	struct cidr_addr a = { 0, UINT64_MAX - PLACES / 4 };

	if (n == PLACES)
		return last_of_all;
	while (n--)
		a = cidr_addr_next(a);
	return a;
}

static void test_neighbours(void **state UNUSED)
{
	const struct cidr_addr a = { 1, 0 };
	struct cidr_addr b = cidr_addr_prev(a);

	assert_int_equal(b.high, 0);
	assert_true(b.low == UINT64_MAX);
	assert_int_equal(cidr_addr_cmp(cidr_addr_next(b), a), 0);
	assert_true(cidr_addr_cmp(b, a) < 0);
	assert_true(cidr_addr_cmp(last_of_all, a) > 0);
}

static void test_empty(void **state UNUSED)
{
	struct cidr_ranges r = { 0 };

	cidr_ranges_seal(&r);
	assert_true(cidr_ranges_find(&r, last_of_all) == CIDR_NO_RULE);
	assert_true(
	    cidr_ranges_find(&r, (struct cidr_addr){ 0 }) == CIDR_NO_RULE);
	cidr_ranges_done(&r);
}

/* Against going through all of them. */
static void test_random(void **state UNUSED)
{
	unsigned short seed[3] = { 1, 2, 3 };

	for (int round = 0; round < 300; round++) {
		struct cidr_ranges r = { 0 };
		uint32_t first[PLACES + 1];

		memset(first, 0xff, sizeof(first));
		for (uint32_t i = 0; i < RANGES; i++) {
			uint32_t rule = (uint32_t)nrand48(seed) % RANGES;
			unsigned from = (unsigned)nrand48(seed) % (PLACES + 1);
			unsigned to = MIN(from + (unsigned)nrand48(seed) % 9,
			    (unsigned)PLACES);

			cidr_ranges_add(&r,
			    (struct cidr_range){ place(from), place(to) },
			    rule);
			for (unsigned k = from; k <= to; k++)
				first[k] = MIN(first[k], rule);
		}
		cidr_ranges_seal(&r);
		for (unsigned k = 0; k <= PLACES; k++)
			assert_int_equal(
			    cidr_ranges_find(&r, place(k)), first[k]);
		cidr_ranges_done(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
