/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "mail/records.h"

static void test_bytes(void **state UNUSED)
{
	static const size_t sizes[] = { 0, 1, 127, 128, 16383, 16384, 70000 };
	static char text[70000];
	struct buf out = BUF_INIT(1 << 20);
	struct record r;
	span rest;

	record_put(&out, RECORD_NORM, SPAN("hello"));
	assert_span_equal(buf_span(&out), SPAN("N\x05hello"));
	buf_clear(&out);
	record_put(&out, RECORD_MESG, SPAN_NONE);
	assert_span_equal(buf_span(&out), span_of("M\0", 2));
	buf_clear(&out);
	/* 300 = 2 * 128 + 44 */
	memset(text, 'x', sizeof(text));
	record_put(&out, RECORD_NORM, span_of(text, 300));
	assert_span_equal(span_first(buf_span(&out), 3), SPAN("N\xac\x02"));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		buf_clear(&out);
		record_put(&out, RECORD_CONT, span_of(text, sizes[i]));
		rest = buf_span(&out);
		assert_int_equal(
		    record_take(&rest, sizeof(text), &r), RECORD_OK);
		assert_int_equal(r.type, RECORD_CONT);
		assert_int_equal(r.data.len, sizes[i]);
		assert_int_equal(rest.len, 0);
	}
	buf_done(&out);
}

static void test_cut_and_broken(void **state UNUSED)
{
	static const struct {
		span in;
		size_t max;
		enum record_result want;
	} cases[] = {
		{ SPAN_INIT(""), 100, RECORD_MORE },
		{ SPAN_INIT("N"), 100, RECORD_MORE },
		{ SPAN_INIT("N\x05hell"), 100, RECORD_MORE },
		{ SPAN_INIT("N\x85"), 1000, RECORD_MORE },
		{ SPAN_INIT("N\x05hello"), 5, RECORD_OK },
		{ SPAN_INIT("N\x05hello"), 4, RECORD_BROKEN },
		/* Before the data is there. */
		{ SPAN_INIT("N\x7f"), 100, RECORD_BROKEN },
		/* Groups without need are no fault. */
		{ SPAN_INIT("N\x81\x80\x80\x00x"), 100, RECORD_OK },
		/* More groups than any length has. */
		{ SPAN_INIT("N\x81\x80\x80\x80\x00x"), 100, RECORD_BROKEN },
		{ SPAN_INIT("N\xff\xff\xff\xff\xff"), 100, RECORD_BROKEN },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct record r;
		span rest = cases[i].in;

		assert_int_equal(
		    record_take(&rest, cases[i].max, &r), cases[i].want);
		if (cases[i].want != RECORD_OK)
			assert_ptr_equal(rest.ptr, cases[i].in.ptr);
	}
}

static void test_lines(void **state UNUSED)
{
	static const struct record lines[] = {
		{ .type = RECORD_NORM, .data = SPAN_INIT("abcdefgh") },
		{ .type = RECORD_CONT, .data = SPAN_INIT("abc") },
		{ .type = RECORD_NORM },
	};
	struct buf out = BUF_INIT(1000);

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		record_put_content(&out, &lines[i], 3);
	assert_span_equal(
	    buf_span(&out), span_of("L\3abcL\3defN\2ghL\3abcN\0", 21));
	buf_done(&out);
}

static void test_attributes(void **state UNUSED)
{
	struct buf out = BUF_INIT(1000);
	span name;
	span value;

	record_put_attr(&out, RECORD_ATTR_ENCODING, SPAN("8bit"));
	record_put_attr_u64(&out, RECORD_ATTR_NOTIFY, 4);
	assert_span_equal(buf_span(&out),
	    SPAN("A\x0d"
	         "encoding=8bit"
	         "A\x0e"
	         "notify_flags=4"));
	assert_true(record_attr(SPAN(" a = b=c "), &name, &value));
	assert_span_equal(name, SPAN("a"));
	assert_span_equal(value, SPAN("b=c"));
	assert_true(record_attr(SPAN("a="), &name, &value));
	assert_int_equal(value.len, 0);
	assert_false(record_attr(SPAN("=x"), &name, &value));
	assert_false(record_attr(SPAN("x"), &name, &value));
	buf_done(&out);
}

static void test_groups(void **state UNUSED)
{
	assert_true(record_is_expected(RECORD_ENVELOPE, RECORD_OF_USER, 'S'));
	assert_false(record_is_expected(RECORD_ENVELOPE, RECORD_OF_USER, 'T'));
	assert_true(record_is_expected(RECORD_ENVELOPE, RECORD_OF_SYSTEM, 'T'));
	assert_false(record_is_expected(RECORD_CONTENT, RECORD_OF_USER, 'R'));
	assert_false(record_is_expected(RECORD_CONTENT, RECORD_OF_USER, '\0'));
	assert_false(record_is_expected(RECORD_EXTRACT, RECORD_OF_USER, 'p'));
	assert_int_equal(record_end_of(RECORD_ENVELOPE), RECORD_MESG);
	assert_int_equal(record_end_of(RECORD_CONTENT), RECORD_XTRA);
	assert_int_equal(record_end_of(RECORD_EXTRACT), RECORD_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_cut_and_broken),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
