/* SPDX-License-Identifier: ISC */
/*
 * map/lmdb_writer.h - what lmdb.c and lmdb_update.c share.
 */
#pragma once

#include "map/map.h"
#include "map/pairs.h"
#include "map/replace.h"

struct lmdb_update;

struct lmdb_writer {
	struct map_writer writer;
	struct replace file;
	struct pairs pairs;         /* of a new file */
	struct lmdb_update *update; /* of a file there is, or NULL */
	char *name;                 /* without ".lmdb" */
	uint64_t map_size;
	mode_t mode;
	bool keep_owner;
	bool nul;  /* entries end in one */
	bool both; /* those to be dropped may have it or not */
	struct buf key;
	struct buf value;
};

extern const struct map_writer_ops lmdb_writer_ops;

const char *lmdb_error(int r);
/* Set the reason; they give back `r`. */
int lmdb_fail_open(const struct lmdb_writer *w, int r);
int lmdb_fail(const struct lmdb_writer *w, const char *what, int r);

/*
 * Change the file there is, in one transaction: 0 or a negative errno with
 * the reason set. The file is locked, and not empty.
 */
MUST_USE int lmdb_update_new(struct lmdb_writer *w, struct lmdb_update **ret);
/* Nulls the caller's pointer. Without a commit nothing has changed. */
void lmdb_update_free(struct lmdb_update **pu);
MUST_USE int lmdb_update_put(
    struct lmdb_update *u, span key, span value, bool replace);
MUST_USE int lmdb_update_drop(struct lmdb_update *u, span key);
MUST_USE int lmdb_update_commit(struct lmdb_update *u);
