/* SPDX-License-Identifier: ISC */
#include "daemon/rules/users.h"

#include "test/lib/unit.h"

static void test_lookup(void **state)
{
	struct users u;

	(void)state;
	users_init(&u);
	assert_int_equal(users_has(&u, SPAN("root"), 1), 1);
	assert_int_equal(users_has(&u, SPAN("no-such-user-here"), 1), 0);
	assert_int_equal(users_has(&u, SPAN(""), 1), 0);
	assert_int_equal(users_has(&u, SPAN("root\0x"), 1), 0);
	assert_int_equal(u.count, 2);
	/* Known now, and after a while looked up anew. */
	assert_int_equal(users_has(&u, SPAN("root"), 2), 1);
	assert_int_equal(u.count, 2);
	assert_int_equal(users_has(&u, SPAN("root"), 3600 * USEC_SEC), 1);
	assert_int_equal(u.count, 2);
	users_done(&u);
	assert_int_equal(u.count, 0);
}

static void test_long_names(void **state)
{
	char name[300];
	struct users u;

	(void)state;
	users_init(&u);
	memset(name, 'a', sizeof(name));
	assert_int_equal(users_has(&u, span_of(name, sizeof(name)), 1), 0);
	assert_int_equal(users_has(&u, span_of(name, 257), 1), 0);
	assert_int_equal(users_has(&u, span_of(name, 256), 1), 0);
	assert_int_equal(u.count, 1);
	users_done(&u);
}

/* Strangers choose the names: what is kept of them is bounded. */
static void test_many_names(void **state)
{
	struct users u;

	(void)state;
	users_init(&u);
	for (int i = 0; i < 5000; i++) {
		char name[32];
		int n = snprintf(name, sizeof(name), "no-such-user-%d", i);

		assert_int_equal(users_has(&u, span_of(name, (size_t)n), 1), 0);
	}
	assert_int_equal(u.count, 4096);
	users_done(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
