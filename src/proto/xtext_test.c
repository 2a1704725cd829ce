/* SPDX-License-Identifier: ISC */
#include "proto/xtext.h"

#include "test/lib/unit.h"

static const struct {
	const char *text;
	const char *value; /* NULL: refused */
} plain[] = {
	{ "", "" },
	{ "abc", "abc" },
	{ "a+2Bb+3dc", "a+b=c" },
	{ "+E9", "\xe9" },
	{ "+20", " " },
	{ "+", NULL },
	{ "+2", NULL },
	{ "a+2", NULL },
	{ "+G0", NULL },
	{ "+0G", NULL },
	{ "++2B", NULL },
	{ "+00", NULL },
	{ "+0D+0A", NULL },
	{ "+7F", NULL },
};

static const struct {
	const char *text;
	const char *value;
} utf8[] = {
	{ "abc", "abc" },
	{ "\\x{41}", "A" },
	{ "\\x{E9}", "\xc3\xa9" },
	{ "\\x{20ac}!", "\xe2\x82\xac!" },
	{ "\\x{10FFFF}", "\xf4\x8f\xbf\xbf" },
	{ "\xc3\xa9", "\xc3\xa9" },
	{ "+2B", "+2B" },
	{ "\\x{110000}", NULL },
	{ "\\x{D800}", NULL },
	{ "\\x{0000041}", NULL },
	{ "\\x{4", NULL },
	{ "\\x{", NULL },
	{ "\\x{}", NULL },
	{ "\\x{4x}", NULL },
	{ "\\x{00}", NULL },
	{ "\\x{0A}", NULL },
};

static void check(bool ok, span got, const char *want)
{
	assert_int_equal(ok, want != NULL);
	if (want)
		assert_span_equal(got, span_str(want));
}

static void test_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		struct arena a;
		span got = SPAN_NONE;

		arena_init(&a, 4096);
		check(xtext_decode(span_str(plain[i].text), &a, &got), got,
		    plain[i].value);
		arena_done(&a);
	}
}

static void test_decode_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(utf8); i++) {
		struct arena a;
		span got = SPAN_NONE;

		arena_init(&a, 4096);
		check(xtext_decode_utf8(span_str(utf8[i].text), &a, &got), got,
		    utf8[i].value);
		arena_done(&a);
	}
}

static void test_full_arena(void **state)
{
	struct arena a;
	span got;

	(void)state;
	arena_init(&a, 8);
	assert_false(xtext_decode(SPAN("0123456789"), &a, &got));
	assert_false(xtext_decode_utf8(SPAN("0123456789"), &a, &got));
	arena_done(&a);
}

static void test_encode(void **state)
{
	struct buf out = BUF_INIT(100);
	struct arena a;
	span back;

	(void)state;
	xtext_encode(&out, SPAN("a+b=c d\xe9"));
	assert_span_equal(buf_span(&out), SPAN("a+2Bb+3Dc+20d+E9"));
	arena_init(&a, 4096);
	assert_true(xtext_decode(buf_span(&out), &a, &back));
	assert_span_equal(back, SPAN("a+b=c d\xe9"));
	arena_done(&a);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_decode_utf8),
		cmocka_unit_test(test_full_arena),
		cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
