/* SPDX-License-Identifier: ISC */
#include "base/wire_array.h"

#include "test/lib/unit.h"

static void test_bytes_on_the_wire(void **state UNUSED)
{
	struct buf b = BUF_INIT(100);

	wire_put_u8(&b, 0x01);
	wire_put_u16(&b, 0x0203);
	wire_put_u32(&b, 0x04050607);
	wire_put_u64(&b, 0x08090a0b0c0d0e0f);
	wire_put_span(&b, SPAN("ab"));
	wire_put_span(&b, SPAN_NONE);
	assert_span_equal(buf_span(&b),
	    SPAN("\x01\x03\x02\x07\x06\x05\x04\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08"
	         "\2\0\0\0ab\0\0\0\0"));
	buf_done(&b);
}

static void test_there_and_back(void **state UNUSED)
{
	static const uint64_t numbers[] = { 0, 1, 0x7f, 0x80, 0xff, 0x100,
		0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, INT64_MAX, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uint64_t n = numbers[i];
		struct buf b = BUF_INIT(100);
		struct wire w;

		wire_put_u8(&b, (uint8_t)n);
		wire_put_u16(&b, (uint16_t)n);
		wire_put_u32(&b, (uint32_t)n);
		wire_put_u64(&b, n);
		wire_put_span(&b, SPAN("text\0text"));
		buf_put(&b, SPAN("raw"));
		w = wire_from(buf_span(&b));
		assert_int_equal(wire_u8(&w), (uint8_t)n);
		assert_int_equal(wire_u16(&w), (uint16_t)n);
		assert_int_equal(wire_u32(&w), (uint32_t)n);
		assert_true(wire_u64(&w) == n);
		assert_span_equal(wire_span(&w), SPAN("text\0text"));
		assert_false(wire_is_done(&w));
		assert_span_equal(wire_raw(&w, 3), SPAN("raw"));
		assert_true(wire_is_done(&w));
		buf_done(&b);
	}
}

/* Cut anywhere: zeros from there on, never a failure forgotten. */
static void test_short_input(void **state UNUSED)
{
	struct buf b = BUF_INIT(100);

	wire_put_u8(&b, 0xff);
	wire_put_u16(&b, 0xffff);
	wire_put_u32(&b, 0xffffffff);
	wire_put_u64(&b, UINT64_MAX);
	wire_put_span(&b, SPAN("text"));
	for (size_t cut = 0; cut <= b.len; cut++) {
		struct wire w = wire_from(span_first(buf_span(&b), cut));

		assert_int_equal(wire_u8(&w), cut >= 1 ? 0xff : 0);
		assert_int_equal(wire_u16(&w), cut >= 3 ? 0xffff : 0);
		assert_int_equal(wire_u32(&w), cut >= 7 ? 0xffffffff : 0);
		assert_true(wire_u64(&w) == (cut >= 15 ? UINT64_MAX : 0));
		assert_int_equal(wire_span(&w).len, cut >= 23 ? 4 : 0);
		assert_int_equal(wire_is_done(&w), cut == b.len);
		assert_int_equal(w.failed, cut < b.len);
	}
	buf_done(&b);
}

static void test_failure_is_sticky(void **state UNUSED)
{
	struct wire w = wire_from(SPAN("\1\2\3"));

	assert_int_equal(wire_u32(&w), 0);
	/* A byte is there, but after a failure nothing means anything. */
	assert_int_equal(wire_u8(&w), 0);
	assert_null(wire_raw(&w, 0).ptr);
	assert_false(wire_is_done(&w));
}

/* clang-format off */
static const struct {
	span bytes;
	bool ok;
	span text;
} spans[] = {
	{ SPAN_INIT("\0\0\0\0"), true, SPAN_INIT("") },
	{ SPAN_INIT("\1\0\0\0x"), true, SPAN_INIT("x") },
	{ SPAN_INIT("\2\0\0\0x"), false, SPAN_INIT("") },
	{ SPAN_INIT("\377\377\377\377x"), false, SPAN_INIT("") },
	{ SPAN_INIT("\0\0\0\200x"), false, SPAN_INIT("") },
	{ SPAN_INIT("\0\0\0"), false, SPAN_INIT("") },
	{ SPAN_INIT(""), false, SPAN_INIT("") },
};
/* clang-format on */

static void test_spans(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
		struct wire w = wire_from(spans[i].bytes);

		assert_span_equal(wire_span(&w), spans[i].text);
		assert_int_equal(wire_is_done(&w), spans[i].ok);
	}
}

static void test_nothing_left_over(void **state UNUSED)
{
	struct wire w = wire_from(SPAN("\1\2"));

	(void)wire_u8(&w);
	assert_false(wire_is_done(&w));
	(void)wire_u8(&w);
	assert_true(wire_is_done(&w));
	w = wire_from(SPAN_NONE);
	assert_true(wire_is_done(&w));
}

static void test_writing_fails(void **state UNUSED)
{
	struct buf b = BUF_INIT(6);

	wire_put_span(&b, SPAN("abc"));
	assert_true(b.failed);
	buf_clear(&b);
	wire_put_span(&b, SPAN("ab"));
	assert_false(b.failed);
	buf_clear(&b);
	/* Not even looked at: its length does not fit. */
	wire_put_span(&b, span_of("", (size_t)UINT32_MAX + 1));
	assert_true(b.failed);
	assert_int_equal(b.len, 0);
	buf_done(&b);
}

static void test_arrays(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(100);
	CLEANUP(arena_done) struct arena arena;
	struct wire w;
	uint32_t n;

	(void)state;
	arena_init(&arena, 1000);
	wire_put_u32(&b, 3);
	wire_put_u64(&b, 0);
	w = wire_from(buf_span(&b));
	assert_non_null(wire_array(&w, &arena, &n, 2, 100));
	assert_int_equal(n, 3);
	/* Three of three bytes do not fit into eight. */
	w = wire_from(buf_span(&b));
	assert_null(wire_array(&w, &arena, &n, 3, 100));
	/* The arena has had enough. */
	w = wire_from(buf_span(&b));
	assert_null(wire_array(&w, &arena, &n, 2, 500));
	/* No count. */
	w = wire_from(span_first(buf_span(&b), 3));
	assert_null(wire_array(&w, &arena, &n, 2, 1));
	/* None at all is no failure. */
	w = wire_from(span_from(buf_span(&b), 8));
	assert_non_null(wire_array(&w, &arena, &n, 2, 1));
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_on_the_wire),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_short_input),
		cmocka_unit_test(test_failure_is_sticky),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_nothing_left_over),
		cmocka_unit_test(test_writing_fails),
		cmocka_unit_test(test_arrays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
