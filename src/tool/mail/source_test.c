/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tool/mail/commands.h"

static void load(struct mua *m, const char *text, int want)
{
	mua_init(m);
	m->no_sendmail = true;
	m->is_loading = true;
	assert_int_equal(source_text(m, span_str(text)), want);
	assert_false(source_is_active(m));
}

static void unload(struct mua *m)
{
	source_free(m);
	mua_done(m);
}

/* What "x" is after these lines. */
static const struct {
	const char *text;
	const char *x; /* NULL: not set */
	int r;
} cases[] = {
	{ "set x=1", "1", 0 },
	{ "set x\nunset x\n", NULL, 0 },
	{ "set x=1 nox", NULL, 0 },
	{ "  se x=\"a b\"  \r\n", "a b", 0 },
	{ "# set x=1\n\n\n#\nset x=2", "2", 0 },
	{ "set \\\n  x=3\n", "3", 0 },
	{ "if r\nset x=r\nelse\nset x=s\nendif\n", "s", 0 },
	{ "if s\nif t\nset x=t\nelif false\nset x=f\nelse\nset x=n\nendif\n"
	  "endif\n",
	    "n", 0 },
	{ "if false\nif true\nset x=1\nelse\nset x=2\nendif\nelse\n"
	  "set x=3\nendif",
	    "3", 0 },
	{ "if true\nset x=1\nelif true\nset x=2\nelse\nset x=3\nendif", "1",
	    0 },
	{ "if false\nnonsense\nendif\nset x=1\n", "1", 0 },
	/* What fails ends the file. */
	{ "set x=1\nnonsense\nset x=2", "1", 1 },
	{ "endif\nset x=1", NULL, 1 },
	{ "else\nset x=1", NULL, 1 },
	{ "if bogus\nset x=1", NULL, 1 },
	{ "type\nset x=1", NULL, 1 },
	{ "!touch x\nset x=1", NULL, 1 },
	{ "quit\nset x=1", NULL, 1 },
	/* Of other programs. */
	{ "\\set x=1", "1", 0 },
	{ "wysh set x=$'a\\tb'", "a\tb", 0 },
	{ "bind base $'\\cL' mle-clear-screen\ncolour 256 mle-prompt fg=203\n"
	  "set x=1",
	    "1", 0 },
	{ "commandalias sx 'set x=5'\nsx\n", "5", 0 },
	{ "commandalias sx set\nsx x=6\n", "6", 0 },
	{ "commandalias set set\nset x=7\n", "7", 0 },
	{ "commandalias a b\ncommandalias b a\na x", NULL, 0 },
	{ "ghost sx 'set x'\nset x=8", "8", 0 },
	/* Macros and accounts. */
	{ "define m {\nset x=9\n}\ncall m\n", "9", 0 },
	{ "define m {\nset x=9\n", NULL, 1 },
	{ "define m {\nif s\nset x=1\nelse\nset x=2\nendif\n}\ncall m", "1",
	    0 },
	{ "define m {\nundef m\nset x=1\n}\ncall m", "1", 0 },
	{ "define m {\ncall m\n}\ncall m\nset x=1", NULL, 1 },
	{ "account a {\nset x=1\n}\naccount a", "1", 0 },
	{ "account a x=1 y\naccount a", "1", 0 },
	{ "account nobody\nset x=1", NULL, 1 },
	/* The condition of a macro stays in it. */
	{ "define m {\nif false\n}\ncall m\nset x=1\n", "1", 0 },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct mua m;

		load(&m, cases[i].text, cases[i].r);
		assert_span_equal(
		    span_str(vars_get(m.vars, "x")), span_str(cases[i].x));
		unload(&m);
	}
}

static void test_lists(void **state)
{
	struct mua m;
	struct dict_entry *e;

	(void)state;
	load(&m,
	    "alias team ana bob\nalias team 'Eve <eve@x>'\n"
	    "unalias none\nignore X-Foo\nunignore received\n"
	    "retain subject\nsaveignore status\nfwdignore x\n"
	    "headerpick save retain to\nalternates a@b c@d\n"
	    "shortcut w +work\n",
	    0);
	e = dict_find(&m.aliases, SPAN("team"));
	assert_non_null(e);
	assert_int_equal(e->count, 3);
	assert_string_equal(e->values[2], "Eve <eve@x>");
	assert_true(names_has(&m.ignored, SPAN("x-foo")));
	assert_false(names_has(&m.ignored, SPAN("received")));
	assert_true(names_has(&m.ignored, SPAN("references")));
	assert_true(names_has(&m.retained, SPAN("Subject")));
	assert_true(names_has(&m.save_ignored, SPAN("status")));
	assert_true(names_has(&m.save_retained, SPAN("to")));
	assert_true(names_has(&m.forward_ignored, SPAN("x")));
	assert_true(names_has(&m.alternates, SPAN("C@D")));
	assert_string_equal(
	    dict_find(&m.shortcuts, SPAN("w"))->values[0], "+work");
	unload(&m);
}

static void find_manner(const char *text, const char *want)
{
	char path[] = "/tmp/mail-source-test.XXXXXX";
	struct buf got = BUF_INIT(100);
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
	assert_int_equal(source_find_manner(path, &got), want != NULL);
	assert_span_equal(buf_span(&got), span_str(want));
	buf_done(&got);
	(void)unlink(path);
}

static void test_manner(void **state)
{
	(void)state;
	find_manner("set hold\n", NULL);
	find_manner("set hold mail_personality=bsd\n", "bsd");
	find_manner("if s\nset mail_personality=gnu\nendif\n", NULL);
	find_manner("", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_manner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
