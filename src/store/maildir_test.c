/* SPDX-License-Identifier: ISC */
#include "store/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "test/lib/unit.h"

struct place {
	char top[64];
	char path[128];
	struct maildir maildir;
	struct maildir_spec spec;
	struct mailbox_trouble trouble;
};

static int setup(void **state)
{
	struct place *p = NEW(struct place);

	(void)snprintf(p->top, sizeof(p->top), "/tmp/maildir-XXXXXX");
	assert_non_null(mkdtemp(p->top));
	(void)snprintf(p->path, sizeof(p->path), "%s/home/Maildir/", p->top);
	p->spec = (struct maildir_spec){
		.path = p->path,
		.other = SPAN("5.2.0"),
	};
	maildir_init(&p->maildir);
	buf_init(&p->trouble.reason, MAILBOX_REASON_MAX);
	*state = p;
	return 0;
}

static int remove_one(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void remove_home(const struct place *p)
{
	char home[128];

	(void)snprintf(home, sizeof(home), "%s/home", p->top);
	if (access(home, F_OK) == 0)
		remove_tree(home);
}

static int teardown(void **state)
{
	struct place *p = *state;

	maildir_done(&p->maildir);
	remove_tree(p->top);
	buf_done(&p->trouble.reason);
	mem_free(p);
	return 0;
}

/* The path of something in the Maildir. */
static const char *at(const struct place *p, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s%s", p->path, name);
	return path;
}

static void make_maildir(const struct place *p)
{
	static const char *const names[] = { "", "tmp", "new", "cur" };
	char home[128];

	(void)snprintf(home, sizeof(home), "%s/home", p->top);
	assert_int_equal(mkdir(home, 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(mkdir(at(p, names[i]), 0700), 0);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

/* How many files a directory has, and the content of all of them. */
static size_t list(const struct place *p, const char *name, struct buf *content)
{
	DIR *dir = opendir(at(p, name));
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		char text[512];
		ssize_t length;
		int fd;

		if (e->d_name[0] == '.')
			continue;
		n++;
		fd = openat(dirfd(dir), e->d_name, O_RDONLY);
		assert_true(fd >= 0);
		length = read(fd, text, sizeof(text));
		assert_true(length >= 0);
		if (content)
			buf_put(content, span_of(text, (size_t)length));
		assert_int_equal(close(fd), 0);
	}
	if (dir)
		assert_int_equal(closedir(dir), 0);
	return n;
}

static int add(struct place *p, span text)
{
	if (maildir_begin(&p->maildir, &p->trouble) != MAILDIR_OK)
		return MAILDIR_REFUSED;
	maildir_put(&p->maildir, span_first(text, 3));
	maildir_put(&p->maildir, span_from(text, 3));
	return maildir_commit(&p->maildir, &p->trouble);
}

static void sync_one(struct maildir *d)
{
	maildir_advance(&d, 1, NULL);
	maildir_advance(&d, 1, NULL);
}

static int deliver(struct place *p, span text)
{
	int r;

	maildir_open(&p->maildir, &p->spec);
	r = add(p, text);
	if (r == MAILDIR_OK) {
		sync_one(&p->maildir);
		r = maildir_result(&p->maildir, 0, &p->trouble);
	}
	maildir_close(&p->maildir);
	return r;
}

static void expect_new(struct place *p, span want)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT(4096);

	(void)list(p, "new", &got);
	assert_span_equal(buf_span(&got), want);
	assert_int_equal(list(p, "tmp", NULL), 0);
}

/* The reason with each run of digits and letters of a file's name as in
 * "create maildir file PATH/tmp/NAME: ...". */
static void expect_refused(
    struct place *p, span status, const char *dir, const char *error)
{
	char start[256];
	char end[128];
	span reason = buf_span(&p->trouble.reason);

	(void)snprintf(
	    start, sizeof(start), "create maildir file %s%s/", p->path, dir);
	(void)snprintf(end, sizeof(end), ": %s", error);
	assert_span_equal(p->trouble.status, status);
	assert_span_equal(span_first(reason, strlen(start)), span_str(start));
	assert_true(reason.len > strlen(start) + strlen(end));
	assert_span_equal(
	    span_from(reason, reason.len - strlen(end)), span_str(end));
}

/* Delivery */

static void test_made_on_demand(void **state)
{
	static const char *const names[] = { "", "tmp", "new", "cur" };
	struct place *p = *state;
	char home[128];

	assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_OK);
	expect_new(p, SPAN("one\n"));
	(void)snprintf(home, sizeof(home), "%s/home", p->top);
	assert_int_equal(mode_of(home), 0700);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(mode_of(at(p, names[i])), 0700);
}

/* As in Postfix: cur/ is made together with new/. */
static void test_parts_made_on_demand(void **state)
{
	static const char *const missing[] = { "tmp", "new", "cur" };
	struct place *p = *state;

	make_maildir(p);
	for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
		if (i != 1)
			assert_int_equal(rmdir(at(p, missing[i])), 0);
		else
			remove_tree(at(p, missing[i]));
		assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_OK);
		assert_int_equal(mode_of(at(p, missing[i])), i == 2 ? 0 : 0700);
	}
	remove_tree(at(p, "new"));
	assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_OK);
	assert_int_equal(mode_of(at(p, "cur")), 0700);
}

/* 1763738000.Vfe00I1234M567890.host */
static void test_names(void **state)
{
	struct place *p = *state;
	usec before = clock_wall();
	char want[512];
	char host[256];
	struct stat st;
	DIR *dir;
	struct dirent *e;
	unsigned long seconds;
	unsigned long micros;

	assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_OK);
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	dir = opendir(at(p, "new"));
	assert_non_null(dir);
	while ((e = readdir(dir)) && e->d_name[0] == '.')
		;
	assert_non_null(e);
	assert_int_equal(fstatat(dirfd(dir), e->d_name, &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(
	    sscanf(e->d_name, "%lu.V%*xI%*xM%lu", &seconds, &micros), 2);
	assert_true(seconds * USEC_SEC + micros >= before);
	assert_true(seconds * USEC_SEC + micros <= clock_wall());
	(void)snprintf(want, sizeof(want), "%lu.V%lxI%lxM%lu.%s", seconds,
	    (unsigned long)st.st_dev, (unsigned long)st.st_ino, micros, host);
	assert_string_equal(e->d_name, want);
	assert_int_equal(closedir(dir), 0);
}

static void test_batch(void **state)
{
	struct place *p = *state;
	struct maildir *d = &p->maildir;
	char seen[MAILDIR_BATCH] = "";
	CLEANUP(buf_done) struct buf got = BUF_INIT(4096);

	make_maildir(p);
	maildir_open(d, &p->spec);
	for (int i = 0; i < MAILDIR_BATCH; i++) {
		char text[16];
		int n = snprintf(text, sizeof(text), "%02d\n", i);

		assert_int_equal(add(p, span_of(text, (size_t)n)), MAILDIR_OK);
		assert_int_equal(list(p, "tmp", NULL), i + 1);
	}
	assert_int_equal(list(p, "new", NULL), 0);
	sync_one(d);
	for (size_t i = 0; i < MAILDIR_BATCH; i++)
		assert_int_equal(maildir_result(d, i, &p->trouble), MAILDIR_OK);
	maildir_close(d);
	assert_int_equal(list(p, "new", &got), MAILDIR_BATCH);
	for (size_t i = 0; i < got.len; i += 3)
		seen[(got.data[i] - '0') * 10 + got.data[i + 1] - '0']++;
	for (size_t i = 0; i < MAILDIR_BATCH; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(list(p, "tmp", NULL), 0);
}

static void test_rollback_and_undo(void **state)
{
	struct place *p = *state;
	struct maildir *d = &p->maildir;

	make_maildir(p);
	maildir_open(d, &p->spec);
	assert_int_equal(add(p, SPAN("one\n")), MAILDIR_OK);
	assert_int_equal(maildir_begin(d, &p->trouble), MAILDIR_OK);
	maildir_put(d, SPAN("half of tw"));
	maildir_rollback(d);
	assert_int_equal(add(p, SPAN("three\n")), MAILDIR_OK);
	assert_int_equal(d->count, 2);
	maildir_undo(d);
	expect_new(p, SPAN(""));
	assert_int_equal(add(p, SPAN("four\n")), MAILDIR_OK);
	sync_one(d);
	assert_int_equal(maildir_result(d, 0, &p->trouble), MAILDIR_OK);
	maildir_close(d);
	expect_new(p, SPAN("four\n"));
}

static void test_size_limit(void **state)
{
	struct place *p = *state;

	p->spec.size_max = 10;
	assert_int_equal(deliver(p, SPAN("123456789\n")), MAILDIR_OK);
	assert_int_equal(deliver(p, SPAN("1234567890\n")), MAILDIR_REFUSED);
	assert_span_equal(p->trouble.status, SPAN("5.2.2"));
	assert_span_equal(buf_span(&p->trouble.reason),
	    SPAN("error writing message: File too large"));
	expect_new(p, SPAN("123456789\n"));
}

/* What the owner, or somebody else, may have put there */

static void test_links(void **state)
{
	static const char *const names[] = { "tmp", "new" };
	struct place *p = *state;
	char other[128];

	make_maildir(p);
	(void)snprintf(other, sizeof(other), "%s/other", p->top);
	assert_int_equal(mkdir(other, 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(rmdir(at(p, names[i])), 0);
		assert_int_equal(symlink(other, at(p, names[i])), 0);
		assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_REFUSED);
		expect_refused(p, SPAN("5.2.0"), names[i], "Not a directory");
		assert_int_equal(unlink(at(p, names[i])), 0);
		assert_int_equal(mkdir(at(p, names[i]), 0700), 0);
	}
	/* Empty all the time. */
	assert_int_equal(rmdir(other), 0);
	expect_new(p, SPAN(""));

	/* The Maildir itself may lie elsewhere, though. */
	(void)snprintf(other, sizeof(other), "%s/home/Maildir", p->top);
	remove_tree(other);
	assert_int_equal(symlink("../Elsewhere", other), 0);
	assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_REFUSED);
	expect_refused(p, SPAN("5.2.0"), "tmp", "No such file or directory");
	(void)snprintf(other, sizeof(other), "%s/Elsewhere", p->top);
	assert_int_equal(mkdir(other, 0700), 0);
	assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_OK);
	expect_new(p, SPAN("one\n"));
}

static void test_strange_files(void **state)
{
	static const char *const names[] = { "tmp", "new", "" };
	struct place *p = *state;

	make_maildir(p);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[256];

		(void)snprintf(path, sizeof(path), "%s%s", p->path, names[i]);
		if (!*names[i])
			path[strlen(path) - 1] = '\0';
		remove_tree(path);
		assert_int_equal(mkfifo(path, 0600), 0);
		assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_REFUSED);
		expect_refused(p, SPAN("5.2.0"), *names[i] ? names[i] : "tmp",
		    "Not a directory");
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	expect_new(p, SPAN(""));
}

/* tmp/ is replaced between two messages of a batch: what was opened counts. */
static void test_swapped_directories(void **state)
{
	struct place *p = *state;
	struct maildir *d = &p->maildir;
	char other[128];
	char moved[128];
	char old[512];

	make_maildir(p);
	(void)snprintf(other, sizeof(other), "%s/other", p->top);
	(void)snprintf(moved, sizeof(moved), "%s/moved", p->top);
	assert_int_equal(mkdir(other, 0700), 0);
	maildir_open(d, &p->spec);
	assert_int_equal(add(p, SPAN("one\n")), MAILDIR_OK);
	assert_int_equal(rename(at(p, "tmp"), moved), 0);
	assert_int_equal(symlink(other, at(p, "tmp")), 0);
	assert_int_equal(add(p, SPAN("two\n")), MAILDIR_OK);
	(void)snprintf(old, sizeof(old), "%s", at(p, "old"));
	assert_int_equal(rename(at(p, "new"), old), 0);
	assert_int_equal(symlink(other, at(p, "new")), 0);
	sync_one(d);
	assert_int_equal(maildir_result(d, 0, &p->trouble), MAILDIR_OK);
	assert_int_equal(maildir_result(d, 1, &p->trouble), MAILDIR_OK);
	maildir_close(d);
	assert_int_equal(list(p, "old", NULL), 2);
	assert_int_equal(rmdir(other), 0);
	assert_int_equal(rmdir(moved), 0);
}

/* In new/, but promised to nobody: it can be taken back. */
static void test_half_way(void **state)
{
	struct place *p = *state;
	struct maildir *d = &p->maildir;

	maildir_open(d, &p->spec);
	assert_int_equal(add(p, SPAN("one\n")), MAILDIR_OK);
	assert_int_equal(list(p, "new", NULL), 0);
	maildir_advance(&d, 1, NULL);
	assert_int_equal(list(p, "tmp", NULL), 0);
	assert_int_equal(list(p, "new", NULL), 1);
	maildir_undo(d);
	assert_int_equal(list(p, "new", NULL), 0);
	maildir_advance(&d, 1, NULL);
	maildir_close(d);
}

/* The file in tmp/ is replaced: what we wrote is not in it. */
static void test_vanished(void **state)
{
	struct place *p = *state;
	struct maildir *d = &p->maildir;

	make_maildir(p);
	maildir_open(d, &p->spec);
	assert_int_equal(add(p, SPAN("one\n")), MAILDIR_OK);
	remove_tree(at(p, "tmp"));
	sync_one(d);
	assert_int_equal(maildir_result(d, 0, &p->trouble), MAILDIR_REFUSED);
	expect_refused(p, SPAN("4.2.0"), "new", "No such file or directory");
	maildir_close(d);

	/* The same between two of a batch. */
	maildir_open(d, &p->spec);
	assert_int_equal(add(p, SPAN("one\n")), MAILDIR_OK);
	remove_tree(at(p, "tmp"));
	assert_int_equal(add(p, SPAN("two\n")), MAILDIR_REFUSED);
	expect_refused(p, SPAN("4.2.0"), "tmp", "No such file or directory");
	maildir_undo(d);
	maildir_close(d);

	/* Before the first message it is just made anew. */
	assert_int_equal(deliver(p, SPAN("two\n")), MAILDIR_OK);
	expect_new(p, SPAN("two\n"));
}

static void check_no_permission(struct place *p)
{
	assert_int_equal(chmod(at(p, "tmp"), 0500), 0);
	assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_REFUSED);
	expect_refused(p, SPAN("5.2.0"), "tmp", "Permission denied");
	assert_int_equal(p->trouble.error, -EACCES);
	assert_int_equal(chmod(at(p, "tmp"), 0700), 0);

	p->spec.other = SPAN("4.2.0");
	assert_int_equal(chmod(at(p, "new"), 0500), 0);
	assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_REFUSED);
	expect_refused(p, SPAN("4.2.0"), "new", "Permission denied");
	assert_int_equal(chmod(at(p, "new"), 0700), 0);

	assert_int_equal(rmdir(at(p, "tmp")), 0);
	assert_int_equal(chmod(p->path, 0500), 0);
	assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_REFUSED);
	expect_refused(p, SPAN("4.2.0"), "tmp", "Permission denied");
	assert_int_equal(chmod(p->path, 0700), 0);
	assert_int_equal(list(p, "new", NULL), 0);
}

static void test_no_permission(void **state)
{
	struct place *p = *state;
	int status;
	pid_t pid;

	assert_int_equal(chmod(p->top, 0777), 0);
	pid = fork();
	if (pid == 0) {
		/* Nothing is forbidden to root. */
		if (geteuid() == 0)
			assert_int_equal(setresuid(65534, 65534, 65534), 0);
		make_maildir(p);
		check_no_permission(p);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/*
 * The owner swaps everything all the time: directories for links to where he
 * may not write, for files, for pipes. Each delivery succeeds or fails, and
 * nothing ever appears elsewhere.
 */
static void swap_forever(const struct place *p, const char *elsewhere)
{
	static const char *const names[] = { "tmp", "new", "cur" };
	char path[160];
	char aside[160];

	for (unsigned i = 0;; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s%s", p->path, names[i % 3]);
		(void)snprintf(aside, sizeof(aside), "%s/aside", p->top);
		if (rename(path, aside) < 0)
			continue;
		if (i % 4 < 2)
			(void)!symlink(elsewhere, path);
		else if (i % 4 == 2)
			(void)!mkfifo(path, 0600);
		(void)unlink(path);
		(void)!rename(aside, path);
	}
}

static void test_races(void **state)
{
	struct place *p = *state;
	char elsewhere[128];
	unsigned done = 0;
	int status;
	pid_t pid;

	make_maildir(p);
	(void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", p->top);
	assert_int_equal(mkdir(elsewhere, 0700), 0);
	pid = fork();
	if (pid == 0)
		swap_forever(p, elsewhere);
	for (int i = 0; i < 500; i++)
		done += deliver(p, SPAN("one\n")) == MAILDIR_OK;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* Empty all the time, and of use all the same. */
	assert_int_equal(rmdir(elsewhere), 0);
	assert_true(done > 0);
}

/*
 * Faults: the n-th call fails, or all from there on. Whatever happens, new/
 * has exactly the messages that were reported as delivered, and tmp/ is
 * empty - unless removing is what failed.
 */
static struct {
	unsigned calls;
	unsigned fail_at;
	int error;
	bool forever;
	bool unlink_failed;
} fault;

static bool strikes(void)
{
	fault.calls++;
	errno = fault.error;
	return fault.calls == fault.fail_at ||
	    (fault.forever && fault.calls > fault.fail_at);
}

static int fault_open(int dir, const char *name, int flags, mode_t mode)
{
	return strikes() ? -1 : openat(dir, name, flags, mode);
}

static int fault_mkdir(int dir, const char *name, mode_t mode)
{
	return strikes() ? -1 : mkdirat(dir, name, mode);
}

/* A failing write writes a part first. */
static ssize_t fault_write(int fd, const void *bytes, size_t n)
{
	if (!strikes())
		return write(fd, bytes, n);
	assert_int_equal(write(fd, bytes, n / 2), n / 2);
	errno = fault.error;
	return -1;
}

static int fault_start(int fd)
{
	(void)fd;
	return strikes() ? -1 : 0;
}

static void fault_flush(
    struct flusher *with UNUSED, struct flush *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		files[i].result = strikes() ? -fault.error : 0;
}

static int fault_rename(int from, const char *name, int to, const char *as)
{
	return strikes() ? -1 : renameat(from, name, to, as);
}

static int fault_unlink(int dir, const char *name)
{
	if (!strikes())
		return unlinkat(dir, name, 0);
	fault.unlink_failed = true;
	return -1;
}

static const struct maildir_ops fault_ops = {
	.open = fault_open,
	.mkdir = fault_mkdir,
	.write = fault_write,
	.start = fault_start,
	.flush = fault_flush,
	.rename = fault_rename,
	.unlink = fault_unlink,
};

static const span messages[] = {
	SPAN_INIT("first message\n"),
	SPAN_INIT("second message, a longer one\n"),
	SPAN_INIT("third\n"),
};

/* Bit i: message i was reported as delivered. */
static unsigned deliver_all(struct place *p)
{
	struct maildir *d = &p->maildir;
	unsigned done = 0;
	size_t which[ARRAY_LEN(messages)];

	maildir_open(d, &p->spec);
	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		if (add(p, messages[i]) == MAILDIR_OK)
			which[d->count - 1] = i;
	sync_one(d);
	for (size_t i = 0; i < d->count; i++)
		if (maildir_result(d, i, &p->trouble) == MAILDIR_OK)
			done |= 1u << which[i];
	maildir_close(d);
	return done;
}

static void expect_messages(struct place *p, unsigned done)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT(4096);
	size_t n = list(p, "new", &got);
	size_t want = 0;
	size_t length = 0;

	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		if (!(done & 1u << i))
			continue;
		want++;
		length += messages[i].len;
		assert_non_null(memmem(
		    got.data, got.len, messages[i].ptr, messages[i].len));
	}
	if (fault.unlink_failed)
		return;
	assert_int_equal(n, want);
	assert_int_equal(got.len, length);
	assert_int_equal(list(p, "tmp", NULL), 0);
}

static unsigned one_fault(struct place *p, unsigned fail_at)
{
	unsigned done;

	fault.calls = 0;
	fault.fail_at = fail_at;
	fault.unlink_failed = false;
	p->spec.ops = &fault_ops;
	done = deliver_all(p);
	p->spec.ops = NULL;
	expect_messages(p, done);
	remove_home(p);
	return done;
}

static void test_faults(void **state)
{
	static const int errors[] = { ENOSPC, EDQUOT, EIO, ENOENT, EACCES };
	struct place *p = *state;

	assert_int_equal(one_fault(p, 0), 7);
	assert_true(fault.calls > 40);
	for (size_t e = 0; e < ARRAY_LEN(errors); e++) {
		unsigned calls = 1;

		fault.error = errors[e];
		for (unsigned i = 1; i <= calls; i++) {
			fault.forever = false;
			(void)one_fault(p, i);
			calls = MAX(calls, fault.calls);
			fault.forever = true;
			(void)one_fault(p, i);
		}
	}
}

static void test_full_disk_is_told(void **state)
{
	static const struct {
		int error;
		span status;
		span reason;
	} cases[] = {
		{ ENOSPC, SPAN_INIT("4.3.0"),
		    SPAN_INIT(
		        "error writing message: No space left on device") },
		{ EDQUOT, SPAN_INIT("5.2.2"),
		    SPAN_INIT("error writing message: Disk quota exceeded") },
		{ EIO, SPAN_INIT("5.3.0"),
		    SPAN_INIT("error writing message: Input/output error") },
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		make_maildir(p);
		fault.error = cases[i].error;
		fault.forever = true;
		fault.calls = 0;
		/* Behind opening the Maildir, tmp/ and the file. */
		fault.fail_at = 4;
		p->spec.ops = &fault_ops;
		assert_int_equal(deliver(p, SPAN("one\n")), MAILDIR_REFUSED);
		assert_span_equal(p->trouble.status, cases[i].status);
		assert_span_equal(
		    buf_span(&p->trouble.reason), cases[i].reason);
		remove_home(p);
	}
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_made_on_demand),
		CASE(test_parts_made_on_demand),
		CASE(test_names),
		CASE(test_batch),
		CASE(test_rollback_and_undo),
		CASE(test_size_limit),
		CASE(test_links),
		CASE(test_strange_files),
		CASE(test_swapped_directories),
		CASE(test_half_way),
		CASE(test_vanished),
		CASE(test_no_permission),
		CASE(test_races),
		CASE(test_faults),
		CASE(test_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
