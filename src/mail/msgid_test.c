/* SPDX-License-Identifier: ISC */
#include "mail/msgid.h"

#include "test/lib/unit.h"

static void test_there_and_back(void **state)
{
	static const struct {
		uint64_t counter;
		usec wall;
		span text;
	} rows[] = {
		{ 0xAC247, 5 * USEC_SEC + 0x1B440, SPAN_INIT("1B440AC247") },
		{ MSGID_FIRST_COUNTER, 0, SPAN_INIT("00000100000") },
		{ 0xFFFFFFFFFFF, 999999, SPAN_INIT("F423FFFFFFFFFFFF") },
		{ 1, 1, SPAN_INIT("000011") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		msgid id = msgid_make(rows[i].counter, rows[i].wall);
		char text[MSGID_TEXT_MAX];
		msgid back;

		assert_int_equal(msgid_counter(id), rows[i].counter);
		assert_span_equal(msgid_text(id, text), rows[i].text);
		assert_true(msgid_parse(rows[i].text, &back));
		assert_int_equal(back, id);
	}
}

static void test_refused(void **state)
{
	static const span bad[] = { SPAN_INIT(""), SPAN_INIT("12345"),
		SPAN_INIT("1234501"), SPAN_INIT("123450"),
		SPAN_INIT("1234567g"), SPAN_INIT("1b440ac247"),
		SPAN_INIT("12345FFFFFFFFFFFF"), SPAN_INIT("1B440 AC247"),
		SPAN_INIT("1B440AC247\0") };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		msgid id;

		assert_false(msgid_parse(bad[i], &id));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
