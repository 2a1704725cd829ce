/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/deliver/box.h"
#include "daemon/deliver/rights.h"
#include "mail/mbox.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/sock.h"
#include "test/lib/unit.h"

#define HEAD "From s@x  "
/* The date of a From_ line: "Sun May 24 08:57:10 2020". */
enum { DATE_LENGTH = 24 };

struct place {
	char path[64];
	span paths[1];
	struct worker worker;
	struct batch *batch;
	struct sync_conn *answers;
	struct mailbox_ops ops;
	unsigned locks;
	unsigned head;
	uint32_t flags;
	uint64_t size_max;
};

static void expect_pair(int pair[2])
{
	assert_int_equal(sock_pair(pair), 0);
}

static int setup(void **state)
{
	struct place *p = NEW(struct place);
	int pair[2];

	(void)snprintf(p->path, sizeof(p->path), "/tmp/batch-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	expect_pair(pair);
	p->paths[0] = span_str(p->path);
	p->worker = (struct worker){
		.line = sync_new(pair[0]),
		.setup = {
			.kind = WORK_SCRIBE,
			.npaths = 1,
			.paths = p->paths,
			.attempts = 2,
			.delay = 1000,
			.stale = USEC_HOUR,
		},
		.dir = open(p->path, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.content = content_new(),
	};
	p->answers = sync_new(pair[1]);
	p->locks = MAILBOX_DOTLOCK | MAILBOX_FCNTL;
	p->head = MBOX_FILE;
	p->batch = batch_new(&p->worker, 0, NULL);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "ana", "ana.lock", "bob" };
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unlinkat(p->worker.dir, names[i], 0);
	assert_int_equal(rights_return(), 0);
	(void)close(p->worker.dir);
	assert_int_equal(rmdir(p->path), 0);
	batch_free(&p->batch);
	content_unref(&p->worker.content);
	sync_free(&p->worker.line);
	sync_free(&p->answers);
	mem_free(p);
	return 0;
}

static void add(
    struct place *p, uint64_t number, const char *name, const char *content)
{
	char address[64];
	int n = snprintf(address, sizeof(address), "%s@example.com", name);
	const struct work_item item = {
		.number = number,
		.kind = WORK_SPOOL,
		.flags = p->flags,
		.uid = geteuid(),
		.gid = getegid(),
		.user = span_str(name),
		.path = span_str(name),
		.locks = p->locks,
		.size_max = p->size_max,
		.head = p->head,
		.sender = SPAN("s@x"),
		.address = span_of(address, (size_t)n),
		.delivered = span_of(address, (size_t)n),
		.original = span_str(name),
		.content = span_str(content),
	};

	/* As the process keeps it. */
	content_unref(&p->worker.content);
	p->worker.content = content_new();
	buf_put(&p->worker.content->bytes, item.content);
	batch_add(p->batch, &item, -1);
}

static void expect_answer(struct place *p, uint64_t number,
    enum verdict_class class, span status, const char *text)
{
	struct work_done done;
	struct sync_msg msg;

	assert_int_equal(sync_flush(p->worker.line), 0);
	assert_int_equal(sync_recv(p->answers, &msg), SYNC_OK);
	assert_int_equal(msg.type, WORK_DONE);
	assert_true(work_done_get(msg.payload, &done));
	assert_int_equal(done.number, number);
	assert_span_equal(done.verdict.text, span_str(text));
	assert_span_equal(done.verdict.status, status);
	assert_int_equal(done.verdict.class, class);
}

static void expect_sent(struct place *p, uint64_t number)
{
	expect_answer(
	    p, number, VERDICT_SENT, SPAN("2.0.0"), "delivered to mailbox");
}

static bool is_silent(struct place *p)
{
	char c;

	assert_int_equal(sync_flush(p->worker.line), 0);
	return recv(sync_fd(p->answers), &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

/* The mailbox with the dates of its From_ lines cut out. */
static void read_mailbox(struct place *p, const char *name, struct buf *out)
{
	CLEANUP(buf_done) struct buf raw = BUF_INIT(1 << 24);
	CLEANUP(fd_close) int fd = openat(p->worker.dir, name, O_RDONLY);
	span rest;

	assert_true(fd >= 0);
	assert_int_equal(file_read_all(fd, &raw), 0);
	rest = buf_span(&raw);
	while (rest.len > 0) {
		span line = span_cut(&rest, '\n');

		if (span_skip(&line, SPAN(HEAD))) {
			assert_int_equal(line.len, DATE_LENGTH);
			buf_put(out, SPAN(HEAD "\n"));
			continue;
		}
		buf_put(out, line);
		buf_putc(out, '\n');
	}
}

static void expect_mailbox(struct place *p, const char *name, const char *want)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT(1 << 24);

	read_mailbox(p, name, &got);
	assert_span_equal(buf_span(&got), span_str(want));
}

#define TOP(user) \
	HEAD "\nReturn-Path: <s@x>\nX-Original-To: " user \
	     "\nDelivered-To: " user "@example.com\n"

static void test_several(void **state)
{
	struct place *p = *state;

	add(p, 1, "ana", "Subject: one\r\n\r\nFrom here\r\n..\r\n");
	add(p, 2, "bob", "Subject: two\r\n\r\nbody");
	add(p, 3, "ana", "Subject: three\r\n\r\n");
	/* Nobody hears of it before it is safe. */
	assert_true(is_silent(p));
	batch_end(p->batch);
	expect_sent(p, 1);
	expect_sent(p, 3);
	expect_sent(p, 2);
	batch_end(p->batch);
	assert_true(is_silent(p));

	expect_mailbox(p, "ana",
	    TOP("ana") "Subject: one\n\n>From here\n.\n\n" TOP(
	        "ana") "Subject: three\n\n\n");
	expect_mailbox(p, "bob", TOP("bob") "Subject: two\n\nbody\n\n");
	assert_int_equal(faccessat(p->worker.dir, "ana.lock", F_OK, 0), -1);
}

/* When nobody is left to hear of it, it was not done. */
static void test_alone(void **state)
{
	struct place *p = *state;

	add(p, 1, "ana", "Subject: one\r\n\r\n");
	batch_end(p->batch);
	expect_sent(p, 1);
	add(p, 2, "ana", "Subject: two\r\n\r\n");
	sync_free(&p->answers);
	batch_end(p->batch);
	expect_mailbox(p, "ana", TOP("ana") "Subject: one\n\n\n");
	assert_int_equal(faccessat(p->worker.dir, "ana.lock", F_OK, 0), -1);
}

static void test_head_options(void **state)
{
	struct place *p = *state;

	p->head &= ~(MBOX_ORIGINAL_TO | MBOX_DELIVERED_TO);
	add(p, 1, "ana", "Subject: one\r\n\r\n");
	batch_end(p->batch);
	expect_sent(p, 1);
	expect_mailbox(
	    p, "ana", HEAD "\nReturn-Path: <s@x>\nSubject: one\n\n\n");
}

static void test_many(void **state)
{
	struct place *p = *state;

	for (uint64_t i = 1; i <= BOX_MAX + 5; i++)
		add(p, i, "ana", "Subject: x\r\n\r\n");
	for (uint64_t i = 1; i <= BOX_MAX; i++)
		expect_sent(p, i);
	assert_true(is_silent(p));
	batch_end(p->batch);
	for (uint64_t i = BOX_MAX + 1; i <= BOX_MAX + 5; i++)
		expect_sent(p, i);
}

static void test_refused(void **state)
{
	struct place *p = *state;
	char text[256];

	assert_int_equal(chmod(p->path, 01777), 0);
	assert_int_equal(symlinkat("/dev/null", p->worker.dir, "ana"), 0);
	(void)snprintf(text, sizeof(text),
	    "cannot update mailbox %s/ana for user ana. "
	    "file is a symbolic link",
	    p->path);
	add(p, 1, "ana", "Subject: x\r\n\r\n");
	add(p, 2, "ana", "Subject: x\r\n\r\n");
	expect_answer(p, 1, VERDICT_BOUNCED, SPAN("5.2.0"), text);
	expect_answer(p, 2, VERDICT_BOUNCED, SPAN("5.2.0"), text);
	batch_end(p->batch);

	/* The next batch looks again. */
	assert_int_equal(unlinkat(p->worker.dir, "ana", 0), 0);
	add(p, 3, "ana", "Subject: x\r\n\r\n");
	batch_end(p->batch);
	expect_sent(p, 3);
}

static void make_lock(struct place *p)
{
	int fd = openat(p->worker.dir, "ana.lock", O_CREAT | O_EXCL, 0);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

/* As the process does it: sleep until something is due. */
static void retry(struct place *p)
{
	usec next = batch_next(p->batch);

	assert_true(next != UINT64_MAX);
	while (clock_monotonic() < next)
		(void)usleep(100);
	batch_retry(p->batch);
	batch_end(p->batch);
}

/* A lock holds up its own mailbox only, and that one in order. */
static void test_locked_for_a_while(void **state)
{
	struct place *p = *state;

	p->worker.setup.attempts = 1000;
	make_lock(p);
	add(p, 1, "ana", "Subject: one\r\n\r\n");
	add(p, 2, "bob", "Subject: two\r\n\r\n");
	add(p, 3, "ana", "Subject: three\r\n\r\n");
	batch_end(p->batch);
	expect_sent(p, 2);
	assert_true(is_silent(p));
	retry(p);
	assert_true(is_silent(p));
	assert_int_equal(unlinkat(p->worker.dir, "ana.lock", 0), 0);
	add(p, 4, "ana", "Subject: four\r\n\r\n");
	retry(p);
	expect_sent(p, 1);
	expect_sent(p, 3);
	expect_sent(p, 4);
	assert_true(batch_next(p->batch) == UINT64_MAX);
	expect_mailbox(p, "ana",
	    TOP("ana") "Subject: one\n\n\n" TOP(
	        "ana") "Subject: three\n\n\n" TOP("ana") "Subject: four\n\n\n");
}

static void test_locked(void **state)
{
	struct place *p = *state;
	char text[256];

	make_lock(p);
	(void)snprintf(text, sizeof(text),
	    "cannot update mailbox %s/ana for user ana. "
	    "unable to create lock file %s/ana.lock: File exists",
	    p->path, p->path);
	add(p, 1, "ana", "Subject: x\r\n\r\n");
	batch_end(p->batch);
	assert_true(is_silent(p));
	retry(p);
	expect_answer(p, 1, VERDICT_DEFERRED, SPAN("4.2.0"), text);
	assert_true(batch_next(p->batch) == UINT64_MAX);
}

/* Somebody who knows no dotlocks. */
static void test_kernel_lock(void **state)
{
	struct place *p = *state;
	char text[256];
	pid_t pid;
	int pair[2];
	char c;

	add(p, 1, "ana", "Subject: one\r\n\r\n");
	batch_end(p->batch);
	expect_sent(p, 1);
	expect_pair(pair);
	pid = fork();
	if (pid == 0) {
		struct flock all = { .l_type = F_WRLCK };
		int fd = openat(p->worker.dir, "ana", O_RDWR);

		if (fd < 0 || fcntl(fd, F_SETLK, &all) < 0)
			_exit(1);
		(void)!write(pair[1], "x", 1);
		(void)!read(pair[1], &c, 1);
		_exit(0);
	}
	assert_int_equal(read(pair[0], &c, 1), 1);
	(void)snprintf(text, sizeof(text),
	    "cannot update mailbox %s/ana for user ana. unable to lock for "
	    "exclusive access: Resource temporarily unavailable",
	    p->path);
	add(p, 2, "ana", "Subject: two\r\n\r\n");
	retry(p);
	expect_answer(p, 2, VERDICT_DEFERRED, SPAN("4.2.0"), text);
	assert_int_equal(faccessat(p->worker.dir, "ana.lock", F_OK, 0), -1);

	p->worker.setup.attempts = 1000;
	add(p, 3, "ana", "Subject: three\r\n\r\n");
	retry(p);
	assert_true(is_silent(p));
	assert_int_equal(write(pair[0], "x", 1), 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	retry(p);
	expect_sent(p, 3);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* More than are open at a time, and with threads. */
static void many_boxes(struct place *p)
{
	enum { BOXES = BATCH_BOXES + 50 };
	char names[BOXES][16];
	struct work_done done;
	struct sync_msg msg;
	uint64_t seen = 0;

	for (uint64_t i = 0; i < BOXES; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "box%ju", i);
		add(p, i, names[i], "Subject: x\r\n\r\n");
	}
	batch_end(p->batch);
	assert_int_equal(sync_flush(p->worker.line), 0);
	for (uint64_t i = 0; i < BOXES; i++) {
		assert_int_equal(sync_recv(p->answers, &msg), SYNC_OK);
		assert_true(work_done_get(msg.payload, &done));
		assert_int_equal(done.verdict.class, VERDICT_SENT);
		seen += done.number;
		assert_int_equal(done.offset, 0);
	}
	assert_int_equal(seen, BOXES * (BOXES - 1) / 2);
	for (uint64_t i = 0; i < BOXES; i++)
		assert_int_equal(unlinkat(p->worker.dir, names[i], 0), 0);
}

static void test_many_boxes(void **state)
{
	struct place *p = *state;

	many_boxes(p);
	batch_free(&p->batch);
	p->batch = batch_new(&p->worker, 4, NULL);
	many_boxes(p);
}

/* The flush of one of several mailboxes fails. */
static int bad_fsync_fd = -1;

static int bad_fsync(int fd)
{
	if (fd == bad_fsync_fd) {
		errno = EIO;
		return -1;
	}
	return fsync(fd);
}

static ssize_t note_write(int fd, const void *bytes, size_t n)
{
	if (memmem(bytes, n, "two", 3))
		bad_fsync_fd = fd;
	return write(fd, bytes, n);
}

static void test_failed_flush(void **state)
{
	static const struct mailbox_ops ops = {
		.write = note_write,
		.fsync = bad_fsync,
		.ftruncate = ftruncate,
	};
	struct place *p = *state;
	char text[256];

	batch_free(&p->batch);
	p->batch = batch_new(&p->worker, 2, &ops);
	(void)snprintf(text, sizeof(text),
	    "cannot update mailbox %s/bob for user bob. "
	    "error writing message: Input/output error",
	    p->path);
	add(p, 1, "ana", "Subject: one\r\n\r\n");
	add(p, 2, "bob", "Subject: two\r\n\r\n");
	add(p, 3, "ana", "Subject: three\r\n\r\n");
	batch_end(p->batch);
	expect_sent(p, 1);
	expect_sent(p, 3);
	expect_answer(p, 2, VERDICT_BOUNCED, SPAN("5.3.0"), text);
	expect_mailbox(p, "bob", "");
	bad_fsync_fd = -1;
}

/* biff wants to know where a message begins. */
static void test_offsets(void **state)
{
	struct place *p = *state;
	uint64_t last = 0;

	for (uint64_t i = 1; i < 4; i++)
		add(p, i, "ana", "Subject: x\r\n\r\n");
	batch_end(p->batch);
	assert_int_equal(sync_flush(p->worker.line), 0);
	for (uint64_t i = 1; i < 4; i++) {
		struct work_done done;
		struct sync_msg msg;

		assert_int_equal(sync_recv(p->answers, &msg), SYNC_OK);
		assert_true(work_done_get(msg.payload, &done));
		assert_true(i == 1 ? done.offset == 0 : done.offset > last);
		last = done.offset;
	}
}

static void test_too_large(void **state)
{
	struct place *p = *state;
	char text[256];

	p->size_max = 300;
	(void)snprintf(text, sizeof(text),
	    "cannot update mailbox %s/ana for user ana. "
	    "error writing message: File too large",
	    p->path);
	add(p, 1, "ana", "Subject: one\r\n\r\n");
	add(p, 2, "ana", "Subject: two\r\n\r\n");
	add(p, 3, "ana", "Subject: three\r\n\r\n");
	expect_answer(p, 3, VERDICT_BOUNCED, SPAN("5.2.2"), text);
	batch_end(p->batch);
	expect_sent(p, 1);
	expect_sent(p, 2);
	expect_mailbox(p, "ana",
	    TOP("ana") "Subject: one\n\n\n" TOP("ana") "Subject: two\n\n\n");
}

/* Larger than what is read and written at once */
static void test_blob(void **state)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(1 << 23);
	CLEANUP(buf_done) struct buf want = BUF_INIT(1 << 23);
	CLEANUP(buf_done) struct buf got = BUF_INIT(1 << 23);
	CLEANUP(fd_close) int blob = -1;
	struct place *p = *state;
	const struct work_item item = {
		.number = 7,
		.kind = WORK_SPOOL,
		.uid = geteuid(),
		.gid = getegid(),
		.user = SPAN("ana"),
		.path = SPAN("ana"),
		.locks = p->locks,
		.head = p->head,
		.delivered = SPAN("ana@example.com"),
		.sender = SPAN("s@x"),
		.address = SPAN("ana@example.com"),
		.original = SPAN("ana"),
		.blob = true,
	};

	buf_put(&content, SPAN("Subject: big\r\n\r\n"));
	buf_put(&want, SPAN(TOP("ana") "Subject: big\n\n"));
	for (int i = 0; i < 100000; i++) {
		buf_printf(&content, "From line %d\r\n", i);
		buf_printf(&want, ">From line %d\n", i);
	}
	buf_putc(&want, '\n');
	blob = file_memfd("blob", buf_span(&content));
	assert_true(blob >= 0);
	batch_add(p->batch, &item, blob);
	batch_end(p->batch);
	expect_sent(p, 7);
	read_mailbox(p, "ana", &got);
	assert_true(span_eq(buf_span(&got), buf_span(&want)));
}

static void test_blob_that_cannot_be_read(void **state)
{
	CLEANUP(fd_close) int blob = open("/", O_RDONLY | O_CLOEXEC);
	struct place *p = *state;
	const struct work_item item = {
		.number = 7,
		.kind = WORK_SPOOL,
		.uid = geteuid(),
		.gid = getegid(),
		.user = SPAN("ana"),
		.path = SPAN("ana"),
		.locks = p->locks,
		.head = p->head,
		.delivered = SPAN("ana@example.com"),
		.address = SPAN("ana@example.com"),
		.blob = true,
	};
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "cannot update mailbox %s/ana for user ana. "
	    "error reading message: Is a directory",
	    p->path);
	add(p, 1, "ana", "Subject: one\r\n\r\n");
	batch_add(p->batch, &item, blob);
	expect_answer(p, 7, VERDICT_DEFERRED, SPAN("4.3.0"), text);
	batch_end(p->batch);
	expect_sent(p, 1);
	expect_mailbox(p, "ana", TOP("ana") "Subject: one\n\n\n");
}

/* Where tables name the mailboxes. */
static void test_virtual(void **state)
{
	struct place *p = *state;
	char text[192];

	p->flags = WORK_VIRTUAL;
	assert_int_equal(chmod(p->path, 01777), 0);
	assert_int_equal(symlinkat("/dev/null", p->worker.dir, "ana"), 0);
	add(p, 1, "ana", "x\r\n");
	(void)snprintf(text, sizeof(text),
	    "delivery failed to mailbox %s/ana: file is a symbolic link",
	    p->path);
	expect_answer(p, 1, VERDICT_DEFERRED, SPAN("4.2.0"), text);
	batch_end(p->batch);
	assert_int_equal(unlinkat(p->worker.dir, "ana", 0), 0);

	if (mknodat(p->worker.dir, "ana", S_IFCHR | 0666, 1 << 8 | 3) < 0)
		return;
	add(p, 2, "ana", "x\r\n");
	(void)snprintf(text, sizeof(text),
	    "delivery failed to mailbox %s/ana: "
	    "mail system configuration error",
	    p->path);
	expect_answer(p, 2, VERDICT_BOUNCED, SPAN("5.3.5"), text);
	batch_end(p->batch);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_several),
		CASE(test_alone),
		CASE(test_head_options),
		CASE(test_many),
		CASE(test_refused),
		CASE(test_locked_for_a_while),
		CASE(test_locked),
		CASE(test_kernel_lock),
		CASE(test_many_boxes),
		CASE(test_failed_flush),
		CASE(test_offsets),
		CASE(test_too_large),
		CASE(test_blob),
		CASE(test_blob_that_cannot_be_read),
		CASE(test_virtual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
