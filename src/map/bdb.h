/* SPDX-License-Identifier: ISC */
/*
 * map/bdb.h - Berkeley DB files, read and written without its library.
 *
 * Hash (versions 8, 9, 10) and btree (8, 9, 10) files in both byte orders,
 * with any page size, with checksums, big items and duplicates. What we write
 * is what Berkeley DB 5.3 writes: version 9, this machine's byte order, pages
 * of 4096 bytes; the library can change such a file in place.
 *
 * Keys and values are plain bytes here; Postfix's trailing NULs are the
 * business of hash.c.
 */
#pragma once

#include "base/buf.h"

enum bdb_kind { BDB_HASH, BDB_BTREE };

/* --- reading --- */

struct bdb;

enum bdb_flags {
	/* The caller holds a lock on the descriptor: take none. */
	BDB_LOCKED = 1,
	/* Most of the file will be needed: hold much of it. */
	BDB_BULK = 2,
};

enum bdb_found { BDB_FOUND = 0, BDB_NONE = 1 };

/*
 * Read the database in `fd`, which moves to the new object. On failure the
 * descriptor remains the caller's, and the result is a negative errno:
 * -EINVAL for what is no such database, -ENOTSUP for a kind of database that
 * is not for us; then `why` says more (else it stays as it was).
 *
 * Other programs rewrite such files in place, under flock(). We take that
 * lock, shared, whenever bytes come from the file, and only then; answers
 * from pages that we hold are as old as the pages.
 */
MUST_USE int bdb_open(
    int fd, unsigned flags, struct buf *why, struct bdb **ret);
/* Nulls the caller's pointer; NULL is fine. */
void bdb_close(struct bdb **db);

enum bdb_kind bdb_kind(const struct bdb *db);
int bdb_fd(const struct bdb *db);

/*
 * Append the (first) value of the key: BDB_FOUND, BDB_NONE, -EBADMSG when the
 * file is damaged, -EAGAIN when it does not stop changing, or another
 * negative errno. The limit of `value` cuts short without an error: look at
 * value->failed.
 */
MUST_USE int bdb_get(struct bdb *db, span key, struct buf *value);

/*
 * Call `fn` for each pair, in the order of the library's cursor, until it
 * says false. The spans last as long as the call. 0, -EAGAIN when the file
 * was changed meanwhile, or as above.
 */
typedef bool bdb_each_fn(void *ctx, span key, span value);
MUST_USE int bdb_each(struct bdb *db, bdb_each_fn *fn, void *ctx);

/* --- writing --- */

struct bdb_writer;

enum bdb_put { BDB_PUT = 0, BDB_THERE = 1 };

/* Collects pairs in memory. Never NULL. */
struct bdb_writer *bdb_writer_new(enum bdb_kind kind);
/* Nulls the caller's pointer; NULL is fine. */
void bdb_writer_free(struct bdb_writer **w);

/* BDB_THERE: the key is there already and `replace` is not set. */
MUST_USE int bdb_put(struct bdb_writer *w, span key, span value, bool replace);
/* Whether the key was there. */
bool bdb_drop(struct bdb_writer *w, span key);
size_t bdb_count(const struct bdb_writer *w);

/*
 * Write the database into the empty file `fd`: 0 or a negative errno. Making
 * it durable and visible is the caller's part.
 */
MUST_USE int bdb_write(struct bdb_writer *w, int fd);
