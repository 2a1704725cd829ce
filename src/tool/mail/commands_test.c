/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include "tool/mail/commands.h"

/* The shortest forms that POSIX gives (mailx, "Commands in mailx"). */
static const struct {
	const char *typed;
	const char *command;
} cases[] = {
	{ "", "next" },
	{ "a", "alias" },
	{ "alt", "alternates" },
	{ "cd", "cd" },
	{ "ch", "chdir" },
	{ "c", "copy" },
	{ "C", "Copy" },
	{ "d", "delete" },
	{ "di", "discard" },
	{ "dp", "dp" },
	{ "dt", "dt" },
	{ "ec", "echo" },
	{ "e", "edit" },
	{ "el", "elif" },
	{ "els", "else" },
	{ "en", "endif" },
	{ "ex", "exit" },
	{ "x", "xit" },
	{ "fi", "file" },
	{ "fold", "folder" },
	{ "folders", "folders" },
	{ "fo", "followup" },
	{ "F", "Followup" },
	{ "f", "from" },
	{ "g", "group" },
	{ "h", "headers" },
	{ "hel", "help" },
	{ "?", "?" },
	{ "ho", "hold" },
	{ "pre", "preserve" },
	{ "i", "if" },
	{ "ig", "ignore" },
	{ "l", "list" },
	{ "m", "mail" },
	{ "mb", "mbox" },
	{ "n", "next" },
	{ "pi", "pipe" },
	{ "|", "|" },
	{ "P", "Print" },
	{ "p", "print" },
	{ "q", "quit" },
	{ "R", "Reply" },
	{ "r", "reply" },
	{ "ret", "retain" },
	{ "s", "save" },
	{ "S", "Save" },
	{ "se", "set" },
	{ "sh", "shell" },
	{ "si", "size" },
	{ "so", "source" },
	{ "to", "top" },
	{ "tou", "touch" },
	{ "T", "Type" },
	{ "t", "type" },
	{ "una", "unalias" },
	{ "u", "undelete" },
	{ "uns", "unset" },
	{ "v", "visual" },
	{ "w", "write" },
	{ "z", "z" },
	{ "!", "!" },
	{ "=", "=" },
};

static void test_short_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct command *c =
		    command_find(span_str(cases[i].typed));

		if (!c || strcmp(c->name, cases[i].command) != 0)
			fail_msg("\"%s\" is %s, not %s", cases[i].typed,
			    c ? c->name : "nothing", cases[i].command);
	}
	assert_null(command_find(SPAN("xyzzy")));
	assert_null(command_find(SPAN("nexta")));
}

static void test_table(void **state)
{
	const struct command *c;

	(void)state;
	for (size_t i = 0; (c = command_at(i)); i++) {
		assert_non_null(c->fn);
		assert_true(*c->help);
		/* Each can be reached by its whole name at least. */
		assert_ptr_equal(command_find(span_str(c->name))->fn, c->fn);
	}
	assert_null(command_at(100000));
}

static void test_refused(void **state)
{
	struct mua m;

	(void)state;
	mua_init(&m);
	m.no_sendmail = true;
	/* While sending; without a folder; unknown. */
	assert_int_equal(commands_run(&m, SPAN("type 1")), 1);
	m.is_reading = true;
	assert_int_equal(commands_run(&m, SPAN("type 1")), 1);
	assert_int_equal(commands_run(&m, SPAN("d*")), 1);
	assert_int_equal(commands_run(&m, SPAN("xyzzy")), 1);
	assert_int_equal(commands_run(&m, SPAN("# xyzzy")), 0);
	assert_int_equal(commands_run(&m, SPAN("  set x=1")), 0);
	assert_string_equal(vars_get(m.vars, "x"), "1");
	assert_int_equal(commands_run(&m, SPAN("quit")), 0);
	assert_true(m.quitting);
	source_free(&m);
	mua_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_forms),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
