/* SPDX-License-Identifier: ISC */
#include "mail/field.h"

#include "test/lib/unit.h"

/* "name=value|" for each field, values unfolded. */
static const struct {
	const char *header, *want;
} cases[] = {
	{ "", "" },
	{ "\n", "" },
	{ "A: b\n", "A=b|" },
	{ "A: b", "A=b|" },
	{ "A:b\r\nC:\r\n", "A=b|C=|" },
	{ "A \t:  b \n", "A=b|" },
	{ "A: b\n c\n\td\nE: f\n", "A=b c\td|E=f|" },
	{ "A:\r\n  b\r\n c\r\n", "A=b c|" },
	{ "From ana@x Sat Nov 21 18:28:02 2026\nTo: b\n", "To=b|" },
	{ "no field\n of two lines: x\nA: b:c\n", "A=b:c|" },
	{ " begins with a blank\nA: b\n", "A=b|" },
	{ ": no name\nA: b\n", "A=b|" },
	{ "A: b\n \n c\n", "A=b  c|" },
	{ "\303\266: b\nA: \303\266\n", "A=\303\266|" },
};

static void reads_fields(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(1000);
		span rest = span_str(cases[i].header);
		struct field f;

		while (field_next(&rest, &f)) {
			assert_true(span_has_prefix(f.whole, f.name));
			buf_put(&out, f.name);
			buf_putc(&out, '=');
			field_unfold(&out, f.value);
			buf_putc(&out, '|');
		}
		assert_int_equal(rest.len, 0);
		assert_span_equal(buf_span(&out), span_str(cases[i].want));
		buf_done(&out);
	}
}

static void wholes_are_the_header(void **state UNUSED)
{
	span header = SPAN("A: b\r\n c\r\nD : e\nF:\n");
	span rest = header;
	struct field f;
	size_t n = 0;

	while (field_next(&rest, &f)) {
		assert_ptr_equal(f.whole.ptr, header.ptr + n);
		n += f.whole.len;
	}
	assert_int_equal(n, header.len);
}

static void finds_first(void **state UNUSED)
{
	span header = SPAN("X: 1\nto: 2\nTO: 3\nTo : 4\n");
	span value = SPAN("untouched");

	assert_false(field_find(header, SPAN("Cc"), &value));
	assert_false(field_find(header, SPAN("T"), &value));
	assert_span_equal(value, SPAN("untouched"));
	assert_true(field_find(header, SPAN("To"), &value));
	assert_span_equal(value, SPAN("2"));
}

static const struct {
	const char *message, *header, *body;
} splits[] = {
	{ "", "", "" },
	{ "\n", "", "" },
	{ "\nb\n", "", "b\n" },
	{ "A: b\n\nc\n\nd", "A: b\n", "c\n\nd" },
	{ "A: b\r\n\r\nc", "A: b\r\n", "c" },
	{ "A: b\n\r\nc", "A: b\n", "c" },
	{ "A: b\n", "A: b\n", "" },
	{ "A: b", "A: b", "" },
	{ "A: b\n \nc\n\nd", "A: b\n \nc\n", "d" },
};

static void splits_at_the_first_empty_line(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(splits); i++) {
		span header;
		span body;

		field_split(span_str(splits[i].message), &header, &body);
		assert_span_equal(header, span_str(splits[i].header));
		assert_span_equal(body, span_str(splits[i].body));
	}
}

static void unfolds_all_line_ends(void **state UNUSED)
{
	struct buf out = BUF_INIT(100);

	field_unfold(&out, SPAN(" a\r\n b\rc\n\n d\r\n"));
	assert_span_equal(buf_span(&out), SPAN("a bc d"));
	buf_done(&out);
}

/* `piece` over and over until there are 4 MB. */
static void hostile(const char *piece, size_t want)
{
	enum { SIZE = 4 << 20 };
	struct buf text = BUF_INIT(SIZE + 100);
	struct buf out = BUF_INIT(SIZE + 100);
	struct field f;
	size_t count = 0;
	span header;
	span body;
	span rest;

	while (text.len < SIZE)
		buf_put(&text, span_str(piece));
	field_split(buf_span(&text), &header, &body);
	for (rest = buf_span(&text); field_next(&rest, &f); count++) {
		buf_clear(&out);
		field_unfold(&out, f.value);
		assert_true(span_find(buf_span(&out), '\n') < 0);
	}
	assert_int_equal(count, want);
	buf_done(&text);
	buf_done(&out);
}

static void is_linear(void **state UNUSED)
{
	hostile("x", 0);
	hostile("\n", 0);
	hostile(":", 0);
	hostile(" : ", 0);
	hostile("a:", 1);
	hostile("a:\n ", 1);
	hostile("a:b\r\n \r\n\tc", 1);
	hostile("x\n", 0);
	hostile("x:\r\r\r\n", (4 << 20) / 6 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_fields),
		cmocka_unit_test(wholes_are_the_header),
		cmocka_unit_test(finds_first),
		cmocka_unit_test(splits_at_the_first_empty_line),
		cmocka_unit_test(unfolds_all_line_ends),
		cmocka_unit_test(is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
