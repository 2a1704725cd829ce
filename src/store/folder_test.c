/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "store/folder_internal.h"

#define FROM "From ana@x Wed Feb 19 05:10:35 2020\n"

/* A scratch directory, where each test runs. */

static char scratch[] = "/tmp/folder_test.XXXXXX";

static int enter_scratch(void **state)
{
	(void)state;
	return mkdtemp(scratch) && chdir(scratch) == 0 ? 0 : -1;
}

static int leave_scratch(void **state)
{
	(void)state;
	(void)!chdir("/");
	return rmdir(scratch);
}

static void write_file(const char *name, span content)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, content), 0);
	assert_int_equal(close(fd), 0);
}

static void add_to_file(const char *name, span content)
{
	int fd = open(name, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, content), 0);
	assert_int_equal(close(fd), 0);
}

static void expect_file(const char *name, const char *want)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT(1 << 20);
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(file_read_all(fd, &got), 0);
	assert_int_equal(close(fd), 0);
	assert_span_equal(buf_span(&got), span_str(want));
}

/* Shorthand that expects success */

static struct folder *open_folder(const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	struct folder_trouble t = { .text = text };
	struct folder_spec spec = { .path = path };
	struct folder *f = NULL;

	assert_int_equal(folder_open(&f, &spec, &t), 0);
	buf_done(&t.text);
	return f;
}

static size_t refresh(struct folder *f)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	size_t news = 77;

	assert_int_equal(folder_refresh(f, &news, &t), 0);
	buf_done(&t.text);
	return news;
}

static void commit(struct folder *f, bool mark_old)
{
	struct folder_commit c = { .mark_old = mark_old };
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	int r = folder_commit(f, &c, &t);

	if (r < 0)
		print_error("%.*s\n", PRI(buf_span(&t.text)));
	assert_int_equal(r, 0);
	assert_int_equal(c.ret_kept, folder_count(f));
	buf_done(&t.text);
}

static void expect_content(struct folder *f, size_t i, const char *want)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT(1 << 20);

	assert_int_equal(folder_content(f, i, &got), 0);
	assert_span_equal(buf_span(&got), span_str(want));
}

static void expect_header(struct folder *f, size_t i, const char *want)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT(1 << 20);

	assert_int_equal(folder_header(f, i, &got), 0);
	assert_span_equal(buf_span(&got), span_str(want));
}

/* Reading */

static void test_read(void **state)
{
	struct folder *f;
	struct buf line = BUF_INIT(100);

	(void)state;
	write_file("m",
	    SPAN(FROM "Subject: one\nStatus: RO\n\nhello\n\n" FROM
	              "X-Status: A\nSubject: two\n\n>From here\n\nFrom now on\n"
	              "\nend\n\n"));
	f = open_folder("m");
	assert_int_equal(folder_count(f), 2);
	assert_int_equal(folder_get(f, 0)->size, 36 + 13 + 11 + 1 + 6 + 1);
	assert_int_equal(folder_get(f, 0)->lines, 6);
	assert_int_equal(folder_get(f, 0)->flags, FOLDER_SEEN | FOLDER_OLD);
	assert_int_equal(folder_get(f, 1)->flags, FOLDER_ANSWERED);
	expect_header(f, 0, "Subject: one\nStatus: RO\n");
	expect_content(f, 0, "Subject: one\nStatus: RO\n\nhello\n");
	expect_content(f, 1,
	    "X-Status: A\nSubject: two\n\n>From here\n\nFrom now on\n\nend\n");
	assert_int_equal(folder_from_line(f, 0, &line), 0);
	assert_span_equal(
	    buf_span(&line), SPAN("From ana@x Wed Feb 19 05:10:35 2020"));
	buf_done(&line);
	folder_close(&f);
	(void)unlink("m");
}

/* Writing */

static void test_flags(void **state)
{
	struct folder *f;

	(void)state;
	write_file("m",
	    SPAN(FROM "Subject: one\n\nhello\n\n" FROM
	              "Status: O\nA: b\n\nx\n\n" FROM "Subject: three\n\n\n"));
	f = open_folder("m");
	folder_set(f, 0, FOLDER_SEEN);
	folder_set(f, 1, FOLDER_SEEN | FOLDER_OLD | FOLDER_ANSWERED);
	commit(f, true);
	expect_file("m",
	    FROM "Subject: one\nStatus: RO\n\nhello\n\n" FROM
	         "Status: RO\nA: b\nX-Status: A\n\nx\n\n" FROM
	         "Subject: three\nStatus: O\n\n\n");
	assert_int_equal(folder_count(f), 3);
	assert_int_equal(folder_get(f, 1)->lines, 7);
	expect_content(f, 1, "Status: RO\nA: b\nX-Status: A\n\nx\n");
	assert_false(folder_has_news(f));
	folder_set(f, 0, folder_get(f, 0)->flags | FOLDER_DELETED);
	commit(f, true);
	assert_int_equal(folder_count(f), 2);
	expect_content(f, 1, "Subject: three\nStatus: O\n\n");
	folder_close(&f);
	(void)unlink("m");
}

static void test_others_write(void **state)
{
	struct folder *a;
	struct folder *b;

	(void)state;
	write_file("m",
	    SPAN(FROM "Subject: one\n\n1\n\n" FROM "Subject: two\n\n2\n\n" FROM
	              "Subject: three\n\n3\n\n"));
	a = open_folder("m");
	b = open_folder("m");
	folder_set(a, 0, FOLDER_DELETED);
	folder_set(b, 1, FOLDER_DELETED);
	folder_set(b, 2, FOLDER_SEEN);
	add_to_file("m", SPAN(FROM "Subject: four\n\n4\n\n"));
	assert_true(folder_has_news(a));
	assert_int_equal(refresh(a), 1);
	commit(a, false);
	commit(b, false);
	expect_file("m",
	    FROM "Subject: three\nStatus: R\n\n3\n\n" FROM
	         "Subject: four\n\n4\n\n");
	assert_int_equal(folder_count(b), 2);
	folder_close(&a);
	folder_close(&b);
	(void)unlink("m");
}

/* What is in the file, the flags that are set, what is there then. */
static const struct {
	const char *before;
	uint8_t flags;
	const char *after;
} status_cases[] = {
	{ "A: b\n\n", FOLDER_SEEN, "A: b\nStatus: R\n\n" },
	{ "A: b\n\n", FOLDER_FLAGGED | FOLDER_ANSWERED | FOLDER_DRAFT,
	    "A: b\nX-Status: FAT\n\n" },
	{ "Status: O\nA: b\n\n", FOLDER_SEEN | FOLDER_OLD,
	    "Status: RO\nA: b\n\n" },
	{ "Status: RO\nA: b\n\n", 0, "A: b\n\n" },
	{ "Status:  OR \nA: b\n\n", FOLDER_SEEN | FOLDER_OLD | FOLDER_FLAGGED,
	    "Status: RO\nA: b\nX-Status: F\n\n" },
	{ "X-Status: A\nA: b\n\n", FOLDER_ANSWERED | FOLDER_OLD,
	    "X-Status: A\nA: b\nStatus: O\n\n" },
	{ "X-Status: A\nA: b\n\n", FOLDER_OLD, "A: b\nStatus: O\n\n" },
	{ "status : O\n R\nA: b\n\n", FOLDER_SEEN, "Status: R\nA: b\n\n" },
	{ "Status: R\nA: b\nStatus: O\n\n", FOLDER_OLD, "Status: O\nA: b\n\n" },
	{ "Statusx: R\nX-Status-Y: F\n\n", FOLDER_OLD,
	    "Statusx: R\nX-Status-Y: F\nStatus: O\n\n" },
	{ "\nStatus: R\n", FOLDER_OLD, "Status: O\n\nStatus: R\n" },
	{ "body\nStatus: R\n", FOLDER_OLD, "Status: O\n\nbody\nStatus: R\n" },
	{ "A: b\n", FOLDER_OLD, "A: b\nStatus: O\n\n" },
	{ "A: b", FOLDER_OLD, "A: b\nStatus: O\n\n" },
	{ "", FOLDER_OLD, "Status: O\n\n" },
	{ ">From here\nA: b\n\n", FOLDER_OLD,
	    ">From here\nA: b\nStatus: O\n\n" },
	{ "A: b\n\nno end", FOLDER_OLD, "A: b\nStatus: O\n\nno end" },
};

static void test_status_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(status_cases); i++) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
		struct folder *f;

		buf_printf(&text, FROM "%s", status_cases[i].before);
		write_file("m", buf_span(&text));
		f = open_folder("m");
		assert_int_equal(folder_count(f), 1);
		folder_set(f, 0, status_cases[i].flags);
		commit(f, false);
		folder_close(&f);
		buf_clear(&text);
		buf_printf(&text, FROM "%s", status_cases[i].after);
		expect_file("m", buf_cstr(&text));
	}
	(void)unlink("m");
}

static void test_odd_files(void **state)
{
	struct folder *f;

	(void)state;
	write_file("m", SPAN(""));
	f = open_folder("m");
	assert_int_equal(folder_count(f), 0);
	commit(f, true);
	folder_close(&f);
	expect_file("m", "");

	/* CRLF, and the end is missing. */
	write_file("m",
	    SPAN("\nFrom a Wed Feb 19 05:10:35 2020\r\nA: b\r\n\r\n1\r\n\r\n"
	         "From a Wed Feb 19 05:10:35 2020\r\nA: c\r\n\r\n2"));
	f = open_folder("m");
	assert_int_equal(folder_count(f), 2);
	expect_content(f, 0, "A: b\n\n1\n");
	expect_content(f, 1, "A: c\n\n2");
	expect_header(f, 1, "A: c\n");
	folder_set(f, 1, FOLDER_SEEN);
	commit(f, false);
	expect_content(f, 1, "A: c\nStatus: R\n\n2");
	folder_close(&f);
	expect_file("m",
	    "\nFrom a Wed Feb 19 05:10:35 2020\r\nA: b\r\n\r\n1\r\n\r\n"
	    "From a Wed Feb 19 05:10:35 2020\r\nA: c\r\nStatus: R\r\n\r\n2");

	/* A header of Status lines, or none. */
	write_file("m", SPAN(FROM "Status: R\nno field\n\n" FROM "text\n\n"));
	f = open_folder("m");
	expect_content(f, 0, "Status: R\n\nno field\n");
	expect_header(f, 0, "Status: R\n");
	expect_content(f, 1, "\ntext\n");
	expect_header(f, 1, "");
	folder_close(&f);

	/* NUL is a byte as others. */
	write_file("m", SPAN(FROM "A: \0\n\n\0\n\0\n\n" FROM "\n"));
	f = open_folder("m");
	assert_int_equal(folder_count(f), 2);
	assert_int_equal(folder_get(f, 0)->lines, 6);
	expect_content(f, 1, "\n");
	folder_close(&f);
	(void)unlink("m");
}

/* How opening fails */

static int open_error(const char *path, const char *want)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_spec spec = { .path = path };
	struct folder *f = NULL;
	int r = folder_open(&f, &spec, &t);

	assert_null(f);
	assert_int_equal(r, t.error);
	assert_span_equal(buf_span(&t.text), span_str(want));
	buf_done(&t.text);
	return r;
}

static void test_open_errors(void **state)
{
	(void)state;
	assert_int_equal(
	    open_error("m", "m: No such file or directory"), -ENOENT);
	write_file("m", SPAN("no mailbox\n\n" FROM "A: b\n\n"));
	assert_int_equal(open_error("m", "m: not a mailbox"), -EINVAL);
	(void)unlink("m");
	assert_int_equal(mkfifo("m", 0600), 0);
	assert_int_equal(open_error("m", "m: not a mailbox"), -EINVAL);
	(void)unlink("m");
	assert_int_equal(mkdir("m", 0700), 0);
	assert_int_equal(open_error("m", "m: Is a directory"), -EISDIR);
	(void)rmdir("m");
	assert_int_equal(symlink("m", "m"), 0);
	assert_int_equal(
	    open_error("m", "m: a symbolic link that is not to be trusted"),
	    -ELOOP);
	(void)unlink("m");
}

static void test_create(void **state)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_spec spec = { .path = "m", .create = true };
	struct folder_commit c = { .remove_empty = true };
	struct folder *f = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(folder_open(&f, &spec, &t), 0);
	assert_int_equal(stat("m", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(folder_commit(f, &c, &t), 0);
	assert_int_equal(access("m", F_OK), -1);
	/* It is gone: nothing to do. */
	assert_int_equal(folder_commit(f, &c, &t), 0);
	folder_close(&f);
	buf_done(&t.text);
}

/* The target of a link is replaced, with its rights; not the link. */
static void test_symlink(void **state)
{
	struct folder *f;
	struct stat st;

	(void)state;
	assert_int_equal(mkdir("dir", 0700), 0);
	write_file("dir/m", SPAN(FROM "A: b\n\n"));
	assert_int_equal(chmod("dir/m", 0660), 0);
	assert_int_equal(symlink("dir/m", "l"), 0);
	f = open_folder("l");
	folder_set(f, 0, FOLDER_SEEN);
	commit(f, false);
	folder_close(&f);
	expect_file("dir/m", FROM "A: b\nStatus: R\n\n");
	assert_int_equal(lstat("l", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat("l", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	/* Neither lock nor temporary file is left. */
	assert_int_equal(unlink("dir/m"), 0);
	assert_int_equal(rmdir("dir"), 0);
	assert_int_equal(unlink("l"), 0);
}

/* Somebody rewrote it in place while it is open. */
static void test_moved_under_us(void **state)
{
	struct folder *f;

	(void)state;
	write_file("m",
	    SPAN(FROM "Subject: 1\n\n1\n\n" FROM "Subject: 2\n\n2\n\n" FROM
	              "Subject: 3\n\n3\n\n"));
	f = open_folder("m");
	folder_set(f, 2, FOLDER_FLAGGED);
	write_file("m",
	    SPAN(FROM "Subject: 2\nStatus: RO\n\n2\n\n" FROM
	              "Subject: 3\nStatus: O\n\n3\n\n"));
	expect_content(f, 2, "Subject: 3\nStatus: O\n\n3\n");
	expect_content(f, 1, "Subject: 2\nStatus: RO\n\n2\n");
	{
		struct buf out = BUF_INIT(100);

		assert_int_equal(folder_content(f, 0, &out), -ESTALE);
		buf_done(&out);
	}
	assert_int_equal(folder_get(f, 2)->flags, FOLDER_OLD | FOLDER_FLAGGED);
	/* What looking for it found is told of when asked. */
	write_file("m",
	    SPAN(FROM "Subject: 3\nStatus: O\n\n3\n\n" FROM
	              "Subject: 2\nStatus: RO\n\n2\n\n" FROM
	              "Subject: 4\n\n4\n\n"));
	expect_content(f, 1, "Subject: 2\nStatus: RO\n\n2\n");
	assert_int_equal(folder_count(f), 3);
	assert_true(folder_has_news(f));
	assert_int_equal(refresh(f), 1);
	assert_int_equal(folder_count(f), 4);
	folder_set(f, 3, FOLDER_DELETED);
	write_file("m",
	    SPAN(FROM "Subject: 2\nStatus: RO\n\n2\n\n" FROM
	              "Subject: 3\nStatus: O\n\n3\n\n" FROM
	              "Subject: 4\n\n4\n\n"));
	commit(f, false);
	expect_file("m",
	    FROM "Subject: 2\nStatus: RO\n\n2\n\n" FROM
	         "Subject: 3\nStatus: O\nX-Status: F\n\n3\n\n");
	folder_close(&f);
	(void)unlink("m");
}

/* Messages that are equal are still as many as they are. */
static void test_twins(void **state)
{
	struct folder *f;

	(void)state;
	write_file("m",
	    SPAN(FROM "A: b\n\n1\n\n" FROM "A: b\n\n1\n\n" FROM
	              "A: b\n\n1\n\n"));
	f = open_folder("m");
	folder_set(f, 1, FOLDER_DELETED);
	add_to_file("m", SPAN(FROM "A: b\n\n1\n\n"));
	commit(f, false);
	assert_int_equal(folder_count(f), 3);
	folder_close(&f);
	expect_file("m",
	    FROM "A: b\n\n1\n\n" FROM "A: b\n\n1\n\n" FROM "A: b\n\n1\n\n");
	(void)unlink("m");
}

static void test_nothing_to_write(void **state)
{
	struct folder *f;
	struct stat before;
	struct stat after;

	(void)state;
	write_file("m", SPAN(FROM "A: b\nStatus: RO\n\n"));
	assert_int_equal(stat("m", &before), 0);
	f = open_folder("m");
	folder_set(f, 0, FOLDER_SEEN);
	folder_set(f, 0, FOLDER_SEEN | FOLDER_OLD);
	assert_false(folder_is_changed(f));
	commit(f, true);
	folder_close(&f);
	assert_int_equal(stat("m", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_memory_equal(
	    &before.st_ctim, &after.st_ctim, sizeof(before.st_ctim));
	(void)unlink("m");
}

/* Shells say "you have new mail" when mtime is after atime. */
static void test_times(void **state)
{
	struct folder *f;
	struct stat st;

	(void)state;
	write_file("m", SPAN(FROM "A: b\n\n" FROM "A: c\n\n"));
	f = open_folder("m");
	folder_set(f, 0, FOLDER_SEEN);
	commit(f, false);
	assert_int_equal(stat("m", &st), 0);
	assert_true(st.st_mtim.tv_sec <= st.st_atim.tv_sec);
	add_to_file("m", SPAN(FROM "A: d\n\n"));
	folder_set(f, 1, FOLDER_SEEN);
	commit(f, false);
	assert_int_equal(stat("m", &st), 0);
	assert_true(st.st_mtim.tv_sec > st.st_atim.tv_sec);
	folder_close(&f);
	(void)unlink("m");
}

static void test_locked(void **state)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_spec spec = { .path = "m", .lock_wait = 1 };
	struct folder_commit c = { .mark_old = true };
	struct folder *f = NULL;

	(void)state;
	write_file("m", SPAN(FROM "A: b\n\n"));
	write_file("m.lock", SPAN("1234"));
	assert_int_equal(folder_open(&f, &spec, &t), 0);
	assert_int_equal(folder_commit(f, &c, &t), -EAGAIN);
	assert_span_equal(
	    buf_span(&t.text), SPAN("m: somebody else has locked the mailbox"));
	expect_file("m", FROM "A: b\n\n");
	assert_int_equal(unlink("m.lock"), 0);
	assert_int_equal(folder_commit(f, &c, &t), 0);
	expect_file("m", FROM "A: b\nStatus: O\n\n");
	folder_close(&f);
	(void)unlink("m");
	buf_done(&t.text);
}

/* A commit that failed can be tried again, and content is found meanwhile. */

static unsigned calls_until_failure;

static int failing_fsync(int fd)
{
	if (--calls_until_failure == 0) {
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}

static void fail_once(unsigned nth, bool is_linked)
{
	struct folder_ops ops = folder_system_ops;
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_spec spec = { .path = "m", .ops = &ops };
	struct folder_commit c = { .mark_old = true };
	struct folder *f = NULL;
	int r;

	write_file("m",
	    SPAN(FROM "Subject: 1\n\n1\n\n" FROM "Subject: 2\n\n2\n\n" FROM
	              "Subject: 3\n\n3\n\n"));
	if (is_linked)
		assert_int_equal(link("m", "m2"), 0);
	ops.fsync = failing_fsync;
	calls_until_failure = nth;
	assert_int_equal(folder_open(&f, &spec, &t), 0);
	folder_set(f, 0, FOLDER_SEEN);
	folder_set(f, 1, FOLDER_DELETED);
	r = folder_commit(f, &c, &t);
	if (r < 0) {
		CLEANUP(buf_done) struct buf got = BUF_INIT(4096);

		assert_int_equal(r, -EIO);
		assert_span_equal(
		    buf_span(&t.text), SPAN("m: Input/output error"));
		assert_int_equal(
		    folder_content(f, folder_count(f) - 1, &got), 0);
		assert_true(
		    span_has_prefix(buf_span(&got), SPAN("Subject: 3\n")));
		assert_int_equal(folder_commit(f, &c, &t), 0);
	}
	assert_int_equal(folder_count(f), 2);
	expect_file("m",
	    FROM "Subject: 1\nStatus: RO\n\n1\n\n" FROM
	         "Subject: 3\nStatus: O\n\n3\n\n");
	folder_close(&f);
	buf_done(&t.text);
	(void)unlink("m2");
	assert_int_equal(unlink("m"), 0);
}

static void test_try_again(void **state)
{
	(void)state;
	for (unsigned nth = 1; nth < 9; nth++) {
		fail_once(nth, false);
		fail_once(nth, true);
	}
}

/* Maildir */

static void make_maildir(void)
{
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("d/tmp", 0700), 0);
	assert_int_equal(mkdir("d/new", 0700), 0);
	assert_int_equal(mkdir("d/cur", 0700), 0);
	write_file("d/new/2.a", SPAN("Subject: two\n\nFrom two\n"));
	write_file("d/cur/1.a:2,PS", SPAN("Subject: one\r\n\r\none\r\n"));
}

static void test_maildir(void **state)
{
	struct folder *f;

	(void)state;
	make_maildir();
	f = open_folder("d");
	assert_int_equal(folder_count(f), 2);
	assert_int_equal(folder_get(f, 0)->flags, FOLDER_SEEN | FOLDER_OLD);
	assert_int_equal(folder_get(f, 1)->flags, 0);
	expect_content(f, 0, "Subject: one\n\none\n");
	expect_header(f, 1, "Subject: two\n");
	assert_int_equal(folder_measure(f, 1), 0);
	assert_int_equal(folder_get(f, 1)->size, 25);
	assert_int_equal(folder_get(f, 1)->lines, 4);
	write_file("d/new/3.a", SPAN("Subject: three\n\n3\n"));
	assert_int_equal(refresh(f), 1);
	folder_set(f, 1, FOLDER_SEEN);
	folder_set(f, 0, FOLDER_DELETED);
	commit(f, true);
	assert_int_equal(folder_count(f), 2);
	assert_int_equal(unlink("d/cur/2.a:2,S"), 0);
	assert_int_equal(unlink("d/cur/3.a:2,"), 0);
	folder_close(&f);
	assert_int_equal(rmdir("d/new"), 0);
	assert_int_equal(rmdir("d/cur"), 0);
	assert_int_equal(rmdir("d/tmp"), 0);
	assert_int_equal(rmdir("d"), 0);
}

/* Appending */

static struct folder_append *open_append(
    const char *path, enum folder_kind kind)
{
	struct folder_spec spec = { .path = path };
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_append *a = NULL;

	assert_int_equal(folder_append_open(&a, &spec, kind, &t), 0);
	buf_done(&t.text);
	return a;
}

static void commit_append(
    struct folder_append **a, bool is_new, uint64_t lines, uint64_t bytes)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	uint64_t got_lines = 0;
	uint64_t got_bytes = 0;
	bool got_new = false;

	assert_int_equal(
	    folder_append_commit(a, &got_new, &got_lines, &got_bytes, &t), 0);
	assert_null(*a);
	assert_int_equal(got_new, is_new);
	assert_int_equal(got_lines, lines);
	assert_int_equal(got_bytes, bytes);
	buf_done(&t.text);
}

static void test_append(void **state)
{
	const span from = SPAN("From ana@x Wed Feb 19 05:10:35 2020");
	struct folder_append *a = open_append("m", FOLDER_MBOX);

	(void)state;
	folder_append_begin(a, from, FOLDER_SEEN | FOLDER_OLD);
	folder_append_put(a, SPAN("Subject: 1\n\nFrom here\n"));
	commit_append(&a, true, 6, 36 + 11 + 11 + 1 + 11 + 1);
	expect_file("m", FROM "Subject: 1\nStatus: RO\n\n>From here\n\n");
	write_file("m", SPAN(FROM "Subject: 1\n\nno end"));
	a = open_append("m", FOLDER_MAILDIR);
	folder_append_begin(a, from, 0);
	folder_append_put(a, SPAN("Status: RO\nSubject: 2\n\n2"));
	folder_append_begin(a, from, FOLDER_FLAGGED);
	folder_append_put(a, SPAN("no header\n"));
	commit_append(&a, false, 10, 36 + 11 + 1 + 2 + 1 + 36 + 12 + 1 + 11);
	expect_file("m",
	    FROM "Subject: 1\n\nno end\n\n" FROM "Subject: 2\n\n2\n\n" FROM
	         "X-Status: F\n\nno header\n\n");
	a = open_append("m", FOLDER_MBOX);
	folder_append_begin(a, from, 0);
	folder_append_put(a, SPAN("x"));
	folder_append_drop(&a);
	expect_file("m",
	    FROM "Subject: 1\n\nno end\n\n" FROM "Subject: 2\n\n2\n\n" FROM
	         "X-Status: F\n\nno header\n\n");
	assert_int_equal(unlink("m"), 0);
	a = open_append("m", FOLDER_MBOX);
	folder_append_drop(&a);
	assert_int_equal(unlink("m"), -1);
}

static void test_append_maildir(void **state)
{
	struct folder_append *a = open_append("d", FOLDER_MAILDIR);
	struct folder *f;

	(void)state;
	folder_append_begin(a, SPAN("From x"), FOLDER_SEEN);
	folder_append_put(a, SPAN("Status: RO\nSubject: 1\n\nFrom 1\n"));
	folder_append_begin(a, SPAN("From x"), 0);
	folder_append_put(a, SPAN("Subject: 2\n\n2\n"));
	commit_append(&a, true, 6, 11 + 1 + 7 + 11 + 1 + 2);
	a = open_append("d", FOLDER_MBOX);
	folder_append_begin(a, SPAN("From x"), 0);
	folder_append_drop(&a);
	assert_int_equal(rmdir("d/tmp"), 0);
	f = open_folder("d");
	assert_int_equal(folder_count(f), 2);
	assert_int_equal(folder_get(f, 0)->flags, FOLDER_SEEN | FOLDER_OLD);
	expect_content(f, 0, "Subject: 1\n\nFrom 1\n");
	assert_int_equal(folder_get(f, 1)->flags, 0);
	folder_set(f, 0, FOLDER_DELETED);
	folder_set(f, 1, FOLDER_DELETED);
	commit(f, true);
	folder_close(&f);
	assert_int_equal(rmdir("d/new"), 0);
	assert_int_equal(rmdir("d/cur"), 0);
	assert_int_equal(rmdir("d"), 0);
}

static void test_append_nowhere(void **state)
{
	static const struct {
		const char *path;
		int error;
		const char *text;
	} cases[] = {
		{ "dir", -EISDIR, "dir: Is a directory" },
		{ "none/m", -ENOENT, "none/m: No such file or directory" },
		{ "m", -EINVAL, "m: file is executable" },
	};
	struct folder_trouble t = { .text = BUF_INIT(4096) };

	(void)state;
	assert_int_equal(mkdir("dir", 0700), 0);
	write_file("m", SPAN(""));
	assert_int_equal(chmod("m", 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct folder_spec spec = { .path = cases[i].path };
		struct folder_append *a = NULL;

		assert_int_equal(
		    folder_append_open(&a, &spec, FOLDER_MAILDIR, &t),
		    cases[i].error);
		assert_null(a);
		assert_span_equal(buf_span(&t.text), span_str(cases[i].text));
	}
	buf_done(&t.text);
	assert_int_equal(rmdir("dir"), 0);
	assert_int_equal(unlink("m"), 0);
}

static void test_append_full(void **state)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_append *a = open_append("/dev/full", FOLDER_MBOX);
	uint64_t lines;
	uint64_t bytes;
	bool is_new;

	(void)state;
	folder_append_begin(a, SPAN("From x"), 0);
	for (int i = 0; i < 10000; i++)
		folder_append_put(a, SPAN("Subject: much of it\n"));
	assert_int_equal(
	    folder_append_commit(&a, &is_new, &lines, &bytes, &t), -ENOSPC);
	assert_span_equal(
	    buf_span(&t.text), SPAN("/dev/full: No space left on device"));
	buf_done(&t.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_others_write),
		cmocka_unit_test(test_status_lines),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_open_errors),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_symlink),
		cmocka_unit_test(test_moved_under_us),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_nothing_to_write),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_try_again),
		cmocka_unit_test(test_maildir),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_append_maildir),
		cmocka_unit_test(test_append_nowhere),
		cmocka_unit_test(test_append_full),
	};

	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
