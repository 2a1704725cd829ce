/* SPDX-License-Identifier: ISC */
/*
 * map/cdb_file.h - cdb files, read and written.
 */
#pragma once

#include "base/buf.h"
#include "map/pairs.h"

struct cdb_file {
	int fd;
	uint64_t size;
	span all; /* its bytes, if they are held */
};

enum cdb_found { CDB_FOUND = 0, CDB_NONE = 1 };

/*
 * The descriptor moves to `ret`; on failure it stays yours. `bulk`: hold the
 * whole file in memory. 0; -EPROTO: too short; or another negative errno.
 */
MUST_USE int cdb_open(int fd, bool bulk, struct cdb_file *ret);
void cdb_close(struct cdb_file *f);

/* Append the value of the key: CDB_FOUND, CDB_NONE, -EBADMSG for a damaged
 * file, or another negative errno. */
MUST_USE int cdb_get(const struct cdb_file *f, span key, struct buf *value);
/* Call `fn` for each pair, in the order they were written, until it says
 * false: 0 or a negative errno as above. */
typedef bool cdb_each_fn(void *ctx, span key, span value);
MUST_USE int cdb_each(const struct cdb_file *f, cdb_each_fn *fn, void *ctx);

/* Into the empty file `fd`: 0, -EFBIG, or another negative errno. */
MUST_USE int cdb_build(const struct pairs *pairs, int fd);
