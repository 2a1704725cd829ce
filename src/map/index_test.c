/* SPDX-License-Identifier: ISC */
#include "map/index.h"

#include "test/lib/unit.h"

static span number(char *text, size_t size, unsigned n)
{
	return span_of(text, (size_t)snprintf(text, size, "key%u", n));
}

static void test_many(void **state UNUSED)
{
	struct map_index *x = map_index_new();
	char key[32];
	char value[32];
	span found;

	for (unsigned i = 0; i < 50000; i++)
		assert_true(map_index_add(x, number(key, sizeof(key), i),
		    number(value, sizeof(value), 2 * i)));
	assert_true(map_index_seal(x));
	for (unsigned i = 0; i < 50000; i++) {
		assert_true(
		    map_index_find(x, number(key, sizeof(key), i), &found));
		assert_span_equal(found, number(value, sizeof(value), 2 * i));
	}
	assert_false(map_index_find(x, SPAN("key50000"), &found));
	assert_false(map_index_find(x, SPAN("key"), &found));
	map_index_free(&x);
	assert_null(x);
}

static void test_odd(void **state UNUSED)
{
	struct map_index *x = map_index_new();
	span found;

	assert_true(map_index_add(x, SPAN(""), SPAN("empty key")));
	assert_true(map_index_add(x, SPAN("a"), SPAN("")));
	assert_true(map_index_add(x, SPAN("a\0b"), SPAN("with a NUL")));
	assert_true(map_index_seal(x));
	assert_true(map_index_find(x, SPAN(""), &found));
	assert_span_equal(found, SPAN("empty key"));
	assert_true(map_index_find(x, SPAN("a"), &found));
	assert_int_equal(found.len, 0);
	assert_true(map_index_find(x, SPAN("a\0b"), &found));
	assert_span_equal(found, SPAN("with a NUL"));
	map_index_free(&x);
}

static void test_none(void **state UNUSED)
{
	struct map_index *x = map_index_new();
	span found;

	assert_true(map_index_seal(x));
	assert_false(map_index_find(x, SPAN(""), &found));
	assert_false(map_index_find(x, SPAN("a"), &found));
	map_index_free(&x);
}

static void test_twice(void **state UNUSED)
{
	struct map_index *x = map_index_new();

	assert_true(map_index_add(x, SPAN("a"), SPAN("1")));
	assert_true(map_index_add(x, SPAN("b"), SPAN("2")));
	assert_true(map_index_add(x, SPAN("a"), SPAN("3")));
	assert_false(map_index_seal(x));
	map_index_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
