/* SPDX-License-Identifier: ISC */
#include "mail/verp.h"

#include "test/lib/unit.h"

static void test_valid(void **state)
{
	const span filter = SPAN("-=+");

	(void)state;
	assert_true(verp_is_valid(SPAN("+="), filter));
	assert_true(verp_is_valid(SPAN("--"), filter));
	assert_false(verp_is_valid(SPAN("+"), filter));
	assert_false(verp_is_valid(SPAN("+=-"), filter));
	assert_false(verp_is_valid(SPAN("+@"), filter));
	assert_false(verp_is_valid(SPAN("x="), filter));
	assert_false(verp_is_valid(SPAN_NONE, filter));
	assert_false(verp_is_valid(SPAN("+="), SPAN_NONE));
}

static void test_write(void **state)
{
	static const struct {
		span delimiters, sender, addr, orig, result;
	} rows[] = {
		{ SPAN_INIT("+="), SPAN_INIT("list@x.org"), SPAN_INIT("a@b"),
		    SPAN_INIT(""), SPAN_INIT("list+a=b@x.org") },
		{ SPAN_INIT("-="), SPAN_INIT("list@x.org"), SPAN_INIT("z@b"),
		    SPAN_INIT("ana@c.d"), SPAN_INIT("list-ana=c.d@x.org") },
		{ SPAN_INIT("+="), SPAN_INIT("list"), SPAN_INIT("a@b"),
		    SPAN_INIT("a"), SPAN_INIT("list+a") },
		{ SPAN_INIT("+="), SPAN_INIT("list@x.org"), SPAN_INIT("a@b"),
		    SPAN_INIT("a@"), SPAN_INIT("list+a@x.org") },
		{ SPAN_INIT("+="), SPAN_INIT("a@b@x.org"), SPAN_INIT("c@d@e"),
		    SPAN_INIT(""), SPAN_INIT("a@b+c@d=e@x.org") },
		{ SPAN_INIT("+="), SPAN_INIT("@"), SPAN_INIT("@"),
		    SPAN_INIT(""), SPAN_INIT("+") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct rcpt to = {
			.addr = rows[i].addr,
			.orig = rows[i].orig,
		};
		struct buf b = BUF_INIT(100);

		verp_write(&b, rows[i].delimiters, rows[i].sender, &to);
		assert_span_equal(buf_span(&b), rows[i].result);
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
