/* SPDX-License-Identifier: ISC */
#include "tool/mail/folder_name.h"

#include "test/lib/unit.h"
#include "tool/mail/box_fixture.h"

#include <sys/stat.h>

static const struct {
	const char *name;
	const char *want; /* DIR is the home; with LF: what is complained of */
} cases[] = {
	{ "x", "x" },
	{ "/a/b", "/a/b" },
	{ "~", "DIR" },
	{ "~/x", "DIR/x" },
	{ "~nobody-has-this-name/x", "~nobody-has-this-name/x" },
	{ "a~b", "a~b" },
	{ "&", "DIR/mbox" },
	{ "&x", "&x" },
	{ "+x", "DIR/mail/x" },
	{ "+", "DIR/mail/" },
	{ "%", "/inbox" },
	{ "%:/a", "/a" },
	{ "%:+x", "DIR/mail/x" },
	{ "%a/b", "\"a/b\": no name of a user\n" },
	{ "%.", "\".\": no name of a user\n" },
	{ "#", "No previous file\n" },
	{ "#x", "#x" },
	{ "sc", "DIR/mail/short" },
	{ "scx", "scx" },
	{ "$ONE", "1" },
	{ "${ONE}x", "1x" },
	{ "a$ONE$ONE", "a11" },
	{ "$NONE/x", "/x" },
	{ "$", "$" },
	{ "a$", "a$" },
	{ "$/", "$/" },
	{ "${ONE", "Syntax error in \"${ONE\"\n" },
	{ "${}", "Syntax error in \"${}\"\n" },
	{ "$(ls)", "Syntax error in \"$(ls)\"\n" },
	{ "`ls`", "Syntax error in \"`ls`\"\n" },
	{ "\"`ls`\"", "Syntax error in \"\"`ls`\"\"\n" },
	{ "'`ls`'", "`ls`" },
	{ "'$ONE'", "$ONE" },
	{ "\"$ONE\"", "1" },
	{ "\"a\\\"b\"", "a\"b" },
	{ "'a", "Syntax error in \"'a\"\n" },
	{ "\"a", "Syntax error in \"\"a\"\n" },
	{ "a\\ b", "a b" },
	{ "\\$ONE", "$ONE" },
	{ "\\", "\\" },
	{ "a b", "a b" },
	{ "a|b;c&d<e>f", "a|b;c&d<e>f" },
	{ "|ls", "|ls" },
	/* Wildcards: DIR has one, two. */
	{ "~/on*", "DIR/one" },
	{ "~/?ne", "DIR/one" },
	{ "~/[o]ne", "DIR/one" },
	{ "~/*o*", "\"~/*o*\": Ambiguous.\n" },
	{ "~/z*", "DIR/z*" },
	{ "~/'o'*e", "DIR/one" },
	{ "~/'*'", "DIR/*" },
	{ "~/\\*", "DIR/*" },
	{ "", "\"\": No such file or directory\n" },
	{ "''", "\"''\": No such file or directory\n" },
	{ "$NONE", "\"$NONE\": No such file or directory\n" },
};

/* What it comes to, with the home written as DIR. */
static void expand(struct mua *m, const char *name, struct buf *got)
{
	struct buf path = BUF_INIT(10000);
	span home = span_str(m->home);
	span rest;

	fixture_listen();
	if (!mua_expand_name(m, span_str(name), &path))
		buf_clear(&path);
	fixture_heard(got);
	rest = buf_span(&path);
	if (span_skip(&rest, home))
		buf_put(got, SPAN("DIR"));
	buf_put(got, rest);
	buf_done(&path);
}

static void start(struct mua *m)
{
	char path[200];

	fixture_start(m);
	vars_set(m->vars, "MAIL", "/inbox");
	vars_set(m->vars, "folder", "mail");
	vars_set(m->vars, "ONE", "1");
	dict_add(dict_make(&m->shortcuts, SPAN("sc")), SPAN("+short"));
	(void)snprintf(path, sizeof(path), "%s/one", m->home);
	fixture_write(path, SPAN(""));
	(void)snprintf(path, sizeof(path), "%s/two", m->home);
	fixture_write(path, SPAN(""));
}

static void test_names(void **state)
{
	struct mua m;

	(void)state;
	start(&m);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf got = BUF_INIT(10000);

		expand(&m, cases[i].name, &got);
		if (!span_eq(buf_span(&got), span_str(cases[i].want)))
			print_error("the name was \"%s\"\n", cases[i].name);
		assert_span_equal(buf_span(&got), span_str(cases[i].want));
		buf_done(&got);
	}
	fixture_end(&m);
}

static void check(struct mua *m, const char *name, const char *want)
{
	struct buf got = BUF_INIT(10000);

	expand(m, name, &got);
	assert_span_equal(buf_span(&got), span_str(want));
	buf_done(&got);
}

static void test_variables(void **state)
{
	struct mua m;

	(void)state;
	start(&m);
	vars_set(m.vars, "MBOX", "+read");
	check(&m, "&", "DIR/mail/read");
	vars_set(m.vars, "MBOX", "&");
	check(&m, "&", "&");
	vars_set(m.vars, "folder", "/else//");
	check(&m, "+x", "/else/x");
	vars_set(m.vars, "folder", "~/mine");
	check(&m, "+x", "DIR/mine/x");
	vars_set(m.vars, "folder", "+");
	check(&m, "+x", "DIR/+/x");
	vars_set(m.vars, "folder", "");
	check(&m, "+x", "+x");
	m.is_pretending = true;
	m.user = "../x";
	check(&m, "%", "\"../x\": no name of a user\n");
	fixture_end(&m);
}

/* Too long for the system. */
static void test_long(void **state)
{
	struct buf name = BUF_INIT(100000);
	struct buf got = BUF_INIT(100000);
	struct mua m;

	(void)state;
	start(&m);
	for (int i = 0; i < 5000; i++)
		buf_putc(&name, 'x');
	expand(&m, buf_cstr(&name), &got);
	assert_true(got.len > 0 && got.data[got.len - 1] == '\n');
	buf_clear(&name);
	buf_clear(&got);
	for (int i = 0; i < 2000; i++)
		buf_put(&name, SPAN("${HOME}"));
	expand(&m, buf_cstr(&name), &got);
	assert_true(got.len > 0 && got.data[got.len - 1] == '\n');
	buf_done(&name);
	buf_done(&got);
	fixture_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
