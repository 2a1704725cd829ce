/* SPDX-License-Identifier: ISC */
/* Whatever cannot be undone happens in a child. */
#include "os/priv.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/lib/unit.h"

enum { NOBODY = 65534, STRANGER = 54321 };

/* Run fn in a child; what it returns is its exit status. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define CHECK(what) check((what), #what)

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	print_error("not true: %s\n", what);
	_exit(1);
}

static void test_find_user(void **state UNUSED)
{
	struct priv_user u;
	const struct passwd *root = getpwuid(0);

	assert_int_equal(priv_find_user(SPAN("root"), &u), PRIV_OK);
	assert_int_equal(u.uid, 0);
	assert_int_equal(u.gid, root->pw_gid);
	assert_true(u.ngroups >= 1);
	assert_int_equal(priv_find_user(SPAN("0"), &u), PRIV_OK);
	assert_int_equal(u.uid, 0);
	assert_int_equal(u.gid, root->pw_gid);
	assert_int_equal(priv_find_user(SPAN("54321"), &u), PRIV_OK);
	assert_int_equal(u.uid, STRANGER);
	assert_int_equal(u.gid, STRANGER);
	assert_int_equal(u.ngroups, 0);
}

static void test_find_nobody(void **state UNUSED)
{
	static const span names[] = { SPAN_INIT(""), SPAN_INIT("no such user"),
		SPAN_INIT("root\0x"), SPAN_INIT("4294967295"),
		SPAN_INIT("4294967296"), SPAN_INIT("-1"), SPAN_INIT("0x0") };
	char longest[1000];
	struct priv_user u;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(priv_find_user(names[i], &u), PRIV_NO_USER);
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(priv_find_user(span_of(longest, sizeof(longest)), &u),
	    PRIV_NO_USER);
}

static int drop_with_groups(void)
{
	const struct priv_user u = { .uid = STRANGER,
		.gid = STRANGER + 1,
		.ngroups = 2,
		.groups = { STRANGER + 1, STRANGER + 2 } };
	gid_t groups[8];

	CHECK(priv_drop(&u) == 0);
	CHECK(getuid() == STRANGER && geteuid() == STRANGER);
	CHECK(getgid() == STRANGER + 1 && getegid() == STRANGER + 1);
	CHECK(getgroups(8, groups) == 2);
	CHECK(groups[0] == STRANGER + 1 && groups[1] == STRANGER + 2);
	CHECK(setuid(0) < 0 && setgid(0) < 0);
	CHECK(setgroups(0, NULL) < 0);
	/* And not further to somebody else. */
	CHECK(priv_drop(&(struct priv_user){ .uid = 0 }) == -EPERM);
	CHECK(priv_drop(&(struct priv_user){ .uid = NOBODY }) == -EPERM);
	CHECK(priv_drop(&u) == 0);
	return 0;
}

static int drop_alone(void)
{
	const struct priv_user u = { .uid = STRANGER, .gid = STRANGER };
	const gid_t before[] = { 0, 4, 5 };
	gid_t groups[8];

	CHECK(setgroups(3, before) == 0);
	CHECK(priv_drop(&u) == 0);
	CHECK(getgroups(8, groups) == 1 && groups[0] == STRANGER);
	return 0;
}

/* Securebits that keep capabilities over setuid(): must not go unnoticed. */
static int drop_with_kept_capabilities(void)
{
	const struct priv_user u = { .uid = STRANGER, .gid = STRANGER };

	CHECK(prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) == 0);
	(void)close(STDERR_FILENO);
	(void)priv_limit(RLIMIT_CORE, 0);
	return priv_drop(&u);
}

static void test_drop_as_root(void **state UNUSED)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(drop_with_groups), 0);
	assert_int_equal(in_child(drop_alone), 0);

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(drop_with_kept_capabilities());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static int as_we_are(void)
{
	struct priv_user u = { .uid = STRANGER, .gid = STRANGER };

	if (geteuid() == 0 && priv_drop(&u) < 0)
		return 1;
	u.uid = geteuid();
	u.gid = getegid();
	CHECK(priv_drop(&u) == 0);
	u.uid = NOBODY;
	CHECK(priv_drop(&u) == -EPERM);
	u.uid = 0;
	CHECK(priv_drop(&u) == -EPERM);
	return 0;
}

static void test_drop_without_root(void **state UNUSED)
{
	assert_int_equal(in_child(as_we_are), 0);
}

static int set_flags(void)
{
	CHECK(priv_no_new() == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1);
	CHECK(priv_no_dump() == 0);
	CHECK(prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) == 0);
	return 0;
}

static int set_limits(void)
{
	const struct priv_user u = { .uid = STRANGER, .gid = STRANGER };
	struct rlimit now;

	CHECK(priv_limit(RLIMIT_NOFILE, 100) == 100);
	CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0);
	CHECK(now.rlim_cur == 100 && now.rlim_max == 100);
	CHECK(geteuid() != 0 || priv_drop(&u) == 0);
	/* No more than the hard limit, but that. */
	CHECK(priv_limit(RLIMIT_NOFILE, 1000) == 100);
	CHECK(priv_limit(RLIMIT_NOFILE, 50) == 50);
	CHECK(priv_limit(12345, 1) == 0);
	return 0;
}

static void test_flags_and_limits(void **state UNUSED)
{
	assert_int_equal(in_child(set_flags), 0);
	assert_int_equal(in_child(set_limits), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_user),
		cmocka_unit_test(test_find_nobody),
		cmocka_unit_test(test_drop_as_root),
		cmocka_unit_test(test_drop_without_root),
		cmocka_unit_test(test_flags_and_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
