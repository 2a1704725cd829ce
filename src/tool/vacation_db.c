/* SPDX-License-Identifier: ISC */
/*
 * tool/vacation_db.c - who had an answer, and when.
 *
 * The file is what sendmail's vacation keeps: a Berkeley DB hash whose keys
 * are addresses and whose values are a time_t of this machine. It is read as
 * a whole, changed in memory, and written to a new file that takes the old
 * one's place, so that a crash leaves either.
 *
 * Two messages at a time: whoever holds the lock on the file that has the
 * name may change it. Since the name may have gone to another file while we
 * waited, we look again once we have the lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "map/bdb.h"
#include "os/error.h"
#include "os/file.h"
#include "tool/vacation.h"

enum { TRIES = 100, PATH_SIZE = 4096 };

/* The NUL is part of it. */
static const char interval_key[] = "__VACATION__INTERVAL__TIMER__";
static const int64_t forever = INT64_MAX;

struct vacation_db {
	int fd; /* locked */
	char path[PATH_SIZE];
	struct arena arena;
	struct list_entry {
		struct list_entry *next;
		span key;
		int64_t value;
	} * entries;
};

static struct list_entry *find(const struct vacation_db *db, span key)
{
	for (struct list_entry *e = db->entries; e; e = e->next)
		if (span_eq_nocase(e->key, key))
			return e;
	return NULL;
}

static void put(struct vacation_db *db, span key, int64_t value)
{
	struct list_entry *e = find(db, key);

	if (!e) {
		e = arena_new(&db->arena, struct list_entry);
		if (!e)
			return;
		e->key = arena_dup(&db->arena, key);
		e->next = db->entries;
		db->entries = e;
	}
	e->value = value;
}

/* What an older or a damaged file may have that is no time is left out. */
static bool take_pair(void *ctx, span key, span value)
{
	struct vacation_db *db = ctx;
	int64_t when;

	if (value.len != sizeof(when))
		return true;
	memcpy(&when, value.ptr, sizeof(when));
	if (!span_eq(key, span_of(interval_key, sizeof(interval_key))) &&
	    key.len > 0 && key.ptr[key.len - 1] == '\0')
		key.len--;
	if (when >= 0)
		put(db, key, when);
	return true;
}

static int load(struct vacation_db *db)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT(1024);
	struct bdb *file = NULL;
	struct stat st;
	int fd;
	int r = os_error(fstat(db->fd, &st));

	if (r < 0 || st.st_size == 0)
		return r;
	fd = os_error(fcntl(db->fd, F_DUPFD_CLOEXEC, 3));
	if (fd < 0)
		return fd;
	r = bdb_open(fd, BDB_LOCKED, &why, &file);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	r = bdb_each(file, take_pair, db);
	bdb_close(&file);
	return r;
}

/* A descriptor with the lock on the file that has the name. */
static int open_locked(const char *path)
{
	for (int i = 0; i < TRIES; i++) {
		struct stat named;
		struct stat opened;
		int fd = os_error(open(
		    path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));

		if (fd < 0)
			return fd;
		if (flock(fd, LOCK_EX) == 0 && fstat(fd, &opened) == 0 &&
		    lstat(path, &named) == 0 && named.st_ino == opened.st_ino &&
		    named.st_dev == opened.st_dev)
			return fd;
		(void)close(fd);
	}
	return -EBUSY;
}

int vacation_db_open(const char *path, bool fresh, struct vacation_db **ret)
{
	CLEANUP(vacation_db_close)
	struct vacation_db *db = NEW(struct vacation_db);
	int r = 0;

	db->fd = -1;
	arena_init(&db->arena, 1 << 28);
	if (strlen(path) + 16 > sizeof(db->path))
		return -ENAMETOOLONG;
	(void)snprintf(db->path, sizeof(db->path), "%s", path);
	db->fd = open_locked(path);
	if (db->fd < 0)
		return db->fd;
	if (!fresh)
		r = load(db);
	if (r < 0)
		return r;
	*ret = STEAL(db);
	return 0;
}

void vacation_db_close(struct vacation_db **pdb)
{
	struct vacation_db *db = STEAL(*pdb);

	if (!db)
		return;
	fd_close(&db->fd);
	arena_done(&db->arena);
	mem_free(db);
}

static int write_new(struct vacation_db *db, const char *path)
{
	CLEANUP(fd_close)
	int fd = os_error(open(
	    path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
	struct bdb_writer *w;
	int r;

	if (fd < 0)
		return fd;
	w = bdb_writer_new(BDB_HASH);
	for (struct list_entry *e = db->entries; e; e = e->next) {
		int64_t value = e->value;

		r = bdb_put(w, e->key, span_of(&value, sizeof(value)), true);
		if (r < 0)
			break;
	}
	r = bdb_write(w, fd);
	bdb_writer_free(&w);
	if (r == 0)
		r = os_error(fsync(fd));
	return r;
}

/* What the directory says must survive, too. */
static void flush_directory(const char *path)
{
	CLEANUP(fd_close) int fd = -1;
	char dir[PATH_SIZE];
	char *slash;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[1] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

int vacation_db_save(struct vacation_db *db)
{
	char path[PATH_SIZE];
	int r;

	(void)snprintf(path, sizeof(path), "%.4080s.new", db->path);
	r = write_new(db, path);
	if (r == 0)
		r = os_error(rename(path, db->path));
	if (r < 0)
		(void)unlink(path);
	else
		flush_directory(db->path);
	return r;
}

/* ---- what it says ---- */

static int64_t seconds_of(usec t)
{
	return t == USEC_NEVER ? forever : (int64_t)(t / USEC_SEC);
}

void vacation_db_set_interval(struct vacation_db *db, usec interval)
{
	put(db, span_of(interval_key, sizeof(interval_key)),
	    seconds_of(interval));
}

static int64_t interval_of(const struct vacation_db *db)
{
	const struct list_entry *e =
	    find(db, span_of(interval_key, sizeof(interval_key)));

	return e ? e->value : seconds_of(7 * USEC_DAY);
}

bool vacation_db_is_recent(struct vacation_db *db, span sender, usec now)
{
	const struct list_entry *e = find(db, sender);
	ssize_t at = span_rfind(sender, '@');
	int64_t interval = interval_of(db);

	if (!e && at >= 0)
		e = find(db, span_from(sender, (size_t)at));
	if (!e)
		return false;
	/* A clock that was set back must not silence us for years. */
	return e->value == 0 || interval == forever ||
	    (seconds_of(now) - e->value < interval &&
	        e->value <= seconds_of(now + USEC_DAY));
}

void vacation_db_note(struct vacation_db *db, span sender, usec now)
{
	put(db, sender, seconds_of(now));
}

void vacation_db_exclude(struct vacation_db *db, span sender)
{
	put(db, sender, 0);
}

void vacation_db_each(struct vacation_db *db, vacation_db_fn *fn, void *ctx)
{
	span skip = span_of(interval_key, sizeof(interval_key));

	for (struct list_entry *e = db->entries; e; e = e->next)
		if (!span_eq(e->key, skip))
			fn(ctx, e->key, (usec)e->value * USEC_SEC);
}
