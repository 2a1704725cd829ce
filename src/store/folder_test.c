/* SPDX-License-Identifier: ISC */
#include "test/lib/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "store/folder.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_others_write),
		cmocka_unit_test(test_maildir),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_append_maildir),
	};

	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
