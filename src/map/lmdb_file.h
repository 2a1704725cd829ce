/* SPDX-License-Identifier: ISC */
/*
 * map/lmdb_file.h - LMDB files, read without its library.
 *
 * The library maps the file and trusts it: damaged bytes, or a file that
 * somebody truncates, kill the process. Here pages are read and checked
 * before use. It reads the main table of files of 64-bit machines of our
 * byte order, the only table that Postfix uses.
 *
 * Other programs write while we read. They never change pages that belong to
 * the last two states of the table (the new one, and the one before it), so
 * no lock is taken: after reading pages we look whether there are states
 * that are newer than that, and if so begin again.
 */
#pragma once

#include "base/buf.h"

struct lmdb_file;

enum lmdb_found { LMDB_FOUND = 0, LMDB_NONE = 1 };

/*
 * Read the table in `fd`, which moves to the new object; on failure it stays
 * the caller's. 0; -EBADMSG: no LMDB file, or damaged; -ENOTSUP: keys are
 * not in plain order; or another negative errno. `bulk`: hold all pages in
 * memory, and look at the file's state only in lmdb_file_refresh().
 */
MUST_USE int lmdb_file_open(int fd, bool bulk, struct lmdb_file **ret);
/* Whether it could be opened; the descriptor stays as it is. */
MUST_USE int lmdb_file_check(int fd);
/* Nulls the caller's pointer; NULL is fine. */
void lmdb_file_close(struct lmdb_file **pf);
int lmdb_file_fd(const struct lmdb_file *f);

/* Append the value of the key: LMDB_FOUND, LMDB_NONE, -EBADMSG, -EAGAIN when
 * it does not stop changing, or another negative errno. */
MUST_USE int lmdb_file_get(struct lmdb_file *f, span key, struct buf *value);
/* Go to the newest state: 0 or a negative errno. */
MUST_USE int lmdb_file_refresh(struct lmdb_file *f);
/*
 * Call `fn` for each pair in the order of the keys until it says false.
 * 0 or a negative errno as above.
 */
typedef bool lmdb_each_fn(void *ctx, span key, span value);
MUST_USE int lmdb_file_each(struct lmdb_file *f, lmdb_each_fn *fn, void *ctx);
