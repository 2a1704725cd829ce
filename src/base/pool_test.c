/* SPDX-License-Identifier: ISC */
#include "base/pool.h"

#include "test/lib/unit.h"

struct thing {
	uint64_t a;
	uint32_t b;
};

enum { MANY = 20000 };

static void things_are_zeroed_and_apart(void **state UNUSED)
{
	struct thing **things = mem_new(MANY, sizeof(*things));
	struct pool p;

	pool_init(&p, sizeof(struct thing));
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			things[i] = pool_take(&p);
			assert_int_equal(things[i]->a, 0);
			assert_int_equal(things[i]->b, 0);
			things[i]->a = UINT64_MAX;
			things[i]->b = i;
		}
		for (uint32_t i = 0; i < MANY; i++)
			assert_int_equal(things[i]->b, i);
		for (uint32_t i = 0; i < MANY; i++)
			pool_give(&p, things[i]);
	}
	pool_done(&p);
	mem_free(things);
}

static void what_was_given_is_taken_again(void **state UNUSED)
{
	struct pool p;
	void *first;
	void *second;

	pool_init(&p, sizeof(struct thing));
	first = pool_take(&p);
	second = pool_take(&p);
	pool_give(&p, first);
	pool_give(&p, second);
	assert_ptr_equal(pool_take(&p), second);
	assert_ptr_equal(pool_take(&p), first);
	pool_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(things_are_zeroed_and_apart),
		cmocka_unit_test(what_was_given_is_taken_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
