/* SPDX-License-Identifier: ISC */
#include "daemon/smtpd/limits.h"

#include "test/lib/unit.h"

static const usec unit = USEC_MIN;

static void test_open_connections(void **state)
{
	struct limits *l = limits_new();
	struct limits_client *a;
	struct limits_client *b;

	(void)state;
	a = limits_open(l, SPAN("smtp"), SPAN("192.0.2.1"), 1);
	assert_ptr_equal(limits_open(l, SPAN("smtp"), SPAN("192.0.2.1"), 2), a);
	b = limits_open(l, SPAN("smtp"), SPAN("192.0.2.2"), 2);
	assert_ptr_not_equal(a, b);
	assert_ptr_not_equal(
	    limits_open(l, SPAN("submission"), SPAN("192.0.2.1"), 2), a);
	assert_int_equal(a->open, 2);
	limits_close(l, a, 3);
	limits_close(l, a, 3);
	assert_int_equal(a->open, 0);
	assert_ptr_equal(limits_open(l, SPAN("smtp"), SPAN("192.0.2.1"), 4), a);
	assert_int_equal(a->open, 1);
	limits_free(&l);
	assert_null(l);
	limits_free(&l);
}

static void test_rates(void **state)
{
	struct limits *l = limits_new();
	struct limits_client *c =
	    limits_open(l, SPAN("smtp"), SPAN("::1"), USEC_SEC);

	(void)state;
	assert_int_equal(limits_count(c, LIMITS_MESSAGE, unit, USEC_SEC), 1);
	assert_int_equal(limits_count(c, LIMITS_MESSAGE, unit, USEC_SEC), 2);
	assert_int_equal(limits_count(c, LIMITS_RCPT, unit, USEC_SEC), 1);
	/* Hanging up begins no new window. */
	limits_close(l, c, 2 * USEC_SEC);
	c = limits_open(l, SPAN("smtp"), SPAN("::1"), 3 * USEC_SEC);
	assert_int_equal(
	    limits_count(c, LIMITS_MESSAGE, unit, 61 * USEC_SEC), 3);
	assert_int_equal(
	    limits_count(c, LIMITS_MESSAGE, unit, 62 * USEC_SEC), 1);
	assert_int_equal(limits_count(c, LIMITS_RCPT, unit, 62 * USEC_SEC), 1);
	assert_int_equal(
	    limits_count(c, LIMITS_CONNECT, unit, 62 * USEC_SEC), 1);
	limits_free(&l);
}

static void test_forgotten(void **state)
{
	struct limits *l = limits_new();
	struct limits_client *c =
	    limits_open(l, SPAN("smtp"), SPAN("192.0.2.1"), USEC_SEC);

	(void)state;
	assert_int_equal(limits_count(c, LIMITS_CONNECT, USEC_DAY, 2), 1);
	limits_close(l, c, USEC_SEC);
	(void)limits_open(l, SPAN("smtp"), SPAN("192.0.2.2"), USEC_HOUR);
	c = limits_open(l, SPAN("smtp"), SPAN("192.0.2.1"), USEC_HOUR);
	assert_int_equal(
	    limits_count(c, LIMITS_CONNECT, USEC_DAY, USEC_HOUR), 1);
	limits_free(&l);
}

static void test_share(void **state)
{
	(void)state;
	assert_int_equal(limits_share(0, 2), 0);
	assert_int_equal(limits_share(50, 1), 50);
	assert_int_equal(limits_share(50, 0), 50);
	assert_int_equal(limits_share(50, 2), 38);
	assert_int_equal(limits_share(1, 8), 1);
	assert_int_equal(limits_share(10, 4), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_connections),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
