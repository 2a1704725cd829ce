/* SPDX-License-Identifier: ISC */
/*
 * The pool with real worker processes: this program is its own worker. As
 * root they are other users.
 */
#include "daemon/deliver/pool.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/deliver/worker.h"
#include "mail/mbox.h"
#include "os/file.h"
#include "store/mailbox.h"
#include "test/lib/pool.h"
#include "test/lib/unit.h"

enum { ITEMS = 300, FIRST_UID = 4000 };

struct place {
	char path[64];
	int dir;
	struct loop *loop;
	struct pool *pool;
	struct pool_conf conf;
	uint64_t size_max;
	span content; /* of messages that differ; empty: ten each are one */
	bool own;     /* not by a scribe, but as the user */
	uint8_t kind; /* enum work_do */
	char (*paths)[80];
	struct pool_item items[ITEMS];
	unsigned answered[ITEMS]; /* 0, or its class */
	unsigned nanswered;
	char text[256]; /* of the last answer */
};

static void on_done(
    void *ctx, struct pool_item *item, const struct work_done *done)
{
	struct place *p = ctx;
	size_t i = (size_t)(item - p->items);

	assert_int_equal(p->answered[i], 0);
	p->answered[i] = done->verdict.class;
	p->nanswered++;
	(void)snprintf(
	    p->text, sizeof(p->text), "%.*s", PRI(done->verdict.text));
}

static int setup(void **state)
{
	struct place *p = NEW(struct place);
	struct pool_setup s = { .calls = { .done = on_done }, .ctx = p };

	(void)snprintf(p->path, sizeof(p->path), "/tmp/pool-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fchmod(p->dir, 01777), 0);
	assert_int_equal(loop_new(&p->loop), 0);
	s.loop = p->loop;
	p->pool = pool_new(&s);
	p->conf = (struct pool_conf){
		.mail_spool_directory = span_str(p->path),
		.setup = {
			.attempts = 10,
			.delay = 10 * USEC_MSEC,
			.stale = USEC_HOUR,
		},
		.max_idle = USEC_MIN,
		.max_workers = 10,
	};
	pool_configure(p->pool, &p->conf);
	p->kind = WORK_MBOX;
	p->paths = mem_new(ITEMS, sizeof(*p->paths));
	*state = p;
	return 0;
}

static void empty(int dir)
{
	DIR *names = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *entry;

	assert_non_null(names);
	while ((entry = readdir(names)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dir, entry->d_name, 0);
	(void)closedir(names);
}

static int teardown(void **state)
{
	struct place *p = *state;

	pool_test_stop(&p->pool, &p->loop);
	empty(p->dir);
	(void)close(p->dir);
	assert_int_equal(rmdir(p->path), 0);
	mem_free(p->paths);
	mem_free(p);
	return 0;
}

static void submit(struct place *p, unsigned i, span name, unsigned user)
{
	span path = name;

	if (p->own) {
		(void)snprintf(p->paths[i], sizeof(p->paths[i]), "%s/%.*s",
		    p->path, PRI(name));
		path = span_str(p->paths[i]);
	}
	p->answered[i] = 0;
	p->items[i] = (struct pool_item){
		.work = {
			.number = i + 1,
			.kind = p->own ? p->kind : WORK_SPOOL,
			.uid = FIRST_UID + user,
			.gid = FIRST_UID + user,
			.user = name,
			.path = path,
			.locks = MAILBOX_DOTLOCK | MAILBOX_FCNTL,
			.size_max = p->size_max,
			.head = MBOX_FILE,
			.sender = SPAN("s@x"),
			.address = SPAN("someone@example.com"),
			.delivered = SPAN("someone@example.com"),
			.original = name,
			.message = i / 10 + 1,
			.content = SPAN("Subject: x\r\n\r\nthe body\r\n"),
		},
		.blob = -1,
	};
	if (p->content.len > 0) {
		p->items[i].work.message = i + 1;
		p->items[i].work.content = p->content;
	}
	pool_submit(p->pool, &p->items[i]);
}

static void run_until(struct place *p, unsigned nanswered)
{
	pool_test_run(p->loop, &p->nanswered, nanswered);
}

static void expect_sent(struct place *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (p->answered[i] != VERDICT_SENT)
			fail_msg(
			    "item %u: %u, last %s", i, p->answered[i], p->text);
}

/* How many whole messages; anything else fails. */
static unsigned count_messages(struct place *p, const char *name)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(1 << 24);
	CLEANUP(fd_close) int fd = openat(p->dir, name, O_RDONLY);
	unsigned n = 0;
	span rest;

	assert_true(fd >= 0);
	assert_int_equal(file_read_all(fd, &text), 0);
	for (rest = buf_span(&text); rest.len > 0; n++) {
		static const char *const lines[] = { "From s@x  ",
			"Return-Path: <s@x>",
			"X-Original-To: ", "Delivered-To: someone@example.com",
			"Subject: x", "", "the body", "" };

		for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
			span line = span_cut(&rest, '\n');

			assert_true(span_has_prefix(line, span_str(lines[i])));
		}
	}
	return n;
}

/* Processes below us that are alive. */
static unsigned count_workers(pid_t *ret_one)
{
	FILE *f = pool_test_children();
	unsigned n = 0;
	int pid;

	while (fscanf(f, "%d", &pid) == 1) {
		n++;
		if (ret_one)
			*ret_one = pid;
	}
	(void)fclose(f);
	return n;
}

static void test_one_mailbox(void **state)
{
	struct place *p = *state;
	struct stat st;

	for (unsigned i = 0; i < ITEMS; i++)
		submit(p, i, SPAN("ana"), 0);
	run_until(p, ITEMS);
	expect_sent(p, ITEMS);
	assert_int_equal(count_messages(p, "ana"), ITEMS);
	assert_int_equal(fstatat(p->dir, "ana", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, geteuid() == 0 ? FIRST_UID : geteuid());
	assert_int_equal(count_workers(NULL), 1);
}

static void user_name(char name[16], unsigned user)
{
	(void)snprintf(name, 16, "user%u", user);
}

/* More uids than workers, again and again */
static void test_many_users(void **state)
{
	enum { USERS = 25 };
	struct place *p = *state;
	char names[USERS][16];
	struct stat st;

	p->own = true;
	p->conf.max_workers = 4;
	pool_configure(p->pool, &p->conf);
	for (unsigned i = 0; i < 4 * USERS; i++) {
		user_name(names[i % USERS], i % USERS);
		submit(p, i, span_str(names[i % USERS]), i % USERS);
	}
	run_until(p, 4 * USERS);
	expect_sent(p, 4 * USERS);
	assert_true(count_workers(NULL) <= 4);
	for (unsigned u = 0; u < USERS; u++) {
		assert_int_equal(count_messages(p, names[u]), 4);
		assert_int_equal(fstatat(p->dir, names[u], &st, 0), 0);
		assert_int_equal(
		    st.st_uid, geteuid() == 0 ? FIRST_UID + u : geteuid());
	}
}

static void test_idle_workers_end(void **state)
{
	struct place *p = *state;

	p->conf.max_idle = 50 * USEC_MSEC;
	pool_configure(p->pool, &p->conf);
	submit(p, 0, SPAN("ana"), 0);
	run_until(p, 1);
	assert_int_equal(count_workers(NULL), 1);
	for (int i = 0; count_workers(NULL) > 0; i++) {
		assert_true(i < 100);
		assert_int_equal(loop_round(p->loop, 50 * USEC_MSEC), 0);
	}
	submit(p, 1, SPAN("ana"), 0);
	run_until(p, 2);
	expect_sent(p, 2);
}

static void test_new_configuration(void **state)
{
	struct place *p = *state;

	submit(p, 0, SPAN("ana"), 0);
	submit(p, 1, SPAN("ana"), 0);
	run_until(p, 1);
	p->size_max = 1;
	pool_configure(p->pool, &p->conf);
	submit(p, 2, SPAN("ana"), 0);
	run_until(p, 3);
	expect_sent(p, 2);
	assert_int_equal(p->answered[2], VERDICT_BOUNCED);
}

/*
 * Killed at any time: every message arrives, none is half; only one that
 * was written and not yet reported may come twice.
 */
static void test_killed_workers(void **state)
{
	struct place *p = *state;
	unsigned kills = 0;
	unsigned found;
	pid_t victim;

	for (unsigned i = 0; i < ITEMS; i++) {
		submit(p, i, SPAN("ana"), 0);
		if (i % 10 == 0)
			assert_int_equal(loop_round(p->loop, 1000), 0);
		if (i % 60 == 50 && count_workers(&victim) > 0) {
			assert_int_equal(kill(victim, SIGKILL), 0);
			kills++;
			/* The next ones meet the successor. */
			run_until(p, i + 1);
		}
	}
	run_until(p, ITEMS);
	assert_int_equal(kills, 5);
	expect_sent(p, ITEMS);
	found = count_messages(p, "ana");
	assert_in_range(found, ITEMS, ITEMS + 60 * kills);
}

static void test_worker_that_always_dies(void **state)
{
	struct place *p = *state;
	pid_t victim;

	submit(p, 0, SPAN("ana"), 0);
	/* Nobody lives long enough to take it. */
	for (int i = 0; p->nanswered == 0; i++) {
		assert_true(i < 20000);
		assert_int_equal(loop_round(p->loop, USEC_MSEC), 0);
		if (count_workers(&victim) > 0)
			(void)kill(victim, SIGKILL);
	}
	/* Either it was quick, or it was given up; never lost. */
	if (p->answered[0] == VERDICT_DEFERRED)
		assert_string_equal(p->text, "unknown mail transport error");
	else
		assert_int_equal(p->answered[0], VERDICT_SENT);
}

static void test_no_directory(void **state)
{
	struct place *p = *state;
	char text[256];

	p->conf.mail_spool_directory = SPAN("/no/such/directory");
	pool_configure(p->pool, &p->conf);
	submit(p, 0, SPAN("ana"), 0);
	run_until(p, 1);
	assert_int_equal(p->answered[0], VERDICT_BOUNCED);
	(void)snprintf(text, sizeof(text),
	    "cannot update mailbox /no/such/directory/ana for user ana. "
	    "unable to create lock file /no/such/directory/ana.lock: "
	    "No such file or directory");
	assert_string_equal(p->text, text);
}

/* As local(8) would leave them. Needs root. */
static void test_rights(void **state)
{
	static const struct {
		mode_t mode;
		gid_t dir_group, file_group;
	} cases[] = {
		{ 01777, 0, FIRST_UID },
		{ 02775, 8, 8 },
		{ 0775, 8, 8 },
		{ 0755, 0, FIRST_UID },
	};
	struct place *p = *state;
	struct stat st;

	if (geteuid() != 0)
		skip();
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(fchown(p->dir, 0, cases[i].dir_group), 0);
		assert_int_equal(fchmod(p->dir, cases[i].mode), 0);
		/* New rights are seen by new workers. */
		pool_configure(p->pool, &p->conf);
		submit(p, 2 * i, SPAN("ana"), 0);
		run_until(p, 2 * i + 1);
		submit(p, 2 * i + 1, SPAN("ana"), 0);
		run_until(p, 2 * i + 2);
		expect_sent(p, 2 * i + 2);
		assert_int_equal(fstatat(p->dir, "ana", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(st.st_uid, FIRST_UID);
		assert_int_equal(st.st_gid, cases[i].file_group);
		assert_int_equal(count_messages(p, "ana"), 2);
		assert_int_equal(faccessat(p->dir, "ana.lock", F_OK, 0), -1);
		empty(p->dir);
	}
}

/* The user's directory is a link to another place. */
static void test_far_away(void **state)
{
	struct place *p = *state;
	char far[] = "/tmp/pool-far-XXXXXX";
	CLEANUP(fd_close) int dir = -1;

	assert_non_null(mkdtemp(far));
	assert_int_equal(chmod(far, 01777), 0);
	assert_int_equal(symlinkat(far, p->dir, "link"), 0);
	p->own = true;
	submit(p, 0, SPAN("link/ana"), 0);
	submit(p, 1, SPAN("bob"), 0);
	submit(p, 2, SPAN("link/ana"), 0);
	run_until(p, 3);
	expect_sent(p, 3);
	submit(p, 3, SPAN("link/ana"), 0);
	run_until(p, 4);
	expect_sent(p, 4);
	assert_int_equal(count_messages(p, "link/ana"), 3);
	assert_int_equal(count_messages(p, "bob"), 1);
	dir = open(far, O_RDONLY | O_DIRECTORY);
	empty(dir);
	assert_int_equal(rmdir(far), 0);
}

/* Nobody asked for a forward file, so that there is none is no answer. */
static void test_answer_to_something_else(void **state)
{
	struct place *p = *state;

	p->own = true;
	p->kind = WORK_READ;
	submit(p, 0, SPAN("ana"), 0);
	p->items[0].work.path = SPAN_NONE;
	run_until(p, 1);
	assert_int_equal(p->answered[0], VERDICT_DEFERRED);
	assert_string_equal(p->text, "unknown mail transport error");
}

/* One item each, and not more of them than configured. */
static void test_runners(void **state)
{
	enum { FILES = 30, MAX_RUNNERS = 3 };
	struct place *p = *state;
	char names[FILES][16];
	unsigned most = 0;

	p->conf.max_runners = MAX_RUNNERS;
	pool_configure(p->pool, &p->conf);
	p->own = true;
	p->kind = WORK_FILE;
	for (unsigned i = 0; i < FILES; i++) {
		user_name(names[i], i);
		submit(p, i, span_str(names[i]), 0);
	}
	while (p->nanswered < FILES) {
		assert_int_equal(loop_round(p->loop, USEC_SEC), 0);
		most = MAX(most, count_workers(NULL));
	}
	expect_sent(p, FILES);
	assert_int_equal(most, MAX_RUNNERS);
	for (unsigned i = 0; i < FILES; i++)
		assert_int_equal(count_messages(p, names[i]), 1);
	assert_true(strstr(p->text, "delivered to file: /tmp/pool-") != NULL);
}

/* More than may be on the way to one process at a time. */
static void test_backlog(void **state)
{
	enum { LENGTH = 256 * 1024 };
	struct place *p = *state;
	char *bytes = mem_new(LENGTH, 1);

	memset(bytes, 'x', LENGTH);
	p->content = span_of(bytes, LENGTH);
	for (unsigned i = 0; i < ITEMS; i++)
		submit(p, i, SPAN("ana"), 0);
	run_until(p, ITEMS);
	expect_sent(p, ITEMS);
	mem_free(bytes);
}

/* What a scribe may still do. Needs root. */
static void test_scribe_is_enclosed(void **state)
{
	struct place *p = *state;
	char path[64];
	char line[256];
	bool no_new = false;
	bool filtered = false;
	uint64_t caps = 0;
	pid_t pid;
	FILE *f;

	if (geteuid() != 0)
		skip();
	submit(p, 0, SPAN("ana"), 0);
	run_until(p, 1);
	assert_int_equal(count_workers(&pid), 1);
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		no_new |= strcmp(line, "NoNewPrivs:\t1\n") == 0;
		filtered |= strcmp(line, "Seccomp:\t2\n") == 0;
		if (sscanf(line, "CapPrm: %jx", (uintmax_t *)&caps) == 1)
			continue;
	}
	(void)fclose(f);
	assert_true(no_new);
	assert_true(filtered);
	/* CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, SETGID, SETUID */
	assert_int_equal(
	    caps, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 7);
}

static void test_root_has_a_mailbox(void **state)
{
	struct place *p = *state;

	submit(p, 0, SPAN("root"), 0);
	p->items[0].work.uid = p->items[0].work.gid = 0;
	run_until(p, 1);
	expect_sent(p, 1);
	assert_int_equal(count_messages(p, "root"), 1);
}

/* The recipient who owns somebody else's mailbox gets nothing of it. */
static void test_wrong_owner(void **state)
{
	struct place *p = *state;
	char text[256];
	struct stat st;
	int fd;

	if (geteuid() != 0)
		skip();
	fd = openat(p->dir, "ana", O_CREAT | O_WRONLY, 0666);
	assert_int_equal(fchmod(fd, 0666), 0);
	assert_int_equal(close(fd), 0);
	submit(p, 0, SPAN("ana"), 0);
	run_until(p, 1);
	assert_int_equal(p->answered[0], VERDICT_DEFERRED);
	(void)snprintf(text, sizeof(text),
	    "cannot update mailbox %s/ana for user ana. "
	    "destination %s/ana is not owned by recipient",
	    p->path, p->path);
	assert_string_equal(p->text, text);
	assert_int_equal(fstatat(p->dir, "ana", &st, 0), 0);
	assert_int_equal(st.st_size, 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(test_one_mailbox),
		CASE(test_many_users),
		CASE(test_idle_workers_end),
		CASE(test_new_configuration),
		CASE(test_killed_workers),
		CASE(test_worker_that_always_dies),
		CASE(test_no_directory),
		CASE(test_rights),
		CASE(test_far_away),
		CASE(test_answer_to_something_else),
		CASE(test_runners),
		CASE(test_backlog),
		CASE(test_scribe_is_enclosed),
		CASE(test_root_has_a_mailbox),
		CASE(test_wrong_owner),
	};

	enum work_kind kind;

	if (argc == 2 && worker_kind(argv[1], &kind))
		return worker_main(kind);
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
