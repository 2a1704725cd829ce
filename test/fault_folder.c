/* SPDX-License-Identifier: ISC */
/*
 * Committing an mbox while everything goes wrong: each call that changes
 * something on the disk is, in turn,
 *
 *	the last one of a process that is killed in the middle of it,
 *	the last one before the power fails: what was not flushed is there or
 *	not, sector by sector and name by name,
 *	or fails.
 *
 * Mail may be delivered before somebody looks at the mailbox again. Then the
 * old or the new mailbox must be there, and that mail behind it.
 */
#include "test/lib/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/file.h"
#include "store/folder_internal.h"

enum { SECTOR = 512, CONTENT_MAX = 8 << 20 };

enum fault { FAULT_KILL, FAULT_POWER, FAULT_ERROR };

#define FROM "From ana@x Wed Feb 19 05:10:35 2020\n"
#define MAIL FROM "Subject: came later\n\nlater\n\n"

/* What is not on the disk yet, the latest last */

enum kind { WRITTEN, CUT, CREATED, REMOVED, RENAMED };

struct change {
	enum kind kind;
	int fd; /* of the file, or the directory: our own */
	ino_t inode;
	off_t at;
	off_t size;   /* of the file before */
	size_t n;     /* bytes that were there before */
	char *before; /* ... these */
	char name[64];
	char from[64]; /* RENAMED: where from; elsewhere the backup's name */
};

static struct {
	unsigned calls;
	unsigned nth; /* 0: none */
	enum fault fault;
	unsigned seed;
	struct change list[4096];
	size_t count;
	unsigned backups;
	bool at_home;
} world;

static bool chance(void)
{
	world.seed = world.seed * 1103515245 + 12345;
	return world.seed >> 16 & 1;
}

static ino_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static struct change *add(enum kind kind, int fd)
{
	struct change *c = &world.list[world.count++];

	if (world.count > ARRAY_LEN(world.list))
		bug("too many changes");
	*c = (struct change){
		.kind = kind, .fd = dup(fd), .inode = inode_of(fd)
	};
	return c;
}

static struct change *add_name(enum kind kind, int dir, const char *name)
{
	struct change *c = add(kind, dir);

	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
}

/* Sectors at random come back as they were. */
static void undo_write(const struct change *c)
{
	struct stat st;

	for (size_t i = 0; i < c->n; i += SECTOR)
		if (chance())
			(void)!pwrite(c->fd, c->before + i,
			    MIN(c->n - i, (size_t)SECTOR), c->at + (off_t)i);
	if (fstat(c->fd, &st) == 0 && st.st_size > c->size && chance())
		(void)!ftruncate(c->fd, c->size);
}

static void undo_cut(const struct change *c)
{
	if (chance())
		(void)!pwrite(c->fd, c->before, c->n, c->at);
}

static void undo_name(const struct change *c)
{
	if (!chance())
		return;
	if (c->kind == CREATED)
		(void)unlinkat(c->fd, c->name, 0);
	else if (c->kind == REMOVED)
		(void)renameat(c->fd, c->from, c->fd, c->name);
	else if (renameat(c->fd, c->name, c->fd, c->from) == 0)
		(void)renameat(c->fd, ".was", c->fd, c->name);
}

static void lose_power(void)
{
	while (world.count > 0) {
		const struct change *c = &world.list[--world.count];

		if (c->kind == WRITTEN)
			undo_write(c);
		else if (c->kind == CUT)
			undo_cut(c);
		else
			undo_name(c);
	}
}

static void end_of_the_world(void)
{
	if (world.fault == FAULT_POWER)
		lose_power();
	_exit(9);
}

/* True: this is the call. */
static bool strikes(void)
{
	return ++world.calls == world.nth;
}

static int broken(void)
{
	errno = world.calls % 2 ? EIO : ENOSPC;
	return -1;
}

/* The operations */

static char *read_before(int fd, size_t n, off_t at, size_t *ret_n)
{
	char *before = mem_new(n + 1, 1);
	ssize_t got = pread(fd, before, n, at);

	*ret_n = got > 0 ? (size_t)got : 0;
	return before;
}

static void note_write(int fd, size_t n, off_t at)
{
	struct change *c = add(WRITTEN, fd);
	struct stat st;

	(void)!fstat(fd, &st);
	c->size = st.st_size;
	c->at = at;
	c->before = read_before(fd, n, at, &c->n);
}

/* The kernel looks for signals at the end of a page, a disk writes sectors. */
static size_t half_of(size_t n, off_t at)
{
	off_t end = (at + (off_t)(n / 2)) / SECTOR * SECTOR;

	return end > at ? (size_t)(end - at) : 0;
}

static ssize_t fault_write(int fd, const void *bytes, size_t n, off_t at)
{
	bool now = strikes();

	note_write(fd, n, at);
	if (now) {
		ssize_t half = pwrite(fd, bytes, half_of(n, at), at);

		if (world.fault != FAULT_ERROR)
			end_of_the_world();
		return half > 0 && world.calls % 3 == 0 ? half : broken();
	}
	return pwrite(fd, bytes, n, at);
}

static int fault_ftruncate(int fd, off_t size)
{
	struct change *c = add(CUT, fd);
	bool now = strikes();
	struct stat st;

	(void)!fstat(fd, &st);
	c->at = size;
	c->before = read_before(fd,
	    st.st_size > size ? (size_t)(st.st_size - size) : 0, size, &c->n);
	if (now && world.fault == FAULT_ERROR)
		return broken();
	if (now && chance())
		end_of_the_world();
	if (ftruncate(fd, size) < 0)
		return -1;
	if (now)
		end_of_the_world();
	return 0;
}

static int fault_create(int dir, const char *name)
{
	bool now;

	if (world.at_home && strncmp(name, ".m.", 3) == 0) {
		errno = EACCES;
		return -1;
	}
	now = strikes();
	if (now && world.fault == FAULT_ERROR)
		return broken();
	(void)add_name(CREATED, dir, name);
	if (now)
		end_of_the_world();
	return folder_system_ops.create(dir, name);
}

static int fault_unlink(int dir, const char *name)
{
	struct change *c;
	bool now = strikes();

	if (now && world.fault == FAULT_ERROR)
		return broken();
	c = add_name(REMOVED, dir, name);
	(void)snprintf(c->from, sizeof(c->from), ".backup%u", world.backups++);
	if (renameat(dir, name, dir, c->from) < 0) {
		world.count--;
		return -1;
	}
	if (now)
		end_of_the_world();
	return 0;
}

static int fault_rename(int dir, const char *from, const char *to)
{
	struct change *c;
	bool now = strikes();

	if (now && world.fault == FAULT_ERROR)
		return broken();
	if (now && chance())
		end_of_the_world();
	c = add_name(RENAMED, dir, to);
	(void)snprintf(c->from, sizeof(c->from), "%s", from);
	(void)unlinkat(dir, ".was", 0);
	(void)!linkat(dir, to, dir, ".was", 0);
	if (renameat(dir, from, dir, to) < 0)
		return -1;
	if (now)
		end_of_the_world();
	return 0;
}

/* Now it is on the disk. */
static int fault_fsync(int fd)
{
	bool now = strikes();
	ino_t inode = inode_of(fd);
	size_t kept = 0;

	if (now && world.fault == FAULT_ERROR)
		return broken();
	if (now)
		end_of_the_world();
	for (size_t i = 0; i < world.count; i++)
		if (world.list[i].inode != inode)
			world.list[kept++] = world.list[i];
	world.count = kept;
	return 0;
}

static const struct folder_ops fault_ops = {
	.create = fault_create,
	.write = fault_write,
	.fsync = fault_fsync,
	.ftruncate = fault_ftruncate,
	.rename = fault_rename,
	.unlink = fault_unlink,
};

/* Mailboxes */

static void put_message(struct buf *out, unsigned i, size_t size)
{
	buf_printf(out, FROM "Subject: %u\n\n", i);
	for (size_t n = 0; n < size; n += 40)
		buf_printf(out, "%07u %030zu\n", i, n);
	buf_putc(out, '\n');
}

static void write_file(const char *name, span content)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, content), 0);
	assert_int_equal(close(fd), 0);
}

static void read_file(const char *name, struct buf *out)
{
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(file_read_all(fd, out), 0);
	assert_int_equal(close(fd), 0);
}

struct scene {
	const char *name;
	size_t first;     /* size of the message in front */
	bool at_home;     /* no journal can be made beside it */
	bool linked;      /* a second name: no new file can replace it */
	uint8_t set[3];   /* flags */
	const char *tail; /* behind the messages */
};

static const struct scene scenes[] = {
	{ "replaced", 2000, false, false, { 0, FOLDER_SEEN, FOLDER_DELETED },
	    "" },
	{ "grows", 2000, false, true, { 0, FOLDER_SEEN, FOLDER_OLD }, "" },
	{ "shrinks", 700, false, true, { 0, FOLDER_DELETED, FOLDER_SEEN }, "" },
	{ "moves much", 3000, false, true,
	    { FOLDER_SEEN, FOLDER_SEEN, FOLDER_FLAGGED }, "" },
	{ "cut", 700, false, true, { 0, 0, FOLDER_DELETED }, "" },
	{ "all go", 700, false, true,
	    { FOLDER_DELETED, FOLDER_DELETED, FOLDER_DELETED }, "" },
	{ "same length", 700, false, true, { 0, 0, FOLDER_SEEN | FOLDER_OLD },
	    "" },
	{ "at home", 2000, true, true, { 0, FOLDER_SEEN, FOLDER_DELETED }, "" },
	{ "great, change at the end", 1 << 20, false, false,
	    { 0, FOLDER_DELETED, FOLDER_SEEN }, "" },
};

static void build(const struct scene *s, struct buf *out)
{
	put_message(out, 0, s->first);
	put_message(out, 1, 9000);
	put_message(out, 2, 1500);
	buf_put(out, span_str(s->tail));
}

static int commit(const struct scene *s, const struct folder_ops *ops)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_spec spec = { .path = "m", .home = "home", .ops = ops };
	struct folder_commit c = { .mark_old = false };
	struct folder *f = NULL;
	int r = folder_open(&f, &spec, &t);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(s->set); i++)
		folder_set(f, i, s->set[i]);
	if (r == 0)
		r = folder_commit(f, &c, &t);
	if (r < 0)
		assert_true(t.text.len > 0);
	folder_close(&f);
	buf_done(&t.text);
	return r;
}

static void empty_home(void)
{
	DIR *dir = opendir("home");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_type == DT_REG)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
}

static void remove_traces(void)
{
	static const char *const names[] = { "m", "m2", "m.lock", ".m.new",
		".m.journal", ".m.journal.saved", ".was" };
	char name[32];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)unlink(names[i]);
	for (unsigned i = 0; i < 16; i++) {
		(void)snprintf(name, sizeof(name), ".backup%u", i);
		(void)unlink(name);
	}
	empty_home();
}

static void set_scene(const struct scene *s, span content)
{
	remove_traces();
	write_file("m", content);
	if (s->linked)
		assert_int_equal(link("m", "m2"), 0);
}

/* 0: it ended by itself, with this result of the commit. */
static int run_child(const struct scene *s, unsigned nth, enum fault fault,
    unsigned seed, bool *ret_died)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		world.nth = nth;
		world.fault = fault;
		world.seed = seed;
		world.at_home = s->at_home;
		status = commit(s, &fault_ops);
		_exit(world.calls < nth ? 0 : status < 0 ? 2 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	*ret_died = WEXITSTATUS(status) == 9;
	return WEXITSTATUS(status);
}

static void deliver(void)
{
	int fd = open("m", O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, SPAN(MAIL)), 0);
	assert_int_equal(close(fd), 0);
}

/* What one finds who opens it next. */
static void look(struct buf *out)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_spec spec = { .path = "m", .home = "home" };
	struct folder *f = NULL;

	assert_int_equal(folder_open(&f, &spec, &t), 0);
	folder_close(&f);
	buf_done(&t.text);
	read_file("m", out);
}

/* All messages, as a reader gets them. */
static void read_messages(struct buf *out)
{
	struct folder_trouble t = { .text = BUF_INIT(4096) };
	struct folder_spec spec = {
		.path = "m", .home = "home", .read_only = true
	};
	struct folder *f = NULL;

	assert_int_equal(folder_open(&f, &spec, &t), 0);
	for (size_t i = 0; i < folder_count(f); i++) {
		const struct folder_message *m = folder_get(f, i);

		buf_printf(out, "%llu %llu %u ", (unsigned long long)m->size,
		    (unsigned long long)m->lines, (unsigned)m->flags);
		assert_int_equal(folder_from_line(f, i, out), 0);
		assert_int_equal(folder_content(f, i, out), 0);
	}
	assert_false(folder_has_news(f));
	folder_close(&f);
	buf_done(&t.text);
}

/* Who may not write sees what others will find, and changes nothing. */
static void look_only(struct buf *out)
{
	CLEANUP(buf_done) struct buf before = BUF_INIT(CONTENT_MAX);
	CLEANUP(buf_done) struct buf after = BUF_INIT(CONTENT_MAX);
	int journal = access(".m.journal", F_OK);

	read_file("m", &before);
	read_messages(out);
	read_file("m", &after);
	assert_span_equal(buf_span(&before), buf_span(&after));
	assert_int_equal(access(".m.journal", F_OK), journal);
}

/* Newlines that mail stands behind may stay. */
static bool is_padded(span got, span want)
{
	if (!span_has_prefix(got, want))
		return false;
	for (size_t i = want.len; i < got.len; i++)
		if (got.ptr[i] != '\n')
			return false;
	return true;
}

static bool is_either(span got, span old, span new, bool with_mail)
{
	if (!with_mail)
		return span_eq(got, old) || span_eq(got, new);
	if (!span_has_suffix_nocase(got, SPAN(MAIL)))
		return false;
	got.len -= sizeof(MAIL) - 1;
	return is_padded(got, old) || is_padded(got, new);
}

/* Backups of a world that ended are what the test itself left. */
static void expect_empty_home(void)
{
	DIR *dir = opendir("home");
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, "journal"))
			fail_msg("%s is left", entry->d_name);
	(void)closedir(dir);
}

/* One fault, in one scene. */
struct trial {
	const struct scene *scene;
	enum fault fault;
	bool with_mail;
	unsigned nth;
	unsigned seed;
	struct buf old;
	struct buf new;
};

static void check(const struct trial *t)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT(CONTENT_MAX);
	CLEANUP(buf_done) struct buf seen = BUF_INIT(CONTENT_MAX);
	CLEANUP(buf_done) struct buf repaired = BUF_INIT(CONTENT_MAX);

	if (t->with_mail)
		deliver();
	look_only(&seen);
	look(&got);
	read_messages(&repaired);
	assert_span_equal(buf_span(&seen), buf_span(&repaired));
	/* Nothing was strange, and nothing is left. */
	assert_int_equal(access(".m.journal.saved", F_OK), -1);
	assert_int_equal(access(".m.journal", F_OK), -1);
	if (t->scene->at_home && t->fault == FAULT_KILL)
		expect_empty_home();
	if (is_either(buf_span(&got), buf_span(&t->old), buf_span(&t->new),
	        t->with_mail))
		return;
	fail_msg("%s: fault %d in call %u%s: neither old nor new",
	    t->scene->name, (int)t->fault, t->nth,
	    t->with_mail ? ", then mail" : "");
}

/* False: there are not so many calls. */
static bool try_one(struct trial *t)
{
	bool died;
	int r;

	set_scene(t->scene, buf_span(&t->old));
	r = run_child(
	    t->scene, t->nth, t->fault, t->seed + t->nth * 7919, &died);
	assert_int_equal(died, t->fault != FAULT_ERROR && r != 0);
	check(t);
	return r != 0;
}

static void try_all(struct trial *t)
{
	buf_init(&t->old, CONTENT_MAX);
	buf_init(&t->new, CONTENT_MAX);
	build(t->scene, &t->old);
	set_scene(t->scene, buf_span(&t->old));
	assert_int_equal(commit(t->scene, NULL), 0);
	read_file("m", &t->new);
	assert_false(span_eq(buf_span(&t->old), buf_span(&t->new)));
	for (t->nth = 1; try_one(t); t->nth++)
		assert_true(t->nth < 1000);
	remove_traces();
	buf_done(&t->old);
	buf_done(&t->new);
}

static void try_scenes(enum fault fault, unsigned rounds)
{
	for (size_t i = 0; i < ARRAY_LEN(scenes); i++) {
		for (unsigned k = 0; k < rounds; k++) {
			struct trial t = {
				.scene = &scenes[i],
				.fault = fault,
				.with_mail = k % 2,
				.seed = k,
			};

			try_all(&t);
		}
	}
}

static void test_kill(void **state)
{
	(void)state;
	try_scenes(FAULT_KILL, 2);
}

static void test_power(void **state)
{
	(void)state;
	try_scenes(FAULT_POWER, 8);
}

static void test_error(void **state)
{
	(void)state;
	try_scenes(FAULT_ERROR, 2);
}

/* In memory, if that is there: it is quicker. */
static char in_memory[] = "/dev/shm/fault_folder.XXXXXX";
static char on_disk[] = "/tmp/fault_folder.XXXXXX";
static const char *scratch;

static int enter_scratch(void **state)
{
	(void)state;
	scratch = mkdtemp(in_memory);
	if (!scratch)
		scratch = mkdtemp(on_disk);
	return scratch && chdir(scratch) == 0 ? mkdir("home", 0700) : -1;
}

static int leave_scratch(void **state)
{
	(void)state;
	(void)rmdir("home");
	(void)!chdir("/");
	return rmdir(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_power),
		cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
