/* SPDX-License-Identifier: ISC */
/*
 * A filer behind its door, and a pool that has one: this program is its own
 * worker. Needs root and Landlock.
 */
#include "daemon/deliver/filer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/deliver/rights.h"
#include "daemon/deliver/worker.h"
#include "mail/mbox.h"
#include "os/error.h"
#include "os/file.h"
#include "os/sandbox.h"
#include "test/lib/pool.h"
#include "test/lib/unit.h"

enum { USERS = 3, ITEMS = 200, FIRST_UID = 4000 };

struct place {
	char top[64];
	char homes[USERS][80];
	char maildirs[USERS][96];
	char forwards[USERS][96];
	span forward[USERS];
	struct loop *loop;
	struct pool *pool;
	struct pool_conf conf;
	struct pool_item items[ITEMS];
	unsigned nitems;
	unsigned nanswered;
	unsigned nsent;
	unsigned nforwards;
	char text[512]; /* of the last that was not sent */
};

static void on_done(
    void *ctx, struct pool_item *item UNUSED, const struct work_done *done)
{
	struct place *p = ctx;

	p->nanswered++;
	p->nforwards += done->found == WORK_FOUND_FORWARD &&
	    span_eq(done->bytes, SPAN("elsewhere@x\n"));
	if (done->found == WORK_FOUND_NONE &&
	    done->verdict.class == VERDICT_SENT)
		p->nsent++;
	else
		(void)snprintf(
		    p->text, sizeof(p->text), "%.*s", PRI(done->verdict.text));
}

static int setup(void **state)
{
	struct place *p = NEW(struct place);
	struct pool_setup s = { .calls = { .done = on_done }, .ctx = p };

	(void)snprintf(p->top, sizeof(p->top), "/tmp/filer-XXXXXX");
	assert_non_null(mkdtemp(p->top));
	assert_int_equal(chmod(p->top, 0755), 0);
	for (unsigned i = 0; i < USERS; i++) {
		(void)snprintf(
		    p->homes[i], sizeof(p->homes[i]), "%s/u%u", p->top, i);
		(void)snprintf(p->maildirs[i], sizeof(p->maildirs[i]),
		    "%s/Maildir/", p->homes[i]);
		(void)snprintf(p->forwards[i], sizeof(p->forwards[i]),
		    "%s/.forward", p->homes[i]);
		p->forward[i] = span_str(p->forwards[i]);
		assert_int_equal(mkdir(p->homes[i], 0700), 0);
		(void)!chown(p->homes[i], FIRST_UID + i, FIRST_UID + i);
	}
	assert_int_equal(loop_new(&p->loop), 0);
	s.loop = p->loop;
	p->pool = pool_new(&s);
	p->conf = (struct pool_conf){
		.mail_spool_directory = span_str(p->top),
		.setup = { .attempts = 1, .stale = USEC_HOUR },
		.max_idle = USEC_MIN,
		.max_workers = 10,
	};
	pool_configure(p->pool, &p->conf);
	*state = p;
	return 0;
}

static int remove_one(const char *path, const struct stat *st UNUSED,
    int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct place *p = *state;

	pool_test_stop(&p->pool, &p->loop);
	assert_int_equal(nftw(p->top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	mem_free(p);
	return 0;
}

static bool can_run(void)
{
	return geteuid() == 0 && sandbox_landlock() > 0;
}

static const char *at(const struct place *p, unsigned user, const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s%s", p->maildirs[user], name);
	return path;
}

static void submit(struct place *p, unsigned user)
{
	struct pool_item *item = &p->items[p->nitems++];

	assert_true(p->nitems <= ITEMS);
	*item = (struct pool_item){
		.work = {
			.number = p->nitems,
			.kind = WORK_MAILDIR,
			.flags = WORK_OWN,
			.uid = FIRST_UID + user,
			.gid = FIRST_UID + user,
			.user = SPAN("somebody"),
			.home = span_str(p->homes[user]),
			.nforward = 1,
			.forward = &p->forward[user],
			.path = span_str(p->maildirs[user]),
			.head = MBOX_MAILDIR,
			.sender = SPAN("s@x"),
			.address = SPAN("someone@example.com"),
			.delivered = SPAN("someone@example.com"),
			.content = SPAN("Subject: x\r\n\r\nthe body\r\n"),
		},
		.blob = -1,
	};
	pool_submit(p->pool, item);
}

static void run(struct place *p)
{
	pool_test_run(p->loop, &p->nanswered, p->nitems);
}

static void deliver(struct place *p, unsigned user)
{
	submit(p, user);
	run(p);
}

/* Of our children; 0: there is none. */
static pid_t find_filer(void)
{
	FILE *f = pool_test_children();
	char path[64];
	pid_t found = 0;
	int pid;

	while (fscanf(f, "%d", &pid) == 1) {
		char name[32] = "";
		FILE *comm;

		(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		comm = fopen(path, "r");
		if (comm && fgets(name, sizeof(name), comm) &&
		    strcmp(name, "deliver-filer\n") == 0)
			found = pid;
		if (comm)
			(void)fclose(comm);
	}
	(void)fclose(f);
	return found;
}

/* Until the filer has each user's Maildir, and nobody but the filer may run. */
static void get_known(struct place *p)
{
	for (unsigned user = 0; user < USERS; user++)
		deliver(p, user);
	deliver(p, 0);
	assert_true(find_filer() > 0);
	p->conf.max_workers = 0;
	pool_configure(p->pool, &p->conf);
}

static void allow_workers(struct place *p)
{
	p->conf.max_workers = 10;
	pool_configure(p->pool, &p->conf);
}

/* Whole messages of his, and nothing in tmp/. */
static unsigned count(struct place *p, unsigned user)
{
	DIR *dir = opendir(at(p, user, "new"));
	struct dirent *e;
	unsigned n = 0;

	while (dir && (e = readdir(dir))) {
		struct stat st;

		if (e->d_name[0] == '.')
			continue;
		assert_int_equal(fstatat(dirfd(dir), e->d_name, &st, 0), 0);
		assert_int_equal(st.st_uid, FIRST_UID + user);
		assert_int_equal(st.st_gid, FIRST_UID + user);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(st.st_size,
		    strlen("Return-Path: <s@x>\n"
		           "Delivered-To: someone@example.com\n"
		           "Subject: x\n\nthe body\n"));
		n++;
	}
	if (dir)
		(void)closedir(dir);
	return n;
}

static void test_filed(void **state)
{
	struct place *p = *state;

	if (!can_run())
		skip();
	get_known(p);
	for (unsigned i = 0; i < 30; i++)
		submit(p, i % USERS);
	run(p);
	assert_int_equal(p->nsent, p->nitems);
	assert_int_equal(count(p, 0), 12);
	assert_int_equal(count(p, 1), 11);
	assert_int_equal(count(p, 2), 11);
}

/* What is not the user's mailbox, or is virtual, is for his worker. */
static void test_not_filed(void **state)
{
	static const uint32_t flags[] = { 0, WORK_OWN | WORK_VIRTUAL,
		WORK_OWN | WORK_VIRTUAL | WORK_QUOTA };
	struct place *p = *state;

	for (unsigned i = 0; i < ARRAY_LEN(flags); i++) {
		for (unsigned k = 0; k < 3; k++) {
			submit(p, 0);
			p->items[p->nitems - 1].work.flags = flags[i];
			run(p);
		}
	}
	assert_int_equal(find_filer(), 0);
}

/* A file that is to be looked into first. */
static void test_forward(void **state)
{
	struct place *p = *state;
	FILE *f;

	if (!can_run())
		skip();
	get_known(p);
	allow_workers(p);
	f = fopen(p->forwards[1], "w");
	assert_non_null(f);
	assert_true(fputs("elsewhere@x\n", f) > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(
	    chown(p->forwards[1], FIRST_UID + 1, FIRST_UID + 1), 0);
	deliver(p, 1);
	deliver(p, 0);
	assert_int_equal(p->nforwards, 1);
	assert_int_equal(p->nsent, p->nitems - 1);
	assert_int_equal(count(p, 1), 1);
}

/* Another one in its place is another one. */
static void test_replaced(void **state)
{
	struct place *p = *state;
	char aside[256];

	if (!can_run())
		skip();
	get_known(p);
	allow_workers(p);
	(void)snprintf(aside, sizeof(aside), "%s/aside", p->homes[1]);
	assert_int_equal(rename(p->maildirs[1], aside), 0);
	deliver(p, 1);
	assert_int_equal(p->nsent, p->nitems);
	assert_int_equal(count(p, 1), 1);
	/* tmp/ alone. */
	(void)snprintf(aside, sizeof(aside), "%s/aside2", p->homes[2]);
	assert_int_equal(rename(at(p, 2, "tmp"), aside), 0);
	deliver(p, 2);
	assert_int_equal(p->nsent, p->nitems);
	assert_int_equal(count(p, 2), 2);
}

/* A link to where the user may write, and the filer might. */
static void test_link(void **state)
{
	struct place *p = *state;

	if (!can_run())
		skip();
	get_known(p);
	allow_workers(p);
	assert_int_equal(chmod(p->homes[0], 0777), 0);
	assert_int_equal(chmod(p->maildirs[0], 0777), 0);
	assert_int_equal(chmod(at(p, 0, "new"), 0777), 0);
	assert_int_equal(chmod(at(p, 0, "tmp"), 0777), 0);
	assert_int_equal(
	    nftw(p->maildirs[1], remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(mkdir(p->maildirs[1], 0700), 0);
	assert_int_equal(
	    chown(p->maildirs[1], FIRST_UID + 1, FIRST_UID + 1), 0);
	assert_int_equal(symlink("../../u0/Maildir/tmp", at(p, 1, "tmp")), 0);
	assert_int_equal(symlink("../../u0/Maildir/new", at(p, 1, "new")), 0);
	deliver(p, 1);
	assert_int_equal(p->nsent, p->nitems - 1);
	assert_non_null(strstr(p->text, "create maildir file"));
	assert_int_equal(count(p, 0), 2);
}

static void test_killed(void **state)
{
	struct place *p = *state;

	if (!can_run())
		skip();
	get_known(p);
	allow_workers(p);
	for (unsigned i = 0; i < 150; i++) {
		submit(p, i % USERS);
		if (i % 50 == 20) {
			pid_t filer = find_filer();

			if (filer > 0)
				assert_int_equal(kill(filer, SIGKILL), 0);
		}
		assert_int_equal(loop_round(p->loop, 0), 0);
	}
	run(p);
	assert_int_equal(p->nsent, p->nitems);
	/* Some may be there twice. */
	for (unsigned user = 0; user < USERS; user++)
		assert_true(count(p, user) >= 51);
}

/* Behind the door; what it may not do is refused. */

static void expect(int line, int result, int want)
{
	int got = result < 0 ? errno : 0;

	if (got == want)
		return;
	(void)fprintf(stderr, "line %d: errno %d, not %d\n", line, got, want);
	_exit(1);
}

#define EXPECT(call, want) expect(__LINE__, (int)(call), want)

static void try_all(const struct place *p)
{
	const int make = O_WRONLY | O_CREAT | O_EXCL;
	char other[512];

	EXPECT(rights_take(FIRST_UID, FIRST_UID), 0);
	EXPECT(open(at(p, 0, "tmp/a"), make, 0600), 0);
	(void)snprintf(other, sizeof(other), "%s", at(p, 0, "new/a"));
	EXPECT(rename(at(p, 0, "tmp/a"), other), 0);
	EXPECT(open(other, O_RDONLY), EACCES);
	EXPECT(open(other, O_WRONLY), EACCES);
	EXPECT(truncate(other, 0), EACCES);
	EXPECT(rename(other, at(p, 0, "tmp/a")), EXDEV);
	EXPECT(rename(other, at(p, 0, "cur/a")), EACCES);
	EXPECT(open(at(p, 0, "cur/a"), make, 0600), EACCES);
	EXPECT(open(at(p, 0, "a"), make, 0600), EACCES);
	EXPECT(open(at(p, 0, "../a"), make, 0600), EACCES);
	EXPECT(mkdir(at(p, 0, "tmp/d"), 0700), EACCES);
	EXPECT(symlink("/", at(p, 0, "tmp/l")), EPERM);
	EXPECT(open(at(p, 0, "cur"), O_RDONLY | O_DIRECTORY), EACCES);
	EXPECT(unlink(other), 0);
	/* User 1 was not among the Maildirs, user 2 only with a link. */
	EXPECT(rights_take(FIRST_UID + 1, FIRST_UID + 1), 0);
	EXPECT(open(at(p, 1, "tmp/a"), make, 0600), EACCES);
	EXPECT(rights_take(FIRST_UID + 2, FIRST_UID + 2), 0);
	EXPECT(open(at(p, 2, "new/a"), make, 0600), EACCES);
	EXPECT(open("/etc/passwd", O_RDONLY), EACCES);
	EXPECT(rights_return(), 0);
	EXPECT(open(at(p, 0, "tmp/a"), make, 0600), EACCES);
	EXPECT(setresuid(FIRST_UID, FIRST_UID, FIRST_UID), EPERM);
	EXPECT(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	EXPECT(fork(), EPERM);
	EXPECT(execl("/bin/true", "true", NULL), EPERM);
}

static void test_enclosed(void **state)
{
	struct place *p = *state;
	struct work_maildir maildirs[] = {
		{ span_str(p->maildirs[0]), FIRST_UID, FIRST_UID },
		{ span_str(p->maildirs[1]), FIRST_UID, FIRST_UID },
		{ span_str(p->maildirs[2]), FIRST_UID + 2, FIRST_UID + 2 },
		{ SPAN("/no/such/place/"), FIRST_UID, FIRST_UID },
	};
	const struct work_setup s = {
		.nmaildirs = ARRAY_LEN(maildirs),
		.maildirs = maildirs,
	};
	char aside[256];
	int status;
	pid_t pid;

	if (!can_run())
		skip();
	for (unsigned user = 0; user < USERS; user++)
		deliver(p, user);
	(void)snprintf(aside, sizeof(aside), "%s/aside", p->homes[2]);
	assert_int_equal(rename(at(p, 2, "tmp"), aside), 0);
	assert_int_equal(symlink(aside, at(p, 2, "tmp")), 0);
	pid = fork();
	if (pid == 0) {
		EXPECT(filer_enclose(&s), 0);
		try_all(p);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* What the kernel says of the real one. */
static void test_capabilities(void **state)
{
	struct place *p = *state;
	char path[64];
	char line[256];
	uint64_t caps = 0;
	FILE *f;

	if (!can_run())
		skip();
	get_known(p);
	deliver(p, 1);
	(void)snprintf(
	    path, sizeof(path), "/proc/%d/status", (int)find_filer());
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "CapPrm: %jx", (uintmax_t *)&caps) == 1)
			break;
	(void)fclose(f);
	/* SETGID, SETUID */
	assert_int_equal(caps, 1 << 6 | 1 << 7);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(test_filed),
		CASE(test_not_filed),
		CASE(test_forward),
		CASE(test_replaced),
		CASE(test_link),
		CASE(test_killed),
		CASE(test_enclosed),
		CASE(test_capabilities),
	};
	enum work_kind kind;

	if (argc == 2 && worker_kind(argv[1], &kind))
		return worker_main(kind);
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
