/* SPDX-License-Identifier: ISC */
/*
 * store/folder_internal.h - what the files of folder.h share.
 */
#pragma once

#include <sys/stat.h>

#include "store/dotlock.h"
#include "store/folder_scan.h"

/* All that changes something on the disk; as the system calls. */
struct folder_ops {
	int (*create)(int dir, const char *name); /* O_RDWR, new, 0600 */
	ssize_t (*write)(int fd, const void *bytes, size_t n, off_t at);
	int (*fsync)(int fd);
	int (*ftruncate)(int fd, off_t size);
	int (*rename)(int dir, const char *from, const char *to);
	int (*unlink)(int dir, const char *name);
};

enum folder_state {
	FOLDER_GONE = 1,     /* somebody else removed it */
	FOLDER_IN_NEW = 2,   /* Maildir: not in cur/ */
	FOLDER_MEASURED = 4, /* size and lines are known */
	FOLDER_FOUND = 8,    /* of use while lists are compared */
};

enum { FOLDER_FLAGS = 31 }; /* those on the disk: without FOLDER_DELETED */

/* To see whether a file is as we left it. */
struct folder_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec mtime;
};

/* Where a path leads to. */
struct folder_place {
	int dir; /* -1: not open */
	char *name;
};

struct folder {
	struct folder_spec spec;
	const struct folder_ops *ops;
	enum folder_kind kind;
	char *path;
	char *home;
	struct folder_place place;
	bool read_only;
	struct folder_item *items;
	size_t count;
	size_t room;
	/* So many the caller knows of: looking for one that moved may find
	 * new ones, which the next refresh tells of. */
	size_t shown;
	/* mbox: */
	int fd;
	struct folder_stamp stamp;
	/* `fd` is a repaired copy of the file, which looked like this. */
	bool is_copy;
	struct folder_stamp original;
	uint64_t seed;
	/* Maildir: */
	int new_dir;
	int cur_dir;
	struct buf names; /* an item's `at` is where its file's name is */
	struct folder_stamp new_stamp;
	struct folder_stamp cur_stamp;
	bool is_dirty; /* names changed, and are not on the disk */
};

/* What differs between kinds. */
struct folder_methods {
	int (*open)(struct folder *f, struct folder_trouble *t);
	int (*measure)(struct folder *f, size_t i);
	int (*from_line)(struct folder *f, size_t i, struct buf *out);
	int (*header)(struct folder *f, size_t i, struct buf *out);
	int (*each_piece)(
	    struct folder *f, size_t i, folder_piece_fn *fn, void *ctx);
	int (*refresh)(
	    struct folder *f, size_t *ret_new, struct folder_trouble *t);
	bool (*has_news)(struct folder *f);
	int (*commit)(struct folder *f, struct folder_commit *c,
	    struct folder_trouble *t);
};

extern const struct folder_ops folder_system_ops;
extern const struct folder_methods folder_mbox;
extern const struct folder_methods folder_maildir;

/* "PATH: what", or with an empty `what` the text of the error. Returns it. */
int folder_fail(
    struct folder_trouble *t, int error, const char *path, const char *what);
/* A folder_piece_fn into a struct buf: what fits, then -EFBIG. */
int folder_put_piece(void *ctx, span piece);
struct folder_item *folder_add(
    struct folder_item **items, size_t *count, size_t *room);
/* What the flags of a message will be, without FOLDER_DELETED. */
uint8_t folder_wanted(const struct folder_item *item, bool mark_old);

/* CRLF becomes LF on the way; a CR at the end of a piece waits. */
struct folder_converter {
	folder_piece_fn *fn;
	void *ctx;
	bool undecided; /* the first line tells whether it is needed */
	bool active;
	bool cr;
};

int folder_convert(void *ctx, span in);
MUST_USE int folder_convert_end(struct folder_converter *c);

/* ---- folder_place.c ---- */

/*
 * Follow the symbolic links at the end of a path as far as they can be
 * trusted: those of the user, of root, and of whoever owns a directory that
 * only he may write to. For root, only root's. -ELOOP: there is one that
 * cannot. The file itself need not be there.
 */
MUST_USE int folder_place_find(struct folder_place *p, const char *path);
void folder_place_done(struct folder_place *p);
void folder_stamp_take(struct folder_stamp *s, const struct stat *st);
bool folder_stamp_eq(
    const struct folder_stamp *a, const struct folder_stamp *b);

/* ---- folder_lock.c ---- */

struct folder_lock {
	struct dotlock dot;
	int fd; /* the mailbox, O_RDWR */
	struct stat st;
};

/* For reading: waits a little, then goes on without. */
void folder_lock_shared(const struct folder *f, int fd);
void folder_unlock_shared(int fd);
/* For writing: 0, or the trouble is told. */
MUST_USE int folder_lock_take(
    struct folder *f, struct folder_lock *l, struct folder_trouble *t);
bool folder_lock_has_dotlock(const struct folder_lock *l);
void folder_lock_drop(struct folder *f, struct folder_lock *l);
/* How old a NAME.lock may become. */
usec folder_lock_stale(const struct folder_spec *spec);
/* Sleep a moment; false: time is up, or somebody pressed a key. */
bool folder_wait(const struct folder_spec *spec, usec since, unsigned round);

/* ---- folder_mbox.c ---- */

/* All messages of a file: 0, -EINVAL: no mailbox, or another error. */
MUST_USE int folder_mbox_scan(
    int fd, uint64_t seed, struct folder_item **ret, size_t *ret_count);
/* Read the file anew from fd and find our messages in it. */
MUST_USE int folder_mbox_resync(struct folder *f, int fd, size_t *ret_new);
/* Make `fd`, just opened for reading, what we read from. */
void folder_mbox_adopt(struct folder *f, int fd);
/* The bytes from `at` to `end`, or of the file, if that is shorter. */
MUST_USE int folder_scan_range(
    int fd, struct folder_scan *s, uint64_t at, uint64_t end);
/* pread() that is not interrupted and not cut short. */
ssize_t folder_pread(int fd, void *to, size_t n, uint64_t at);

/* ---- folder_match.c ---- */

/*
 * `fresh` is what is there now. Afterwards f->items are the old ones in their
 * order, with their new places, and the new ones behind them.
 */
void folder_match(
    struct folder *f, struct folder_item *fresh, size_t n, size_t *ret_new);
/* Forget the messages that are gone. */
void folder_drop_gone(struct folder *f);

/* ---- folder_mbox_write.c ---- */

/* Where pieces go: a folder_piece_fn. */
struct folder_target {
	const struct folder_ops *ops;
	int fd;
	uint64_t at;
};

int folder_write_piece(void *ctx, span piece);
/* fsync() of a directory; one that we may not read is not to be had: 0. */
MUST_USE int folder_flush_dir(const struct folder *f, int dir);
MUST_USE int folder_mbox_commit(
    struct folder *f, struct folder_commit *c, struct folder_trouble *t);
