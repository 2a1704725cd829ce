/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include "test/lib/unit.h"

static void test_put(void **state UNUSED)
{
	struct buf b = BUF_INIT(100);

	assert_null(b.data);
	buf_put(&b, SPAN_NONE);
	assert_null(b.data);
	buf_put(&b, SPAN("abc"));
	buf_putc(&b, '\0');
	buf_put(&b, SPAN("def"));
	assert_span_equal(buf_span(&b), SPAN("abc\0def"));
	buf_done(&b);
	assert_null(b.data);
	assert_int_equal(b.max, 100);
	buf_done(&b);
}

static void test_numbers(void **state UNUSED)
{
	static const struct {
		uint64_t n;
		span text;
	} cases[] = {
		{ 0, SPAN_INIT("0") },
		{ 9, SPAN_INIT("9") },
		{ 10, SPAN_INIT("10") },
		{ 1234567890, SPAN_INIT("1234567890") },
		{ UINT64_MAX, SPAN_INIT("18446744073709551615") },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = BUF_INIT(20);

		buf_put_u64(&b, cases[i].n);
		assert_span_equal(buf_span(&b), cases[i].text);
		assert_false(b.failed);
		buf_done(&b);
	}
}

/* Whichever call passes the limit: nothing of it is in, and it sticks. */
static void test_limit(void **state UNUSED)
{
	for (size_t max = 0; max < 200; max++) {
		struct buf b = BUF_INIT(max);

		for (size_t i = 0; i < max; i++)
			buf_putc(&b, (char)i);
		assert_false(b.failed);
		assert_int_equal(b.len, max);
		buf_put(&b, SPAN("x"));
		assert_true(b.failed);
		assert_int_equal(b.len, max);
		buf_clear(&b);
		assert_false(b.failed);
		buf_done(&b);
	}
}

static void test_failure_is_sticky(void **state UNUSED)
{
	struct buf b = BUF_INIT(10);

	buf_put(&b, SPAN("12345678"));
	buf_put(&b, SPAN("too long"));
	assert_true(b.failed);
	buf_put(&b, SPAN("9"));
	buf_putc(&b, '9');
	buf_put_u64(&b, 9);
	buf_printf(&b, "%d", 9);
	assert_null(buf_room(&b, 1));
	assert_span_equal(buf_span(&b), SPAN("12345678"));
	buf_clear(&b);
	buf_put(&b, SPAN("again"));
	assert_false(b.failed);
	assert_span_equal(buf_span(&b), SPAN("again"));
	buf_done(&b);
}

static void test_printf(void **state UNUSED)
{
	struct buf b = BUF_INIT(1000);
	struct buf small = BUF_INIT(8);

	buf_put(&b, SPAN("<"));
	buf_printf(&b, "%s=%d", "number", -7);
	buf_printf(&b, "%s", "");
	buf_printf(&b, "%0300d", 1);
	assert_int_equal(b.len, 1 + 9 + 300);
	assert_span_equal(span_first(buf_span(&b), 12), SPAN("<number=-700"));
	assert_int_equal(b.data[b.len - 1], '1');
	buf_done(&b);

	buf_printf(&small, "%s", "1234567"); /* its NUL needs a place too */
	assert_false(small.failed);
	buf_printf(&small, "%s", "x");
	assert_true(small.failed);
	assert_span_equal(buf_span(&small), SPAN("1234567"));
	buf_done(&small);
}

static void test_cstr(void **state UNUSED)
{
	struct buf b = BUF_INIT(4);

	assert_string_equal(buf_cstr(&b), "");
	buf_put(&b, SPAN("abc"));
	assert_string_equal(buf_cstr(&b), "abc");
	assert_int_equal(b.len, 3);
	buf_putc(&b, 'd');
	assert_false(b.failed);
	assert_string_equal(buf_cstr(&b), "");
	assert_true(b.failed);
	buf_done(&b);
}

static void test_room(void **state UNUSED)
{
	struct buf b = BUF_INIT(1000);
	char *p = buf_room(&b, 0);

	assert_non_null(p);
	assert_int_equal(b.len, 0);
	p = buf_room(&b, 500);
	memset(p, 'x', 500);
	assert_int_equal(b.len, 0);
	b.len += 300;
	p = buf_room(&b, 700);
	assert_ptr_equal(p, b.data + 300);
	assert_int_equal(b.data[299], 'x');
	assert_null(buf_room(&b, 701));
	assert_true(b.failed);
	buf_clear(&b);
	assert_null(buf_room(&b, SIZE_MAX));
	buf_clear(&b);
	b.len = 10;
	assert_null(buf_room(&b, SIZE_MAX - 5));
	buf_done(&b);
}

static void test_drop(void **state UNUSED)
{
	struct buf b = BUF_INIT(100);

	buf_put(&b, SPAN("abcdef"));
	buf_drop(&b, 0);
	assert_span_equal(buf_span(&b), SPAN("abcdef"));
	buf_drop(&b, 2);
	assert_span_equal(buf_span(&b), SPAN("cdef"));
	buf_put(&b, SPAN("gh"));
	buf_drop(&b, 6);
	assert_int_equal(b.len, 0);
	buf_drop(&b, 0);
	buf_done(&b);
}

static void test_release_and_wipe(void **state UNUSED)
{
	struct buf b = BUF_INIT(100);

	buf_put(&b, SPAN("secret"));
	buf_release(&b);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
	buf_put(&b, SPAN("secret"));
	buf_wipe(&b);
	assert_null(b.data);
	buf_wipe(&b);
	buf_put(&b, SPAN("again"));
	assert_span_equal(buf_span(&b), SPAN("again"));
	buf_done(&b);
}

/* Growing keeps what is there, and never holds more than the limit. */
static void test_growth(void **state UNUSED)
{
	struct buf b = BUF_INIT(100000);

	for (size_t i = 0; i < 100000; i++) {
		buf_putc(&b, (char)(i % 251));
		assert_true(b.cap <= b.max);
	}
	for (size_t i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], (char)(i % 251));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_failure_is_sticky),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_cstr),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_release_and_wipe),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
