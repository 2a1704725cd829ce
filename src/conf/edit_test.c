/* SPDX-License-Identifier: ISC */
/*
 * Whatever happens while a file is replaced, the old version or the new one
 * is there, whole, and the next edit works.
 */
#include "conf/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/file.h"
#include "test/lib/unit.h"

#define BEFORE "biff = yes\n# a comment\nmyhostname = mx.example.com\n"
#define AFTER  "biff = no\n# a comment\n"

static char dir[] = "/tmp/edit-test-XXXXXX";
static char file[64];
static char tmp[64];
static char other[64];

static int set_up(void **state UNUSED)
{
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(file, sizeof(file), "%s/main.cf", dir);
	(void)snprintf(tmp, sizeof(tmp), "%s/main.cf.tmp", dir);
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	return 0;
}

static int clean_up(void **state UNUSED)
{
	(void)unlink(file);
	(void)unlink(tmp);
	(void)unlink(other);
	return rmdir(dir);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	CLEANUP(fd_close) int fd = -1;

	(void)unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, span_str(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static bool is(const char *path, const char *text)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(65536);
	CLEANUP(fd_close) int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(file_read_all(fd, &content), 0);
	return span_eq(buf_span(&content), span_str(text));
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int edit(const char *text)
{
	CLEANUP(conf_edit_done) struct conf_edit e = CONF_EDIT_INIT;
	int r = conf_edit_open(&e, file);

	return r == 0 ? conf_edit_commit(&e, span_str(text)) : r;
}

static void test_replace(void **state UNUSED)
{
	struct stat st;

	write_file(file, BEFORE, 0640);
	if (geteuid() == 0)
		assert_int_equal(chown(file, 12, 34), 0);
	assert_int_equal(edit(AFTER), 0);
	assert_true(is(file, AFTER));
	assert_false(is_there(tmp));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	if (geteuid() == 0) {
		assert_int_equal(st.st_uid, 12);
		assert_int_equal(st.st_gid, 34);
	}
}

static void test_nothing_committed(void **state UNUSED)
{
	struct conf_edit e = CONF_EDIT_INIT;

	write_file(file, BEFORE, 0644);
	assert_int_equal(conf_edit_open(&e, file), 0);
	assert_true(is_there(tmp));
	conf_edit_done(&e);
	conf_edit_done(&e);
	assert_false(is_there(tmp));
	assert_true(is(file, BEFORE));
}

static void test_missing(void **state UNUSED)
{
	struct conf_edit e = CONF_EDIT_INIT;

	(void)unlink(file);
	assert_int_equal(edit(AFTER), -ENOENT);
	assert_false(is_there(tmp));
	assert_int_equal(conf_edit_open(&e, "/nonexistent/x"), -ENOENT);
	conf_edit_done(&e);
}

/* The link stays, what it points to changes. */
static void test_link(void **state UNUSED)
{
	struct stat st;

	write_file(other, BEFORE, 0644);
	(void)unlink(file);
	assert_int_equal(symlink("other", file), 0);
	assert_int_equal(edit(AFTER), 0);
	assert_int_equal(lstat(file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_true(is(other, AFTER));
	(void)unlink(file);
}

/* What a crash may leave, and what somebody may put there. */
static void test_leftovers(void **state UNUSED)
{
	write_file(file, BEFORE, 0644);
	write_file(
	    tmp, "left over, and longer than what comes now: " BEFORE, 0600);
	assert_int_equal(edit(AFTER), 0);
	assert_true(is(file, AFTER));

	write_file(file, BEFORE, 0644);
	write_file(tmp, "wrong mode", 0644);
	assert_int_equal(edit(AFTER), 0);
	assert_true(is(file, AFTER));

	write_file(file, BEFORE, 0600);
	assert_int_equal(link(file, tmp), 0);
	assert_int_equal(edit(AFTER), 0);
	assert_true(is(file, AFTER));

	write_file(file, BEFORE, 0644);
	write_file(other, BEFORE, 0600);
	(void)unlink(tmp);
	assert_int_equal(symlink("other", tmp), 0);
	assert_int_equal(edit(AFTER), -ELOOP);
	assert_true(is(file, BEFORE));
	assert_true(is(other, BEFORE));
	(void)unlink(tmp);
}

/* The lock is flock() on the temporary file, as Postfix has it. */
static void test_lock(void **state UNUSED)
{
	CLEANUP(fd_close) int fd = -1;
	int status = 0;
	pid_t pid;

	write_file(file, BEFORE, 0644);
	fd = open(tmp, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		fd_close(&fd);
		_exit(edit(AFTER) == 0 ? 0 : 1);
	}
	(void)usleep(100000);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_true(is(file, BEFORE));
	/* It is renamed under him: he must begin again. */
	assert_int_equal(file_write_all(fd, SPAN("theirs\n")), 0);
	assert_int_equal(rename(tmp, file), 0);
	fd_close(&fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(is(file, AFTER));
}

/* A disk that is full after n bytes. */
static void test_no_room(void **state UNUSED)
{
	struct rlimit all;
	size_t n;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	write_file(file, BEFORE, 0644);
	for (n = 0; n < sizeof(AFTER) - 1; n++) {
		struct rlimit limit = { n, all.rlim_max };
		int r;

		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		r = edit(AFTER);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
		assert_int_equal(r, -EFBIG);
		assert_true(is(file, BEFORE));
		assert_false(is_there(tmp));
	}
	assert_int_equal(edit(AFTER), 0);
	assert_true(is(file, AFTER));
}

/* Kills an edit before its n-th stop at a system call. True: it ended. */
static bool edit_and_kill(unsigned n)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(2);
		(void)raise(SIGSTOP);
		_exit(edit(AFTER) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (unsigned i = 0; i < n && WIFSTOPPED(status); i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	if (!WIFSTOPPED(status)) {
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		return true;
	}
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return false;
}

static void test_kill(void **state UNUSED)
{
	unsigned kept = 0;
	unsigned n = 0;
	bool ended;

	do {
		write_file(file, BEFORE, 0640);
		ended = edit_and_kill(n++);
		if (is(file, BEFORE))
			kept++;
		else
			assert_true(is(file, AFTER));
		/* The next one finds its way. */
		assert_int_equal(edit("third\n"), 0);
		assert_true(is(file, "third\n"));
		assert_false(is_there(tmp));
	} while (!ended);
	/* It was killed early and late. */
	assert_in_range(kept, 5, n - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_nothing_committed),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_kill),
	};

	return cmocka_run_group_tests(tests, set_up, clean_up);
}
