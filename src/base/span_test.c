/* SPDX-License-Identifier: ISC */
#include "base/span.h"

#include "test/lib/unit.h"

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

/* clang-format off */
static const struct {
	span a, b;
	int cmp, cmp_nocase;
} pairs[] = {
	{ SPAN_INIT(""), SPAN_INIT(""), 0, 0 },
	{ SPAN_INIT("a"), SPAN_INIT(""), 1, 1 },
	{ SPAN_INIT("abc"), SPAN_INIT("abc"), 0, 0 },
	{ SPAN_INIT("abc"), SPAN_INIT("abd"), -1, -1 },
	{ SPAN_INIT("ab"), SPAN_INIT("abc"), -1, -1 },
	{ SPAN_INIT("ABC"), SPAN_INIT("abc"), -1, 0 },
	{ SPAN_INIT("Abc"), SPAN_INIT("aBD"), -1, -1 },
	{ SPAN_INIT("a\0b"), SPAN_INIT("a\0c"), -1, -1 },
	{ SPAN_INIT("a\0b"), SPAN_INIT("a"), 1, 1 },
	/* Bytes, not signed characters; no folding beyond ASCII. */
	{ SPAN_INIT("\200"), SPAN_INIT("\177"), 1, 1 },
	{ SPAN_INIT("\304"), SPAN_INIT("\344"), -1, -1 },
	/* Not letters, though their bits look like it. */
	{ SPAN_INIT("["), SPAN_INIT("{"), -1, -1 },
	{ SPAN_INIT("@"), SPAN_INIT("`"), -1, -1 },
};
/* clang-format on */

static void test_compare(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		span a = pairs[i].a;
		span b = pairs[i].b;

		assert_int_equal(sign(span_cmp(a, b)), pairs[i].cmp);
		assert_int_equal(sign(span_cmp(b, a)), -pairs[i].cmp);
		assert_int_equal(
		    sign(span_cmp_nocase(a, b)), pairs[i].cmp_nocase);
		assert_int_equal(
		    sign(span_cmp_nocase(b, a)), -pairs[i].cmp_nocase);
		assert_int_equal(span_eq(a, b), pairs[i].cmp == 0);
		assert_int_equal(
		    span_eq_nocase(a, b), pairs[i].cmp_nocase == 0);
	}
	assert_true(span_eq(SPAN_NONE, SPAN("")));
	assert_true(span_eq_nocase(SPAN_NONE, SPAN("")));
	assert_int_equal(span_cmp(SPAN_NONE, SPAN("")), 0);
}

/* clang-format off */
static const struct {
	span s, part;
	bool prefix, prefix_nocase, suffix_nocase;
} parts[] = {
	{ SPAN_INIT(""), SPAN_INIT(""), true, true, true },
	{ SPAN_INIT("MAIL FROM"), SPAN_INIT(""), true, true, true },
	{ SPAN_INIT("MAIL FROM"), SPAN_INIT("MAIL"), true, true, false },
	{ SPAN_INIT("MAIL FROM"), SPAN_INIT("mail"), false, true, false },
	{ SPAN_INIT("MAIL FROM"), SPAN_INIT("from"), false, false, true },
	{ SPAN_INIT("MAIL FROM"), SPAN_INIT("mail from"), false, true, true },
	{ SPAN_INIT("MAIL"), SPAN_INIT("MAIL FROM"), false, false, false },
	{ SPAN_INIT("a\0b"), SPAN_INIT("a\0"), true, true, false },
	{ SPAN_INIT(""), SPAN_INIT("x"), false, false, false },
};
/* clang-format on */

static void test_prefix_and_suffix(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		span s = parts[i].s;
		span part = parts[i].part;
		span rest = s;

		assert_int_equal(span_has_prefix(s, part), parts[i].prefix);
		assert_int_equal(
		    span_has_prefix_nocase(s, part), parts[i].prefix_nocase);
		assert_int_equal(
		    span_has_suffix_nocase(s, part), parts[i].suffix_nocase);
		assert_int_equal(span_skip(&rest, part), parts[i].prefix);
		assert_int_equal(
		    rest.len, s.len - (parts[i].prefix ? part.len : 0));
		rest = s;
		assert_int_equal(
		    span_skip_nocase(&rest, part), parts[i].prefix_nocase);
		assert_int_equal(
		    rest.len, s.len - (parts[i].prefix_nocase ? part.len : 0));
	}
}

static void test_pieces(void **state UNUSED)
{
	span s = SPAN("abcdef");

	assert_span_equal(span_from(s, 0), s);
	assert_span_equal(span_from(s, 4), SPAN("ef"));
	assert_span_equal(span_from(s, 6), SPAN(""));
	assert_span_equal(span_from(s, 7), SPAN(""));
	assert_ptr_equal(span_from(s, SIZE_MAX).ptr, s.ptr + 6);
	assert_span_equal(span_first(s, 2), SPAN("ab"));
	assert_span_equal(span_first(s, 6), s);
	assert_span_equal(span_first(s, SIZE_MAX), s);
	assert_null(span_from(SPAN_NONE, 3).ptr);
	assert_int_equal(span_str(NULL).len, 0);
	assert_span_equal(span_str("text"), SPAN("text"));
}

static void test_find(void **state UNUSED)
{
	span s = SPAN("a.b\0.c");

	assert_int_equal(span_find(s, '.'), 1);
	assert_int_equal(span_rfind(s, '.'), 4);
	assert_int_equal(span_find(s, '\0'), 3);
	assert_int_equal(span_find(s, 'x'), -1);
	assert_int_equal(span_rfind(s, 'x'), -1);
	assert_int_equal(span_find(span_first(s, 1), '.'), -1);
	assert_int_equal(span_find(SPAN_NONE, '.'), -1);
	assert_int_equal(span_rfind(SPAN_NONE, '.'), -1);
}

/* clang-format off */
static const struct {
	span in;
	span cut[4]; /* what each span_cut(':') gives; the last has no ptr */
} cuts[] = {
	{ SPAN_INIT("a:b:c"),
		{ SPAN_INIT("a"), SPAN_INIT("b"), SPAN_INIT("c") } },
	{ SPAN_INIT("abc"), { SPAN_INIT("abc") } },
	{ SPAN_INIT(":"), { SPAN_INIT("") } },
	{ SPAN_INIT("::x"),
		{ SPAN_INIT(""), SPAN_INIT(""), SPAN_INIT("x") } },
	{ SPAN_INIT("x:"), { SPAN_INIT("x") } },
	{ SPAN_INIT(""), { { NULL, 0 } } },
};
/* clang-format on */

static void test_cut(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		span rest = cuts[i].in;
		size_t n = 0;

		while (rest.len) {
			assert_non_null(cuts[i].cut[n].ptr);
			assert_span_equal(
			    span_cut(&rest, ':'), cuts[i].cut[n++]);
		}
		assert_null(cuts[i].cut[n].ptr);
		assert_ptr_equal(rest.ptr, cuts[i].in.ptr + cuts[i].in.len);
		assert_int_equal(span_cut(&rest, ':').len, 0);
	}
}

/* clang-format off */
static const struct {
	span in;
	const char *seps;
	span words[4];
} sentences[] = {
	{ SPAN_INIT("one two"), " ", { SPAN_INIT("one"), SPAN_INIT("two") } },
	{ SPAN_INIT(" , one,,two ,"), ", ",
		{ SPAN_INIT("one"), SPAN_INIT("two") } },
	{ SPAN_INIT(" \t\n"), " \t\n", { { NULL, 0 } } },
	{ SPAN_INIT(""), " ", { { NULL, 0 } } },
	/* NUL is a byte like others, even though `seps` ends with one. */
	{ SPAN_INIT("a\0b c"), " ", { SPAN_INIT("a\0b"), SPAN_INIT("c") } },
	{ SPAN_INIT("all"), "", { SPAN_INIT("all") } },
};
/* clang-format on */

static void test_words(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(sentences); i++) {
		span rest = sentences[i].in;

		for (size_t n = 0; sentences[i].words[n].ptr; n++)
			assert_span_equal(span_word(&rest, sentences[i].seps),
			    sentences[i].words[n]);
		assert_int_equal(span_word(&rest, sentences[i].seps).len, 0);
		assert_int_equal(rest.len, 0);
	}
}

static void test_trim(void **state UNUSED)
{
	assert_span_equal(
	    span_trim(SPAN(" \t\r\n\v\fa b\f\v\n\r\t ")), SPAN("a b"));
	assert_span_equal(span_trim(SPAN("a")), SPAN("a"));
	assert_span_equal(span_trim(SPAN(" \0 ")), SPAN("\0"));
	assert_int_equal(span_trim(SPAN("  ")).len, 0);
	assert_int_equal(span_trim(SPAN_NONE).len, 0);
}

/* clang-format off */
static const struct {
	span text;
	bool u64, u32;
	uint64_t value;
} numbers[] = {
	{ SPAN_INIT("0"), true, true, 0 },
	{ SPAN_INIT("007"), true, true, 7 },
	{ SPAN_INIT("4294967295"), true, true, UINT32_MAX },
	{ SPAN_INIT("4294967296"), true, false, 4294967296 },
	{ SPAN_INIT("18446744073709551615"), true, false, UINT64_MAX },
	{ SPAN_INIT("18446744073709551616"), false, false, 0 },
	{ SPAN_INIT("18446744073709551620"), false, false, 0 },
	{ SPAN_INIT("99999999999999999999999"), false, false, 0 },
	{ SPAN_INIT(""), false, false, 0 },
	{ SPAN_INIT("-1"), false, false, 0 },
	{ SPAN_INIT("+1"), false, false, 0 },
	{ SPAN_INIT(" 1"), false, false, 0 },
	{ SPAN_INIT("1 "), false, false, 0 },
	{ SPAN_INIT("1\0"), false, false, 0 },
	{ SPAN_INIT("0x1"), false, false, 0 },
	{ SPAN_INIT("1/"), false, false, 0 },
	{ SPAN_INIT("1:"), false, false, 0 },
};
/* clang-format on */

static void test_numbers(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uint64_t wide = 12345;
		uint32_t narrow = 12345;

		assert_int_equal(
		    span_to_u64(numbers[i].text, &wide), numbers[i].u64);
		assert_int_equal(
		    span_to_u32(numbers[i].text, &narrow), numbers[i].u32);
		/* Set on success only. */
		assert_true(
		    wide == (numbers[i].u64 ? numbers[i].value : 12345));
		assert_true(
		    narrow == (numbers[i].u32 ? numbers[i].value : 12345));
	}
}

static void test_ascii(void **state UNUSED)
{
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		bool upper = i >= 'A' && i <= 'Z';
		bool lower = i >= 'a' && i <= 'z';
		bool digit = i >= '0' && i <= '9';

		assert_int_equal(ascii_lower(c), upper ? c + 32 : c);
		assert_int_equal(ascii_upper(c), lower ? c - 32 : c);
		assert_int_equal(ascii_is_digit(c), digit);
		assert_int_equal(ascii_is_alpha(c), upper || lower);
		assert_int_equal(ascii_is_alnum(c), upper || lower || digit);
		assert_int_equal(
		    ascii_is_space(c), i == ' ' || (i >= 9 && i <= 13));
		assert_int_equal(ascii_is_blank(c), i == ' ' || i == 9);
		assert_int_equal(ascii_is_print(c), i >= 32 && i <= 126);
		assert_int_equal(ascii_hex_value(c),
		    digit                      ? i - '0'
		        : i >= 'A' && i <= 'F' ? i - 'A' + 10
		        : i >= 'a' && i <= 'f' ? i - 'a' + 10
		                               : -1);
	}
}

static void test_left(void **state UNUSED)
{
	span s = SPAN(" \t\n x ");

	assert_span_equal(span_trim_left(s), SPAN("x "));
	assert_span_equal(span_trim_left(SPAN(" \v\f")), SPAN(""));
	assert_span_equal(span_trim_left(SPAN_NONE), SPAN(""));
	span_skip_blanks(&s);
	assert_span_equal(s, SPAN("\n x "));
	s = SPAN("\t ");
	span_skip_blanks(&s);
	assert_int_equal(s.len, 0);
}

static void test_count(void **state UNUSED)
{
	assert_int_equal(span_count(SPAN("\na\n\nb"), '\n'), 3);
	assert_int_equal(span_count(SPAN("a\0b"), '\0'), 1);
	assert_int_equal(span_count(SPAN_NONE, 'x'), 0);
}

static void test_dup(void **state UNUSED)
{
	char *copy = span_dup(SPAN("a\0b"));

	assert_memory_equal(copy, "a\0b", 4);
	mem_free(copy);
	copy = span_dup(SPAN_NONE);
	assert_string_equal(copy, "");
	mem_free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_prefix_and_suffix),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_dup),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
