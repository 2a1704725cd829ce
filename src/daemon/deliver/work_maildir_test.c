/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/work_maildir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/mbox.h"
#include "os/file.h"
#include "test/lib/worker.h"

struct place {
	struct bench b;
	struct work_item item;
};

static int setup(void **state)
{
	struct place *p = NEW(struct place);

	bench_begin(&p->b);
	p->item = (struct work_item){
		.kind = WORK_MAILDIR,
		.uid = geteuid(),
		.gid = getegid(),
		.head = MBOX_MAILDIR,
		.sender = SPAN("s@x"),
		.address = SPAN("ana@x"),
		.delivered = SPAN("ana@x"),
	};
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	work_maildir_free(&p->b.worker);
	bench_end(&p->b);
	mem_free(p);
	return 0;
}

static void add_blob(struct place *p, uint64_t number, const char *name,
    const char *content, int blob)
{
	char path[128];
	int n = snprintf(path, sizeof(path), "%s/%s/", p->b.home, name);

	p->item.number = number;
	p->item.path = span_of(path, (size_t)n);
	p->item.content = span_str(content);
	p->item.blob = blob >= 0;
	work_maildir(&p->b.worker, &p->item, blob);
}

static void add(
    struct place *p, uint64_t number, const char *name, const char *content)
{
	add_blob(p, number, name, content, -1);
}

static void expect_answer(struct place *p, uint64_t number, const char *status,
    const char *text, const char *warning)
{
	struct work_done done;
	struct sync_msg msg;

	bench_answer(&p->b, &msg, &done);
	assert_int_equal(done.number, number);
	assert_int_equal(done.verdict.class, status[0] - '0');
	assert_span_equal(done.verdict.status, span_str(status));
	assert_span_equal(done.verdict.text, span_str(text));
	assert_span_equal(done.warning, span_str(warning));
}

static void expect_sent(struct place *p, uint64_t number)
{
	expect_answer(p, number, "2.0.0", "delivered to maildir", "");
}

static bool is_silent(struct place *p)
{
	char c;

	assert_int_equal(sync_flush(p->b.worker.line), 0);
	return recv(sync_fd(p->b.answers), &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

/* Of a Maildir's part: how many files, and the content of the last. */
static size_t look(
    struct place *p, const char *name, const char *part, struct buf *content)
{
	char path[256];
	struct dirent *e;
	size_t n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", p->b.home, name, part);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		CLEANUP(fd_close) int fd = -1;

		if (e->d_name[0] == '.')
			continue;
		n++;
		fd = openat(dirfd(dir), e->d_name, O_RDONLY);
		buf_clear(content);
		assert_int_equal(file_read_all(fd, content), 0);
	}
	if (dir)
		(void)closedir(dir);
	return n;
}

static void expect_files(struct place *p, const char *name, size_t count)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(1 << 20);

	assert_int_equal(look(p, name, "new", &text), count);
	assert_int_equal(look(p, name, "tmp", &text), 0);
}

static void test_message(void **state)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	struct place *p = *state;

	p->item.original = SPAN("Ana@x");
	add(p, 1, "ana", "Subject: x\r\n\r\nFrom me\r\n..dot\r\n");
	assert_true(is_silent(p));
	assert_int_equal(look(p, "ana", "new", &text), 0);
	work_maildir_end(&p->b.worker);
	expect_sent(p, 1);
	assert_int_equal(look(p, "ana", "new", &text), 1);
	assert_span_equal(buf_span(&text),
	    SPAN("Return-Path: <s@x>\nX-Original-To: Ana@x\n"
	         "Delivered-To: ana@x\nSubject: x\n\nFrom me\n.dot\n"));
	/* Nothing waits: nothing to do. */
	work_maildir_end(&p->b.worker);
	assert_true(is_silent(p));
}

/* Several Maildirs at once, and one twice: answered when all are safe. */
static void test_several(void **state)
{
	struct place *p = *state;

	add(p, 1, "ana", "a\r\n");
	add(p, 2, "bob", "b\r\n");
	add(p, 3, "ana", "c\r\n");
	assert_true(is_silent(p));
	work_maildir_end(&p->b.worker);
	expect_sent(p, 1);
	expect_sent(p, 3);
	expect_sent(p, 2);
	expect_files(p, "ana", 2);
	expect_files(p, "bob", 1);
}

/* More than are open at a time: some are answered before the end. */
static void test_many(void **state)
{
	struct place *p = *state;
	bool seen[601] = { false };

	for (uint64_t i = 1; i <= 600; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "m%ju", (uintmax_t)i % 50);
		add(p, i, name, "x\r\n");
	}
	assert_false(is_silent(p));
	work_maildir_end(&p->b.worker);
	for (int i = 0; i < 600; i++) {
		struct work_done done;
		struct sync_msg msg;

		bench_answer(&p->b, &msg, &done);
		assert_int_equal(done.verdict.class, VERDICT_SENT);
		assert_true(done.number >= 1 && done.number <= 600);
		assert_false(seen[done.number]);
		seen[done.number] = true;
	}
	assert_true(is_silent(p));
	expect_files(p, "m0", 12);
	expect_files(p, "m49", 12);
}

/* What fails is answered at once; the others do not suffer. */
static void test_refused(void **state)
{
	struct place *p = *state;
	char text[256];
	struct sync_msg msg;
	struct work_done done;
	int fd;

	(void)snprintf(text, sizeof(text), "%s/file", p->b.home);
	fd = open(text, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	add(p, 1, "ana", "a\r\n");
	p->item.flags = WORK_VIRTUAL;
	add(p, 2, "file", "b\r\n");
	bench_answer(&p->b, &msg, &done);
	assert_int_equal(done.number, 2);
	assert_span_equal(done.verdict.status, SPAN("4.2.0"));
	assert_int_equal(done.verdict.class, VERDICT_DEFERRED);
	(void)snprintf(text, sizeof(text),
	    "maildir delivery failed: create maildir file %s/file/tmp/",
	    p->b.home);
	assert_true(span_has_prefix(done.verdict.text, span_str(text)));
	assert_true(span_has_suffix_nocase(
	    done.verdict.text, SPAN(": Not a directory")));
	assert_int_equal(done.warning.len, 0);
	/* Of local(8): a user's own fault. */
	p->item.flags = 0;
	work_maildir_end(&p->b.worker);
	expect_sent(p, 1);
	add(p, 3, "file", "b\r\n");
	bench_answer(&p->b, &msg, &done);
	assert_span_equal(done.verdict.status, SPAN("5.2.0"));
	assert_int_equal(done.verdict.class, VERDICT_BOUNCED);
	work_maildir_end(&p->b.worker);
	expect_files(p, "ana", 1);
}

static void test_size_limit(void **state)
{
	struct place *p = *state;

	p->item.head = 0;
	p->item.size_max = 4;
	add(p, 1, "ana", "abc\r\n");
	add(p, 2, "ana", "abcd\r\n");
	expect_answer(p, 2, "5.2.2",
	    "maildir delivery failed: error writing message: File too large",
	    "");
	/* The limit comes with the message. */
	p->item.size_max = 5;
	add(p, 3, "ana", "abcd\r\n");
	work_maildir_end(&p->b.worker);
	expect_sent(p, 1);
	expect_sent(p, 3);
	expect_files(p, "ana", 2);
}

static void test_quota(void **state)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
	CLEANUP(fd_close) int fd = -1;
	struct place *p = *state;
	char path[128];

	p->item.head = 0;
	p->item.flags = WORK_VIRTUAL | WORK_QUOTA;
	p->item.quota = SPAN("10S");
	add(p, 1, "ana", "1234\r\n");
	add(p, 2, "ana", "12345\r\n");
	expect_answer(
	    p, 2, "5.2.2", "maildir delivery failed: maildir over quota", "");
	add(p, 3, "ana", "123\r\n");
	add(p, 4, "bob", "12345678\r\n");
	work_maildir_end(&p->b.worker);
	expect_sent(p, 1);
	expect_sent(p, 3);
	expect_sent(p, 4);
	(void)snprintf(path, sizeof(path), "%s/ana/maildirsize", p->b.home);
	fd = open(path, O_RDONLY);
	assert_int_equal(file_read_all(fd, &text), 0);
	assert_span_equal(buf_span(&text),
	    SPAN("10S\n"
	         "           0            0\n"
	         "           9            2\n"));
	expect_files(p, "ana", 2);
	/* What the file says is enough. */
	p->item.quota = SPAN_NONE;
	add(p, 5, "ana", "1\r\n");
	expect_answer(
	    p, 5, "5.2.2", "maildir delivery failed: maildir over quota", "");
	/* And if nobody asks, there is none. */
	p->item.flags = WORK_VIRTUAL;
	work_maildir_end(&p->b.worker);
	add(p, 6, "ana", "1\r\n");
	work_maildir_end(&p->b.worker);
	expect_sent(p, 6);
}

static void test_blobs(void **state)
{
	CLEANUP(buf_done) struct buf big = BUF_INIT(1 << 20);
	CLEANUP(buf_done) struct buf text = BUF_INIT(1 << 20);
	struct place *p = *state;
	int fd;

	while (big.len < 600000)
		buf_put(&big, SPAN("a line of text\r\n"));
	fd = file_memfd("blob", buf_span(&big));
	assert_true(fd >= 0);
	p->item.head = 0;
	add_blob(p, 1, "ana", "", fd);
	(void)close(fd);
	/* A descriptor that cannot be read. */
	fd = open(p->b.home, O_RDONLY | O_DIRECTORY);
	add_blob(p, 2, "ana", "", fd);
	expect_answer(p, 2, "4.3.0",
	    "maildir delivery failed: error reading message: Is a directory",
	    "");
	(void)close(fd);
	work_maildir_end(&p->b.worker);
	expect_sent(p, 1);
	assert_int_equal(look(p, "ana", "new", &text), 1);
	assert_int_equal(text.len, big.len / 16 * 15);
	assert_int_equal(look(p, "ana", "tmp", &text), 0);
}

/* Nobody is there to be told: as if it never was. */
static void test_alone(void **state)
{
	struct place *p = *state;

	add(p, 1, "ana", "a\r\n");
	add(p, 2, "bob", "b\r\n");
	sync_free(&p->b.answers);
	work_maildir_end(&p->b.worker);
	expect_files(p, "ana", 0);
	expect_files(p, "bob", 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_message),
		CASE(test_several),
		CASE(test_many),
		CASE(test_refused),
		CASE(test_size_limit),
		CASE(test_quota),
		CASE(test_blobs),
		CASE(test_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
