/* SPDX-License-Identifier: ISC */
#include "mail/masquerade.h"

#include "test/lib/unit.h"

static const struct {
	const char *domains;
	const char *addr;
	const char *result; /* NULL: as it was */
} cases[] = {
	{ "a.b.c,b.c", "xxx@aa.a.b.c", "xxx@a.b.c" },
	{ "a.b.c,b.c", "xxx@a.b.c", NULL },
	{ "b.c", "xxx@aa.a.b.c", "xxx@b.c" },
	{ "b.c a.b.c", "xxx@a.b.c", "xxx@b.c" },
	{ "!a.b.c,b.c", "xxx@aa.a.b.c", NULL },
	{ "!a.b.c,b.c", "xxx@a.b.c", NULL },
	{ "!a.b.c,b.c", "xxx@x.b.c", "xxx@b.c" },
	{ "!!b.c", "xxx@x.b.c", "xxx@b.c" },
	{ "!,b.c", "xxx@x.b.c", "xxx@b.c" },
	{ "b.c", "xxx@ab.c", NULL },
	{ "b.c", "xxx@c", NULL },
	{ "b.c", "xxx@.b.c", "xxx@b.c" },
	{ "B.c", "XXX@A.B.C", "XXX@b.c" },
	{ "b.c", "XXX@B.C", NULL },
	{ "\t b.c\n , ", "\"x@y.b.c\"@z.b.c", "\"x@y.b.c\"@b.c" },
	{ "b.c", "xxx", NULL },
	{ "b.c", "xxx@", NULL },
	{ "b.c", "", NULL },
	{ "", "xxx@a.b.c", NULL },
	{ "b\xc3\x96.c", "xxx@A.B\xc3\xb6.C", "xxx@b\xc3\xb6.c" },
};

static void test_as_postfix(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(1000);
		bool changed = masquerade(
		    span_str(cases[i].domains), span_str(cases[i].addr), &out);

		assert_int_equal(changed, cases[i].result != NULL);
		assert_span_equal(buf_span(&out),
		    span_str(cases[i].result ? cases[i].result : ""));
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_postfix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
