/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/passwd.h"

/* A directory with the two files. */
struct world {
	char dir[64];
	char passwd[80];
	char nsswitch[80];
	struct passwd_db *db;
	usec now;
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* In place of the old one, as useradd does. */
static void replace_file(const char *path, const char *text)
{
	char new[96];

	(void)snprintf(new, sizeof(new), "%s+", path);
	write_file(new, text);
	assert_int_equal(rename(new, path), 0);
}

static int set_up(void **state)
{
	struct world *w = NEW(struct world);
	struct passwd_files files = { w->passwd, w->nsswitch };

	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/passwd-test.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->passwd, sizeof(w->passwd), "%s/passwd", w->dir);
	(void)snprintf(w->nsswitch, sizeof(w->nsswitch), "%s/nsswitch", w->dir);
	write_file(w->nsswitch, "group: x\n passwd:\tfiles # only\n");
	write_file(w->passwd,
	    "root:x:0:0:root:/root:/bin/sh\n"
	    "# nobody\n"
	    "ana:x:1001:100:Ana,,,:/home/ana:/bin/bash\n"
	    "bob:x:1002:100::/home/bob:\n"
	    "bob:x:1003:100::/home/second:\n"
	    "toor:x:0:0::/toor:/bin/csh\n"
	    "\n"
	    "eva:x:4000000000:7::/home/eva:/bin/sh");
	w->db = passwd_new(&files);
	w->now = USEC_SEC;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	passwd_free(&w->db);
	(void)unlink(w->passwd);
	(void)unlink(w->nsswitch);
	(void)rmdir(w->dir);
	mem_free(w);
	return 0;
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		uid_t uid;
		gid_t gid;
		const char *home, *shell;
	} users[] = {
		{ "root", 0, 0, "/root", "/bin/sh" },
		{ "ana", 1001, 100, "/home/ana", "/bin/bash" },
		{ "bob", 1002, 100, "/home/bob", "" },
		{ "eva", 4000000000, 7, "/home/eva", "/bin/sh" },
	};
	static const char *const nobody[] = { "", "an", "anaa", "ANA", "x",
		"# nobody", "ana:x", "1001" };
	struct world *w = *state;
	struct passwd_entry e;

	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		assert_int_equal(
		    passwd_find(w->db, w->now, span_str(users[i].name), &e),
		    PASSWD_OK);
		assert_int_equal(e.uid, users[i].uid);
		assert_int_equal(e.gid, users[i].gid);
		assert_true(span_eq(e.name, span_str(users[i].name)));
		assert_true(span_eq(e.home, span_str(users[i].home)));
		assert_true(span_eq(e.shell, span_str(users[i].shell)));
	}
	for (size_t i = 0; i < ARRAY_LEN(nobody); i++)
		assert_int_equal(
		    passwd_find(w->db, w->now, span_str(nobody[i]), &e),
		    PASSWD_NONE);
}

static void test_numbers(void **state)
{
	struct world *w = *state;
	struct passwd_entry e;

	assert_int_equal(passwd_find_uid(w->db, w->now, 0, &e), PASSWD_OK);
	assert_true(span_eq(e.name, SPAN("root")));
	assert_int_equal(passwd_find_uid(w->db, w->now, 1002, &e), PASSWD_OK);
	assert_true(span_eq(e.name, SPAN("bob")));
	assert_int_equal(passwd_find_uid(w->db, w->now, 77, &e), PASSWD_NONE);
}

/* Who was added is there at once; who was taken away, after a second. */
static void test_changes(void **state)
{
	struct world *w = *state;
	struct passwd_entry e;

	assert_int_equal(
	    passwd_find(w->db, w->now, SPAN("ana"), &e), PASSWD_OK);
	replace_file(w->passwd, "new:x:5:5::/new:/bin/sh\n");
	assert_int_equal(
	    passwd_find(w->db, w->now, SPAN("ana"), &e), PASSWD_OK);
	w->now += USEC_SEC;
	assert_int_equal(
	    passwd_find(w->db, w->now, SPAN("ana"), &e), PASSWD_NONE);
	assert_int_equal(
	    passwd_find(w->db, w->now, SPAN("new"), &e), PASSWD_OK);
	replace_file(w->passwd, "newer:x:6:6::/newer:/bin/sh\n");
	assert_int_equal(
	    passwd_find(w->db, w->now, SPAN("newer"), &e), PASSWD_OK);
}

/* Where the file is not to be asked first, or says that others count, it is
 * the system that answers: it has a root, and no ana. */
static void test_other_sources(void **state)
{
	struct world *w = *state;
	struct passwd_entry e;

	if (getpwnam("ana") || !getpwnam("root"))
		skip();
	replace_file(w->nsswitch, "passwd: sss files\n");
	assert_int_equal(
	    passwd_find(w->db, w->now, SPAN("ana"), &e), PASSWD_NONE);
	assert_int_equal(
	    passwd_find(w->db, w->now, SPAN("root"), &e), PASSWD_OK);
	replace_file(w->nsswitch, "passwd: compat\n");
	replace_file(w->passwd, "ana:x:1:1::/:/bin/sh\n");
	w->now += USEC_SEC;
	assert_int_equal(
	    passwd_find(w->db, w->now, SPAN("ana"), &e), PASSWD_OK);
	replace_file(w->passwd, "ana:x:1:1::/:/bin/sh\n+::::::\n");
	w->now += USEC_SEC;
	assert_int_equal(
	    passwd_find(w->db, w->now, SPAN("ana"), &e), PASSWD_NONE);
}

/* Who is not in the file is asked for elsewhere, if there is an elsewhere or
 * the file has a line that is not understood. */
static void test_the_rest(void **state)
{
	static const struct {
		const char *sources, *passwd;
		int found;
	} cases[] = {
		{ "passwd: files\n", "ana:x:1:1::/:/bin/sh\n", PASSWD_NONE },
		{ "passwd: files systemd\n", "ana:x:1:1::/:/bin/sh\n",
		    PASSWD_OK },
		{ "passwd: files\n", "ana:x:1:1::/:/bin/sh\nodd\n", PASSWD_OK },
		{ "", "ana:x:1:1::/:/bin/sh\nodd:x:y:z::/:\n", PASSWD_OK },
		{ "", "", PASSWD_NONE },
	};
	struct world *w = *state;

	if (!getpwnam("root"))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct passwd_entry e;

		replace_file(w->nsswitch, cases[i].sources);
		replace_file(w->passwd, cases[i].passwd);
		w->now += USEC_SEC;
		assert_int_equal(passwd_find(w->db, w->now, SPAN("root"), &e),
		    cases[i].found);
		assert_int_equal(
		    passwd_find_uid(w->db, w->now, 0, &e), cases[i].found);
		if (cases[i].found == PASSWD_OK)
			assert_true(span_eq(e.name, SPAN("root")));
	}
}

/* Many names, each asked for several times: answers do not mix. */
static void test_many(void **state)
{
	struct buf text = BUF_INIT(1 << 22);
	struct world *w = *state;
	char name[16];

	for (unsigned i = 0; i < 20000; i++)
		buf_printf(&text, "u%u:x:%u:%u::/home/u%u:/bin/sh\n", i, i + 10,
		    i + 20, i);
	replace_file(w->passwd, buf_cstr(&text));
	buf_done(&text);
	w->now += USEC_SEC;
	for (unsigned i = 0; i < 40000; i += 7) {
		struct passwd_entry e;
		int r;

		(void)snprintf(name, sizeof(name), "u%u", i);
		r = passwd_find(w->db, w->now, span_str(name), &e);
		assert_int_equal(r, i < 20000 ? PASSWD_OK : PASSWD_NONE);
		if (r == PASSWD_OK)
			assert_int_equal(e.uid, i + 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_numbers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_other_sources, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_the_rest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
