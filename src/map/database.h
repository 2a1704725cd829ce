/* SPDX-License-Identifier: ISC */
/*
 * map/database.h - what hash, btree, lmdb and cdb have in common: a file that
 * was made from a source beside it, and strings that may end in a NUL.
 */
#pragma once

#include "map/map.h"

struct database;

enum database_found { DATABASE_FOUND = 0, DATABASE_NONE = 1 };

struct database_ops {
	/* Append the value: enum database_found, or a negative errno. */
	int (*get)(struct database *d, span key, struct buf *value);
	/* All pairs, until `fn` says false: 0 or a negative errno. */
	int (*each)(struct database *d,
	    bool (*fn)(void *ctx, span key, span value), void *ctx);
	/* `doing` is "reading" or "seeking"; warns, and returns MAP_RETRY. */
	enum map_answer (*complain)(struct map *m, const char *doing, int r);
};

/* Embedded in each type's own struct, as its first member. */
struct database {
	struct map map;
	const struct database_ops *ops;
	struct buf key;
	bool try_nul;   /* keys and values with a trailing NUL */
	bool try_plain; /* and without */
};

/* The file is open. Warns when it is older than its source. */
void database_init(struct database *d, const struct database_ops *ops,
    const struct map_setup *s, const char *path, int fd);
void database_done(struct database *d);

/* The string with a NUL behind it, in `b`. */
span database_with_nul(struct buf *b, span s);

/* For struct map_type. */
enum map_answer database_find(struct map *m, span key, struct buf *value);
enum map_answer database_each(
    struct map *m, bool (*fn)(void *ctx, span key, span value), void *ctx);
