/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include <stdlib.h>

#include "tool/mail/vars.h"

static void test_presets(void **state)
{
	struct vars *v = vars_new();

	(void)state;
	assert_string_equal(vars_get(v, "escape"), "~");
	assert_string_equal(vars_get(v, "indentprefix"), "> ");
	assert_true(vars_is_set(v, "hold"));
	assert_true(vars_is_set(v, "dot"));
	assert_false(vars_is_set(v, "askcc"));
	assert_int_equal(vars_number(v, "toplines", 99), 5);
	assert_int_equal(vars_number(v, "crt", 99), 99);
	vars_free(&v);
	assert_null(v);
	vars_free(&v);
}

static void test_environment(void **state)
{
	struct vars *v = vars_new();

	(void)state;
	assert_int_equal(setenv("MAIL_TEST_X", "outside", 1), 0);
	assert_string_equal(vars_get(v, "MAIL_TEST_X"), "outside");
	vars_set(v, "MAIL_TEST_X", "inside");
	assert_string_equal(vars_get(v, "MAIL_TEST_X"), "inside");
	assert_true(vars_unset(v, "MAIL_TEST_X"));
	assert_false(vars_unset(v, "MAIL_TEST_X"));
	assert_string_equal(vars_get(v, "MAIL_TEST_X"), "outside");
	/* -Sno... hides even that. */
	vars_fix_unset(v, "MAIL_TEST_X");
	assert_null(vars_get(v, "MAIL_TEST_X"));
	assert_int_equal(unsetenv("MAIL_TEST_X"), 0);
	vars_free(&v);
}

static void test_fixed(void **state)
{
	struct vars *v = vars_new();

	(void)state;
	vars_fix(v, "x", "mine");
	vars_fix_unset(v, "ask");
	vars_set(v, "x", "file's");
	vars_set(v, "ask", NULL);
	(void)vars_unset(v, "x");
	assert_string_equal(vars_get(v, "x"), "mine");
	assert_false(vars_is_set(v, "ask"));
	vars_thaw(v);
	vars_set(v, "ask", NULL);
	assert_string_equal(vars_get(v, "ask"), "");
	assert_true(vars_unset(v, "x"));
	assert_null(vars_get(v, "x"));
	/* A value may come from the variable itself. */
	vars_set(v, "x", "abc");
	vars_set(v, "x", vars_get(v, "x"));
	assert_string_equal(vars_get(v, "x"), "abc");
	vars_free(&v);
}

static void collect(void *ctx, const char *name, const char *value)
{
	struct buf *out = ctx;

	if (span_has_prefix(span_str(name), SPAN("z")))
		buf_printf(out, "%s=%s ", name, value);
}

static void test_each(void **state)
{
	struct vars *v = vars_new();
	struct buf out = BUF_INIT(1000);

	(void)state;
	vars_set(v, "zb", "2");
	vars_set(v, "za", "1");
	vars_set(v, "zc", NULL);
	vars_fix_unset(v, "zd");
	vars_each(v, collect, &out);
	assert_span_equal(buf_span(&out), SPAN("za=1 zb=2 zc= "));
	buf_done(&out);
	vars_free(&v);
}

static void test_names(void **state)
{
	struct names n = { 0 };

	(void)state;
	names_add(&n, SPAN("Subject"));
	names_add(&n, SPAN("from"));
	names_add(&n, SPAN("SUBJECT"));
	assert_int_equal(n.count, 2);
	assert_string_equal(n.all[0], "from");
	assert_true(names_has(&n, SPAN("subject")));
	assert_false(names_has(&n, SPAN("sub")));
	assert_true(names_drop(&n, SPAN("FROM")));
	assert_false(names_drop(&n, SPAN("FROM")));
	assert_int_equal(n.count, 1);
	names_done(&n);
	names_done(&n);
}

static void test_dict(void **state)
{
	struct dict d = { 0 };
	struct dict_entry *e;

	(void)state;
	e = dict_make(&d, SPAN("b"));
	for (size_t i = 0; i < 100; i++)
		dict_add(e, SPAN("value"));
	(void)dict_make(&d, SPAN("a"));
	(void)dict_make(&d, SPAN("B"));
	assert_int_equal(d.count, 3);
	e = dict_find(&d, SPAN("b"));
	assert_int_equal(e->count, 100);
	assert_string_equal(e->values[99], "value");
	dict_clear(e);
	assert_int_equal(dict_find(&d, SPAN("b"))->count, 0);
	assert_null(dict_find(&d, SPAN("c")));
	assert_true(dict_drop(&d, SPAN("b")));
	assert_false(dict_drop(&d, SPAN("b")));
	assert_string_equal(d.all[0].name, "B");
	assert_string_equal(d.all[1].name, "a");
	dict_done(&d);
	dict_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_dict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
