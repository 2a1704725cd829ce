/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/lists.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/lib/unit.h"

static const struct {
	const char *text;
	bool named;
} cases[] = {
	{ "a: :include:/l/x\n", true },
	{ "a: b, :INCLUDE:/l/x, c\n", true },
	{ "a: \":include:/l/x\"\n", true },
	{ "a: :include:/l/xy\nb: :include:/l/x", true },
	{ "a: :include:/l/xy\n", false },
	{ "a: :include:/m/l/x\n", false },
	{ "a: /l/x\n", false },
	{ "/l/x", false },
	{ ":include:", false },
	{ "", false },
};

static bool ask(const char *table, const char *path)
{
	struct service at = { .c.alias_maps = SPAN("nis:mail.aliases"),
		.c.alias_database = span_str(table) };

	return lists_named(&at, span_str(path));
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_named(void **state)
{
	char dir[] = "/tmp/lists_test.XXXXXX";
	char path[64];
	char table[80];
	bool root = geteuid() == 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/aliases", dir);
	(void)snprintf(table, sizeof(table), "cdb:/none, hash:%s", path);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		write_file(path, cases[i].text, 0644);
		assert_int_equal(ask(table, "/l/x"), root && cases[i].named);
		/* Somebody else could have written it. */
		write_file(path, cases[i].text, 0664);
		assert_false(ask(table, "/l/x"));
	}
	write_file(path, "a: :include:x\n", 0644);
	assert_false(ask(table, "x"));
	assert_false(ask(table, ""));
	assert_int_equal(unlink(path), 0);
	assert_false(ask(table, "/l/x"));
	assert_int_equal(rmdir(dir), 0);
}

/* Where a user could put a link to what only root may read. */
static void test_fixed(void **state)
{
	char dir[] = "/tmp/lists_test.XXXXXX";
	char path[64];
	char link[64];

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/list", dir);
	(void)snprintf(link, sizeof(link), "%s/link", dir);
	assert_false(lists_is_fixed(span_str(path)));
	write_file(path, "x", 0600);
	assert_true(lists_is_fixed(span_str(path)));
	assert_int_equal(symlink("list", link), 0);
	assert_false(lists_is_fixed(span_str(link)));
	assert_int_equal(chmod(dir, 0777), 0);
	assert_false(lists_is_fixed(span_str(path)));
	assert_int_equal(chmod(dir, 0770), 0);
	assert_false(lists_is_fixed(span_str(path)));
	assert_int_equal(chmod(dir, 01777), 0);
	assert_true(lists_is_fixed(span_str(path)));
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chown(dir, 65534, 0), 0);
	assert_false(lists_is_fixed(span_str(path)));
	assert_int_equal(chown(dir, 0, 0), 0);
	assert_int_equal(chown(path, 65534, 0), 0);
	assert_false(lists_is_fixed(span_str(path)));
	assert_false(lists_is_fixed(span_str(dir)));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
