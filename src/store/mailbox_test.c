/* SPDX-License-Identifier: ISC */
#include "store/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/lib/unit.h"

struct place {
	char path[64];
	struct mailbox_spec spec;
	struct mailbox_trouble trouble;
};

static int setup(void **state)
{
	struct place *p = NEW(struct place);

	(void)snprintf(p->path, sizeof(p->path), "/tmp/mailbox-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->spec = (struct mailbox_spec){
		.dir = open(p->path, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.path = p->path,
		.name = "ana",
		.owner = geteuid(),
		.locks = MAILBOX_DOTLOCK | MAILBOX_FCNTL,
		.maker = geteuid(),
		.other = SPAN("5.2.0"),
		.stale = 500 * USEC_SEC,
	};
	assert_true(p->spec.dir >= 0);
	buf_init(&p->trouble.reason, MAILBOX_REASON_MAX);
	buf_init(&p->trouble.warning, MAILBOX_REASON_MAX);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "ana", "ana.lock", "other" };
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)unlinkat(p->spec.dir, names[i], 0);
		(void)unlinkat(p->spec.dir, names[i], AT_REMOVEDIR);
	}
	(void)close(p->spec.dir);
	assert_int_equal(rmdir(p->path), 0);
	buf_done(&p->trouble.reason);
	buf_done(&p->trouble.warning);
	mem_free(p);
	return 0;
}

static void write_file(const struct place *p, const char *name, span text)
{
	int fd = openat(p->spec.dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.ptr, text.len), text.len);
	assert_int_equal(close(fd), 0);
}

static span read_file(const struct place *p, const char *name)
{
	static char text[4096];
	int fd = openat(p->spec.dir, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return SPAN("(no file)");
	n = read(fd, text, sizeof(text));
	assert_true(n >= 0);
	assert_int_equal(close(fd), 0);
	return span_of(text, (size_t)n);
}

static bool exists(const struct place *p, const char *name)
{
	return faccessat(p->spec.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void claim_and_lock(struct mailbox *m, struct place *p)
{
	mailbox_init(m);
	assert_int_equal(mailbox_claim(m, &p->spec, &p->trouble), MAILBOX_OK);
	assert_int_equal(mailbox_lock(m, &p->spec, &p->trouble), MAILBOX_OK);
}

static int append(struct mailbox *m, struct place *p, span text)
{
	mailbox_begin(m);
	mailbox_put(m, text);
	return mailbox_commit(m, &p->trouble);
}

static void leave(struct mailbox *m, struct place *p)
{
	mailbox_close(m);
	mailbox_release(m, &p->spec);
}

static void test_append(void **state)
{
	struct place *p = *state;
	struct mailbox m;
	struct stat st;

	claim_and_lock(&m, p);
	assert_true(exists(p, "ana.lock"));
	assert_int_equal(append(&m, p, SPAN("one\n")), MAILBOX_OK);
	assert_int_equal(append(&m, p, SPAN("two\n")), MAILBOX_OK);
	assert_int_equal(mailbox_sync(&m, &p->trouble), MAILBOX_OK);
	leave(&m, p);
	assert_false(exists(p, "ana.lock"));

	claim_and_lock(&m, p);
	assert_int_equal(append(&m, p, SPAN("three\n")), MAILBOX_OK);
	assert_int_equal(mailbox_sync(&m, &p->trouble), MAILBOX_OK);
	leave(&m, p);
	assert_span_equal(read_file(p, "ana"), SPAN("one\ntwo\nthree\n"));
	assert_int_equal(fstatat(p->spec.dir, "ana", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_rollback(void **state)
{
	struct place *p = *state;
	struct mailbox m;

	claim_and_lock(&m, p);
	assert_int_equal(append(&m, p, SPAN("one\n")), MAILBOX_OK);
	mailbox_begin(&m);
	mailbox_put(&m, SPAN("half of tw"));
	mailbox_rollback(&m);
	assert_int_equal(append(&m, p, SPAN("three\n")), MAILBOX_OK);
	assert_int_equal(mailbox_sync(&m, &p->trouble), MAILBOX_OK);
	leave(&m, p);
	assert_span_equal(read_file(p, "ana"), SPAN("one\nthree\n"));
}

static void test_undo(void **state)
{
	struct place *p = *state;
	struct mailbox m;

	claim_and_lock(&m, p);
	assert_int_equal(append(&m, p, SPAN("one\n")), MAILBOX_OK);
	assert_int_equal(mailbox_sync(&m, &p->trouble), MAILBOX_OK);
	mailbox_undo(&m);
	assert_int_equal(append(&m, p, SPAN("two\n")), MAILBOX_OK);
	assert_int_equal(append(&m, p, SPAN("three\n")), MAILBOX_OK);
	mailbox_undo(&m);
	assert_int_equal(append(&m, p, SPAN("four\n")), MAILBOX_OK);
	assert_int_equal(mailbox_sync(&m, &p->trouble), MAILBOX_OK);
	leave(&m, p);
	assert_span_equal(read_file(p, "ana"), SPAN("one\nfour\n"));
}

static void test_size_limit(void **state)
{
	struct place *p = *state;
	struct mailbox m;

	p->spec.size_max = 10;
	claim_and_lock(&m, p);
	assert_int_equal(append(&m, p, SPAN("12345\n")), MAILBOX_OK);
	assert_int_equal(append(&m, p, SPAN("12345\n")), MAILBOX_REFUSED);
	assert_span_equal(p->trouble.status, SPAN("5.2.2"));
	assert_span_equal(buf_span(&p->trouble.reason),
	    SPAN("error writing message: File too large"));
	assert_int_equal(append(&m, p, SPAN("123\n")), MAILBOX_OK);
	assert_int_equal(mailbox_sync(&m, &p->trouble), MAILBOX_OK);
	leave(&m, p);
	assert_span_equal(read_file(p, "ana"), SPAN("12345\n123\n"));
}

/* Locks of others */

static void expect_locked(struct place *p, span reason)
{
	struct mailbox m;
	int r;

	mailbox_init(&m);
	r = mailbox_claim(&m, &p->spec, &p->trouble);
	if (r == MAILBOX_OK) {
		r = mailbox_lock(&m, &p->spec, &p->trouble);
		leave(&m, p);
	}
	assert_int_equal(r, MAILBOX_LOCKED);
	assert_span_equal(p->trouble.status, SPAN("4.2.0"));
	if (reason.len > 0)
		assert_span_equal(buf_span(&p->trouble.reason), reason);
}

static void test_foreign_dotlock(void **state)
{
	struct place *p = *state;
	char reason[128];
	struct mailbox m;
	int n = snprintf(reason, sizeof(reason),
	    "unable to create lock file %s/ana.lock: File exists", p->path);

	write_file(p, "ana.lock", SPAN(""));
	expect_locked(p, span_of(reason, (size_t)n));
	assert_true(exists(p, "ana.lock"));

	/* Older than allowed: it is removed, the next attempt has it. */
	p->spec.stale = 0;
	expect_locked(p, span_of(reason, (size_t)n));
	claim_and_lock(&m, p);
	leave(&m, p);
	assert_false(exists(p, "ana.lock"));
}

static void test_kernel_locks(void **state)
{
	static const struct {
		unsigned style;
		bool flock;
	} cases[] = { { MAILBOX_FCNTL, false }, { MAILBOX_FLOCK, true } };
	struct place *p = *state;

	write_file(p, "ana", SPAN(""));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flock all = { .l_type = F_WRLCK };
		int fd = openat(p->spec.dir, "ana", O_RDWR);
		int status;
		pid_t pid;

		p->spec.locks = cases[i].style;
		assert_int_equal(cases[i].flock ? flock(fd, LOCK_EX) : 0, 0);
		assert_int_equal(
		    cases[i].flock ? 0 : fcntl(fd, F_SETLK, &all), 0);
		/* A record lock does not hold against its own process. */
		pid = fork();
		if (pid == 0) {
			expect_locked(p,
			    SPAN("unable to lock for exclusive access: "
			         "Resource temporarily unavailable"));
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(close(fd), 0);
	}
}

/* A process that is killed with a message half written */
static void killed_writer(struct place *p, span whole, span half)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct mailbox m;

		claim_and_lock(&m, p);
		assert_int_equal(append(&m, p, whole), MAILBOX_OK);
		mailbox_begin(&m);
		mailbox_put(&m, half);
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void test_killed_writer(void **state)
{
	struct place *p = *state;
	struct mailbox m;

	write_file(p, "ana", SPAN("safe\n"));
	killed_writer(p, SPAN("whole\n"), SPAN("ha"));
	assert_span_equal(read_file(p, "ana"), SPAN("safe\nwhole\nha"));
	assert_true(exists(p, "ana.lock"));

	/* At once, though the lock is new: and all that was not promised
	 * goes, for it will be delivered again. */
	claim_and_lock(&m, p);
	assert_span_equal(read_file(p, "ana"), SPAN("safe\n"));
	assert_int_equal(append(&m, p, SPAN("again\n")), MAILBOX_OK);
	assert_int_equal(mailbox_sync(&m, &p->trouble), MAILBOX_OK);
	leave(&m, p);
	assert_span_equal(read_file(p, "ana"), SPAN("safe\nagain\n"));
	assert_false(exists(p, "ana.lock"));
}

static void test_killed_writer_of_a_replaced_file(void **state)
{
	struct place *p = *state;
	struct mailbox m;

	write_file(p, "ana", SPAN("safe\n"));
	killed_writer(p, SPAN("whole\n"), SPAN("ha"));
	/* "other" exists before "ana" goes, so its inode is another one. */
	write_file(p, "other", SPAN("a rather different mailbox\n"));
	assert_int_equal(renameat(p->spec.dir, "other", p->spec.dir, "ana"), 0);
	claim_and_lock(&m, p);
	leave(&m, p);
	assert_span_equal(
	    read_file(p, "ana"), SPAN("a rather different mailbox\n"));
}

static void test_living_holder(void **state)
{
	struct place *p = *state;
	struct mailbox m;

	claim_and_lock(&m, p);
	expect_locked(p, SPAN_NONE);
	leave(&m, p);
}

/* A file named like our lock that asks to cut the mailbox */
static void test_planted_note(void **state)
{
	struct place *p = *state;
	char note[96];
	struct stat st;
	int n;

	write_file(p, "ana", SPAN("precious\n"));
	assert_int_equal(fstatat(p->spec.dir, "ana", &st, 0), 0);
	n = snprintf(note, sizeof(note), "chasqui %020ju %020ju\n",
	    (uintmax_t)st.st_ino, (uintmax_t)0);
	write_file(p, "other", span_of(note, (size_t)n));
	assert_int_equal(
	    linkat(p->spec.dir, "other", p->spec.dir, "ana.lock", 0), 0);
	expect_locked(p, SPAN_NONE);
	assert_int_equal(unlinkat(p->spec.dir, "ana.lock", 0), 0);
	assert_int_equal(symlinkat("other", p->spec.dir, "ana.lock"), 0);
	expect_locked(p, SPAN_NONE);
	assert_span_equal(read_file(p, "ana"), SPAN("precious\n"));

	if (geteuid() == 0) {
		assert_int_equal(unlinkat(p->spec.dir, "ana.lock", 0), 0);
		assert_int_equal(
		    renameat(p->spec.dir, "other", p->spec.dir, "ana.lock"), 0);
		assert_int_equal(
		    fchownat(p->spec.dir, "ana.lock", 12345, 12345, 0), 0);
		expect_locked(p, SPAN_NONE);
		assert_span_equal(read_file(p, "ana"), SPAN("precious\n"));
	}
}

/* What others may put in the mailbox's place */

static void expect_refused(struct place *p, span status, const char *reason)
{
	struct mailbox m;
	int r;

	mailbox_init(&m);
	r = mailbox_claim(&m, &p->spec, &p->trouble);
	if (r == MAILBOX_OK) {
		r = mailbox_lock(&m, &p->spec, &p->trouble);
		leave(&m, p);
	}
	assert_int_equal(r, MAILBOX_REFUSED);
	assert_span_equal(buf_span(&p->trouble.reason), span_str(reason));
	assert_span_equal(p->trouble.status, status);
	assert_false(exists(p, "ana.lock"));
}

static void test_links(void **state)
{
	struct place *p = *state;

	assert_int_equal(chmod(p->path, 01777), 0);
	write_file(p, "other", SPAN("not yours\n"));
	assert_int_equal(
	    linkat(p->spec.dir, "other", p->spec.dir, "ana", 0), 0);
	expect_refused(p, SPAN("5.2.0"), "file has 2 hard links");
	assert_int_equal(unlinkat(p->spec.dir, "ana", 0), 0);

	assert_int_equal(symlinkat("other", p->spec.dir, "ana"), 0);
	expect_refused(p, SPAN("5.2.0"), "file is a symbolic link");
	assert_int_equal(unlinkat(p->spec.dir, "ana", 0), 0);

	assert_int_equal(symlinkat("nowhere", p->spec.dir, "ana"), 0);
	expect_refused(
	    p, SPAN("5.2.0"), "cannot open file: No such file or directory");
	assert_false(exists(p, "nowhere"));
	assert_span_equal(read_file(p, "other"), SPAN("not yours\n"));
}

/* As Postfix: what only root can have put there is meant. Needs root. */
static void test_link_of_root(void **state)
{
	struct place *p = *state;
	struct mailbox m;

	if (geteuid() != 0)
		skip();
	write_file(p, "other", SPAN("before\n"));
	assert_int_equal(symlinkat("other", p->spec.dir, "ana"), 0);
	claim_and_lock(&m, p);
	assert_int_equal(append(&m, p, SPAN("one\n")), MAILBOX_OK);
	assert_int_equal(mailbox_sync(&m, &p->trouble), MAILBOX_OK);
	leave(&m, p);
	assert_span_equal(read_file(p, "other"), SPAN("before\none\n"));

	assert_int_equal(chmod(p->path, 0775), 0);
	expect_refused(p, SPAN("5.2.0"), "file is a symbolic link");
	assert_int_equal(chmod(p->path, 0755), 0);
	assert_int_equal(
	    fchownat(p->spec.dir, "ana", 12345, 12345, AT_SYMLINK_NOFOLLOW), 0);
	expect_refused(p, SPAN("5.2.0"), "file is a symbolic link");
	assert_span_equal(read_file(p, "other"), SPAN("before\none\n"));
}

/* /file of an alias */
static void test_any_file(void **state)
{
	struct place *p = *state;
	struct mailbox m;
	int pair[2];

	p->spec.rules = MAILBOX_ANY_FILE;
	/* Anybody's, and no mailbox. */
	write_file(p, "ana", SPAN("before\n"));
	p->spec.owner = 12345;
	claim_and_lock(&m, p);
	assert_int_equal(append(&m, p, SPAN("one\n")), MAILBOX_OK);
	leave(&m, p);
	assert_span_equal(read_file(p, "ana"), SPAN("before\none\n"));
	assert_int_equal(fchmodat(p->spec.dir, "ana", 0610, 0), 0);
	expect_refused(p, SPAN("5.7.1"), "file is executable");

	/* What cannot be cut is not. */
	assert_int_equal(unlinkat(p->spec.dir, "ana", 0), 0);
	assert_int_equal(mkfifoat(p->spec.dir, "ana", 0600), 0);
	pair[0] = openat(p->spec.dir, "ana", O_RDONLY | O_NONBLOCK);
	assert_true(pair[0] >= 0);
	claim_and_lock(&m, p);
	assert_false(exists(p, "ana.lock"));
	mailbox_begin(&m);
	mailbox_put(&m, SPAN("half"));
	mailbox_rollback(&m);
	assert_int_equal(append(&m, p, SPAN(" and all\n")), MAILBOX_OK);
	assert_int_equal(mailbox_sync(&m, &p->trouble), MAILBOX_OK);
	leave(&m, p);
	{
		char text[32];

		assert_int_equal(read(pair[0], text, sizeof(text)), 13);
		assert_memory_equal(text, "half and all\n", 13);
	}
	assert_int_equal(close(pair[0]), 0);
}

/* Where there cannot be a lock file, there is none. */
static void test_lock_that_may_fail(void **state)
{
	struct place *p = *state;
	struct mailbox m;
	char text[256];
	int dir = p->spec.dir;

	p->spec.rules = MAILBOX_ANY_FILE;
	p->spec.dir = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->spec.path = "/proc/self";
	p->spec.name = "comm";
	mailbox_init(&m);
	assert_int_equal(mailbox_claim(&m, &p->spec, &p->trouble), MAILBOX_OK);
	(void)snprintf(text, sizeof(text),
	    "unable to create lock file /proc/self/comm.lock: %s",
	    "No such file or directory");
	assert_span_equal(buf_span(&p->trouble.warning), span_str(text));
	mailbox_close(&m);
	p->spec.rules = 0;
	assert_int_equal(
	    mailbox_claim(&m, &p->spec, &p->trouble), MAILBOX_REFUSED);
	assert_span_equal(buf_span(&p->trouble.reason), span_str(text));
	(void)close(p->spec.dir);
	p->spec.dir = dir;
}

static void test_strange_files(void **state)
{
	struct place *p = *state;
	char reason[128];

	assert_int_equal(mkdirat(p->spec.dir, "ana", 0700), 0);
	expect_refused(p, SPAN("5.2.0"), "cannot open file: Is a directory");
	assert_int_equal(unlinkat(p->spec.dir, "ana", AT_REMOVEDIR), 0);

	assert_int_equal(mkfifoat(p->spec.dir, "ana", 0600), 0);
	expect_refused(
	    p, SPAN("5.2.0"), "cannot open file: No such device or address");
	assert_int_equal(unlinkat(p->spec.dir, "ana", 0), 0);

	if (mknodat(p->spec.dir, "ana", S_IFCHR | 0600, 1 << 8 | 3) == 0) {
		(void)snprintf(reason, sizeof(reason),
		    "destination %s/ana is not a regular file", p->path);
		expect_refused(p, SPAN("5.2.0"), reason);
	}
}

static void test_foreign_owner(void **state)
{
	struct place *p = *state;
	struct mailbox m;
	char reason[128];

	write_file(p, "ana", SPAN(""));
	p->spec.owner = geteuid() + 1;
	(void)snprintf(reason, sizeof(reason),
	    "destination %s/ana is not owned by recipient", p->path);
	expect_refused(p, SPAN("4.2.0"), reason);
	assert_true(p->trouble.foreign);
	p->spec.rules |= MAILBOX_ANY_OWNER;
	claim_and_lock(&m, p);
	leave(&m, p);
}

static void test_no_directory(void **state)
{
	struct place *p = *state;
	char reason[128];

	(void)snprintf(reason, sizeof(reason),
	    "unable to create lock file %s/ana.lock: "
	    "No such file or directory",
	    p->path);
	assert_int_equal(rmdir(p->path), 0);
	expect_refused(p, SPAN("5.2.0"), reason);
	assert_int_equal(mkdir(p->path, 0700), 0);
}

/*
 * Faults: the n-th call fails, or writes less than asked and then fails.
 * Whatever happens, the mailbox holds whole messages only, in order, and all
 * those that were reported as safe.
 */
static struct {
	unsigned calls;
	unsigned fail_at;
	int error;
	size_t partial; /* a failing write writes so much first */
	bool forever;
	bool only_space; /* the disk works, but has no room */
} fault;

static bool fault_strikes(void)
{
	fault.calls++;
	return fault.calls == fault.fail_at ||
	    (fault.forever && fault.calls > fault.fail_at);
}

static ssize_t fault_write(int fd, const void *bytes, size_t n)
{
	if (!fault_strikes())
		return write(fd, bytes, n);
	if (fault.partial > 0) {
		size_t part = MIN(fault.partial, n);

		fault.partial = 0;
		fault.fail_at = fault.calls + 1;
		return write(fd, bytes, part);
	}
	errno = fault.error;
	return -1;
}

static int fault_fsync(int fd)
{
	if (fault.only_space || !fault_strikes())
		return fsync(fd);
	errno = fault.error;
	return -1;
}

static int fault_ftruncate(int fd, off_t size)
{
	if (!fault_strikes())
		return ftruncate(fd, size);
	errno = fault.error;
	return -1;
}

static const struct mailbox_ops fault_ops = {
	.write = fault_write,
	.fsync = fault_fsync,
	.ftruncate = fault_ftruncate,
};

static const span messages[] = {
	SPAN_INIT("From a\n\nfirst message\n\n"),
	SPAN_INIT("From b\n\nsecond message, a longer one\n\n"),
	SPAN_INIT("From c\n\nthird\n\n"),
};

/* Deliver all; bit i of the result: message i was reported as delivered. */
static unsigned deliver_all(struct place *p)
{
	struct mailbox m;
	unsigned done = 0;

	mailbox_init(&m);
	assert_int_equal(mailbox_claim(&m, &p->spec, &p->trouble), MAILBOX_OK);
	if (mailbox_lock(&m, &p->spec, &p->trouble) == MAILBOX_OK) {
		for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
			mailbox_begin(&m);
			mailbox_put(&m, span_first(messages[i], 8));
			mailbox_put(&m, span_from(messages[i], 8));
			if (mailbox_commit(&m, &p->trouble) == MAILBOX_OK)
				done |= 1u << i;
		}
		if (mailbox_sync(&m, &p->trouble) != MAILBOX_OK)
			done = 0;
	}
	mailbox_close(&m);
	mailbox_release(&m, &p->spec);
	return done;
}

static void expect_messages(struct place *p, unsigned done)
{
	CLEANUP(buf_done) struct buf want = BUF_INIT(4096);

	buf_put(&want, SPAN("before\n"));
	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		if (done & 1u << i)
			buf_put(&want, messages[i]);
	assert_span_equal(read_file(p, "ana"), buf_span(&want));
}

static void one_fault(struct place *p, unsigned at, size_t partial)
{
	struct mailbox m;
	unsigned done;

	write_file(p, "ana", SPAN("before\n"));
	fault.calls = 0;
	fault.fail_at = at;
	fault.partial = partial;
	p->spec.ops = &fault_ops;
	done = deliver_all(p);
	p->spec.ops = NULL;
	/* Where even cutting back failed, the lock stayed, and the next one
	 * to come repairs it. */
	if (exists(p, "ana.lock")) {
		assert_true(fault.forever);
		assert_int_equal(done, 0);
		claim_and_lock(&m, p);
		leave(&m, p);
	}
	expect_messages(p, done);
	assert_true(done == 7 || fault.calls >= at);
}

static void test_faults(void **state)
{
	static const int errors[] = { ENOSPC, EDQUOT, EIO };
	struct place *p = *state;

	for (size_t e = 0; e < ARRAY_LEN(errors); e++) {
		fault.error = errors[e];
		for (unsigned at = 1; at < 20; at++) {
			for (size_t partial = 0; partial < 12; partial += 5) {
				fault.forever = false;
				one_fault(p, at, partial);
				fault.forever = true;
				one_fault(p, at, partial);
				fault.only_space = true;
				one_fault(p, at, partial);
				fault.only_space = false;
			}
		}
	}
}

static void test_full_disk_is_told(void **state)
{
	struct place *p = *state;

	fault.error = ENOSPC;
	fault.forever = false;
	one_fault(p, 5, 3);
	assert_span_equal(p->trouble.status, SPAN("4.3.0"));
	assert_span_equal(buf_span(&p->trouble.reason),
	    SPAN("error writing message: No space left on device"));
	fault.error = EDQUOT;
	one_fault(p, 5, 0);
	assert_span_equal(p->trouble.status, SPAN("5.2.2"));
	assert_span_equal(buf_span(&p->trouble.reason),
	    SPAN("error writing message: Disk quota exceeded"));
}

static void test_lock_names(void **state)
{
	unsigned locks = 0;

	(void)state;
	assert_true(mailbox_locks_parse(SPAN("fcntl, dotlock"), &locks));
	assert_int_equal(locks, MAILBOX_FCNTL | MAILBOX_DOTLOCK);
	assert_true(mailbox_locks_parse(SPAN(" FLOCK "), &locks));
	assert_int_equal(locks, MAILBOX_FLOCK);
	assert_false(mailbox_locks_parse(SPAN("fcntl maillock"), &locks));
	assert_false(mailbox_locks_parse(SPAN(" , "), &locks));
	assert_int_equal(locks, MAILBOX_FLOCK);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_append),
		CASE(test_rollback),
		CASE(test_undo),
		CASE(test_size_limit),
		CASE(test_foreign_dotlock),
		CASE(test_kernel_locks),
		CASE(test_killed_writer),
		CASE(test_killed_writer_of_a_replaced_file),
		CASE(test_living_holder),
		CASE(test_planted_note),
		CASE(test_links),
		CASE(test_link_of_root),
		CASE(test_any_file),
		CASE(test_lock_that_may_fail),
		CASE(test_strange_files),
		CASE(test_foreign_owner),
		CASE(test_no_directory),
		CASE(test_faults),
		CASE(test_full_disk_is_told),
		cmocka_unit_test(test_lock_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
