/* SPDX-License-Identifier: ISC */
/*
 * A delivery agent and two readers at work on one mailbox, each in a process
 * of its own: every message that nobody deletes is there at the end, once.
 */
#include "test/lib/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"
#include "store/folder.h"
#include "store/mailbox.h"

enum { MESSAGES = 60, READERS = 2, CONTENT_MAX = 16 << 20 };

#define FROM      "From ana@x Wed Feb 19 05:10:35 2020\n"
#define LONG_TIME (300 * USEC_SEC)

static void put_message(struct buf *out, unsigned i)
{
	buf_printf(out, FROM "Subject: %u\n\n", i);
	for (unsigned k = 0; k < i * 7 % 50; k++)
		buf_printf(out, "line %u of message %u\n", k, i);
	buf_putc(out, '\n');
}

/* Delivery, as daemon/deliver does it */

static bool deliver_once(const struct mailbox_spec *spec, span message)
{
	struct mailbox_trouble t = {
		.reason = BUF_INIT(MAILBOX_REASON_MAX),
		.warning = BUF_INIT(MAILBOX_REASON_MAX),
	};
	struct mailbox m;
	int r;

	mailbox_init(&m);
	r = mailbox_claim(&m, spec, &t);
	if (r == MAILBOX_OK)
		r = mailbox_lock(&m, spec, &t);
	if (r == MAILBOX_OK) {
		mailbox_begin(&m);
		/* In two pieces, so that others may see half of it. */
		mailbox_put(&m, span_first(message, message.len / 2));
		mailbox_put(&m, span_from(message, message.len / 2));
		r = mailbox_commit(&m, &t);
		if (r == MAILBOX_OK)
			r = mailbox_sync(&m, &t);
	}
	mailbox_close(&m);
	mailbox_release(&m, spec);
	buf_done(&t.reason);
	buf_done(&t.warning);
	return r == MAILBOX_OK;
}

static void deliver_all(void)
{
	CLEANUP(buf_done) struct buf message = BUF_INIT(1 << 20);
	struct mailbox_spec spec = {
		.dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.path = ".",
		.name = "m",
		.other = SPAN("4.2.0"),
		.owner = geteuid(),
		.group = getegid(),
		.maker = geteuid(),
		.locks = MAILBOX_DOTLOCK | MAILBOX_FCNTL | MAILBOX_FLOCK,
		.stale = LONG_TIME,
	};

	for (unsigned i = 0; i < MESSAGES; i++) {
		buf_clear(&message);
		put_message(&message, i);
		/* A queue would wait longer. */
		while (!deliver_once(&spec, buf_span(&message)))
			(void)usleep(1000);
	}
}

/* Readers */

static unsigned subject_of(struct folder *f, size_t i)
{
	CLEANUP(buf_done) struct buf header = BUF_INIT(1 << 16);
	uint64_t n = MESSAGES;
	span rest;

	/* Another reader may have removed it. */
	if (folder_header(f, i, &header) < 0)
		return MESSAGES;
	rest = buf_span(&header);
	if (span_skip(&rest, SPAN("Subject: ")))
		(void)!span_to_u64(span_cut(&rest, '\n'), &n);
	return (unsigned)n;
}

/* Each third message is ours to delete, the other ones we have seen. */
static int read_once(unsigned who)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_spec spec = {
		.path = "m", .lock_wait = LONG_TIME, .lock_stale = LONG_TIME
	};
	struct folder_commit c = { .mark_old = true };
	struct folder *f = NULL;
	int r = folder_open(&f, &spec, &t);

	for (size_t i = 0; r == 0 && i < folder_count(f); i++) {
		unsigned n = subject_of(f, i);

		if (n < MESSAGES)
			folder_set(f, i,
			    n % 3 == who ? FOLDER_DELETED
			                 : FOLDER_SEEN | FOLDER_OLD);
	}
	if (r == 0)
		r = folder_commit(f, &c, &t);
	if (r < 0)
		print_error("%.*s\n", PRI(buf_span(&t.text)));
	folder_close(&f);
	buf_done(&t.text);
	return r;
}

static int read_until(unsigned who)
{
	int r = 0;

	while (r == 0 && access("stop", F_OK) < 0)
		r = read_once(who);
	/* What came at last. */
	return r < 0 ? r : read_once(who);
}

/* Checking */

static void expect_left(void)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_spec spec = { .path = "m", .read_only = true };
	unsigned times[MESSAGES] = { 0 };
	struct folder *f = NULL;

	assert_int_equal(folder_open(&f, &spec, &t), 0);
	for (size_t i = 0; i < folder_count(f); i++) {
		CLEANUP(buf_done) struct buf got = BUF_INIT(1 << 20);
		CLEANUP(buf_done) struct buf want = BUF_INIT(1 << 20);
		unsigned n = subject_of(f, i);
		span body;

		if (n >= MESSAGES)
			continue;
		times[n]++;
		put_message(&want, n);
		assert_int_equal(folder_content(f, i, &got), 0);
		body = buf_span(&got);
		while (body.len > 0 && span_cut(&body, '\n').len > 0)
			;
		assert_true(span_has_suffix_nocase(
		    span_first(buf_span(&want), want.len - 1), body));
	}
	for (unsigned n = 0; n < MESSAGES; n++)
		assert_int_equal(times[n], n % 3 >= READERS ? 1 : 0);
	folder_close(&f);
	buf_done(&t.text);
}

static void write_first(size_t size)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(CONTENT_MAX);
	int fd = open("m", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	buf_put(&content, SPAN(FROM "Subject: first\nStatus: O\n\n"));
	while (content.len < size)
		buf_put(&content, SPAN("much text that nobody changes\n"));
	buf_putc(&content, '\n');
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, buf_span(&content)), 0);
	assert_int_equal(close(fd), 0);
}

static void race(size_t first)
{
	pid_t readers[READERS];
	pid_t agent;
	int status;

	write_first(first);
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = fork();
		if (readers[i] == 0)
			_exit(read_until(i) < 0);
	}
	agent = fork();
	if (agent == 0) {
		deliver_all();
		_exit(0);
	}
	assert_int_equal(waitpid(agent, &status, 0), agent);
	assert_int_equal(status, 0);
	assert_int_equal(close(open("stop", O_WRONLY | O_CREAT, 0600)), 0);
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
		assert_int_equal(status, 0);
	}
	expect_left();
	assert_int_equal(unlink("stop"), 0);
	assert_int_equal(unlink("m"), 0);
}

static void test_replaced(void **state)
{
	(void)state;
	race(0);
}

static void test_in_place(void **state)
{
	(void)state;
	race(3 << 20);
}

static char in_memory[] = "/dev/shm/folder_race.XXXXXX";
static char on_disk[] = "/tmp/folder_race.XXXXXX";
static const char *scratch;

static int enter_scratch(void **state)
{
	(void)state;
	scratch = mkdtemp(in_memory);
	if (!scratch)
		scratch = mkdtemp(on_disk);
	return scratch && chdir(scratch) == 0 ? 0 : -1;
}

static int leave_scratch(void **state)
{
	(void)state;
	(void)!chdir("/");
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_in_place),
	};

	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
