/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/mail/complete.h"

static struct mua mua;

/* What would be inserted; NULL: nothing fits. */
static void check(const char *before, enum term_kind kind, const char *want)
{
	struct arena a;
	struct completion c = { 0 };
	bool found;

	arena_init(&a, 16 << 20);
	found = complete_word(&mua, span_str(before), kind, &a, &c);
	if (found != (want != NULL) || (found && strcmp(c.insert, want) != 0))
		fail_msg(
		    "\"%s\": \"%s\"", before, found ? c.insert : "nothing");
	arena_done(&a);
}

static void test_words(void **state)
{
	(void)state;
	check("versi", TERM_COMMAND, "on ");
	check("  undel", TERM_COMMAND, "ete ");
	check("d", TERM_COMMAND, "");
	check("nonsense", TERM_COMMAND, NULL);
	check("set indentp", TERM_COMMAND, "refix ");
	check("se indentp", TERM_COMMAND, "refix ");
	check("set noth", TERM_COMMAND, NULL);
	check("mail bob,fri", TERM_COMMAND, "ends ");
	check("m fri", TERM_COMMAND, "ends ");
	check("fri", TERM_HEADER, "ends ");
	check("a@x, fr", TERM_HEADER, "iends ");
	check("call gre", TERM_COMMAND, "et ");
	check("account wo", TERM_COMMAND, "rk ");
	check("help alt", TERM_COMMAND, "ernates ");
	check("file wor", TERM_COMMAND, "klist ");
	check("xyzzy a", TERM_COMMAND, NULL);
	check("own", TERM_COMMAND, "command ");
}

/* Names that others gave: nobody wants to have typed those. */
static void check_strange_names(void)
{
	static const char *const names[] = { "strange;touch x",
		"strange\033[2J", "strange\ny", "strange\302\233",
		"strange$(x)", "strange x" };
	char dir[] = "/tmp/mail-complete-test.XXXXXX";
	struct buf path = BUF_INIT(4096);

	assert_non_null(mkdtemp(dir));
	assert_int_equal(setenv("MAIL_TEST_DIR", dir, 1), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		buf_clear(&path);
		buf_printf(&path, "%s/%s", dir, names[i]);
		assert_int_equal(mkdir(buf_cstr(&path), 0700), 0);
		check("!ls $MAIL_TEST_DIR/s", TERM_COMMAND, NULL);
		check("file $MAIL_TEST_DIR/s", TERM_COMMAND, NULL);
		assert_int_equal(rmdir(buf_cstr(&path)), 0);
	}
	assert_int_equal(rmdir(dir), 0);
	buf_done(&path);
}

static void test_files(void **state)
{
	char dir[] = "/tmp/mail-complete-test.XXXXXX";
	struct buf path = BUF_INIT(4096);
	struct buf line = BUF_INIT(4096);

	(void)state;
	assert_non_null(mkdtemp(dir));
	buf_printf(&path,
	    "%s/Gr\xc3\xbc\xc3\x9f"
	    "e",
	    dir);
	assert_int_equal(mkdir(buf_cstr(&path), 0700), 0);
	buf_printf(&line, "s 1 %s/G", dir);
	check(buf_cstr(&line), TERM_COMMAND,
	    "r\xc3\xbc\xc3\x9f"
	    "e/");
	assert_int_equal(rmdir(buf_cstr(&path)), 0);
	/* Two that differ in the middle of a character: only whole ones. */
	buf_clear(&path);
	buf_printf(&path, "%s/x\xc3\xa4", dir);
	assert_int_equal(mkdir(buf_cstr(&path), 0700), 0);
	buf_clear(&line);
	buf_printf(&line, "%s/x\xc3\xb6", dir);
	assert_int_equal(mkdir(buf_cstr(&line), 0700), 0);
	assert_int_equal(setenv("MAIL_TEST_DIR", dir, 1), 0);
	check("file $MAIL_TEST_DIR/", TERM_COMMAND, "x");
	assert_int_equal(rmdir(buf_cstr(&path)), 0);
	assert_int_equal(rmdir(buf_cstr(&line)), 0);
	assert_int_equal(rmdir(dir), 0);
	check_strange_names();
	check("file /no/such/place/", TERM_COMMAND, NULL);
	check("file ~nobody-at-all/", TERM_COMMAND, NULL);
	buf_done(&path);
	buf_done(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_files),
	};
	int r;

	mua_init(&mua);
	(void)dict_make(&mua.aliases, SPAN("friends"));
	(void)dict_make(&mua.macros, SPAN("greet"));
	(void)dict_make(&mua.accounts, SPAN("work"));
	(void)dict_make(&mua.command_aliases, SPAN("owncommand"));
	dict_add(dict_make(&mua.shortcuts, SPAN("worklist")), SPAN("+w"));
	r = cmocka_run_group_tests(tests, NULL, NULL);
	mua_done(&mua);
	return r;
}
