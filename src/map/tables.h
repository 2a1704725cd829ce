/* SPDX-License-Identifier: ISC */
/*
 * map/tables.h - the tables a process has open, and lists of them.
 *
 * Whatever names a table gets the same one, opened once. A table whose file
 * was replaced is opened anew between two questions; when that fails, the
 * table that is there goes on serving.
 */
#pragma once

#include "base/arena.h"
#include "base/hmap.h"
#include "base/time.h"
#include "map/map.h"

struct table {
	struct hnode node;
	struct map *map; /* never NULL; another one after a refresh */
	span spec;
	unsigned flags;
	usec failed; /* when it could not be opened; 0: it could */
};

struct tables {
	const struct map_host *host;
	struct hmap known;
	usec looked; /* when tables_refresh() last did */
	/* A table whose file changed, and which cannot be opened any more by
	 * this process; NULL when there is none. */
	const struct table *stuck;
	unsigned depth; /* of the table that these belong to, if any */
};

/* `host` must outlive them. */
void tables_init(struct tables *t, const struct map_host *host);
/* Closes them all. */
void tables_done(struct tables *t);
/* "type:name", opened now if it was not; lives as long as `t`. */
struct table *tables_get(struct tables *t, span spec, unsigned flags);
/* Look after replaced files, unless that was just done. */
void tables_refresh(struct tables *t, usec now);
/* The files they were read from. */
void tables_each_file(
    const struct tables *t, void (*fn)(void *ctx, const char *path), void *ctx);

/* The tables of one parameter, asked one after the other. */
struct table_list {
	span title; /* the parameter */
	uint32_t count;
	struct table **tables;
};

enum table_find {
	TABLE_WHOLE_KEY,
	/* A part of an address or domain: not for tables that search. */
	TABLE_PART_OF_KEY,
};

/* `title` is borrowed. False: the arena is full. */
MUST_USE bool table_list_make(struct table_list *l, struct tables *t,
    struct arena *a, span value, unsigned flags);
/* `ret_hit`, when not NULL: the table that decided. */
enum map_answer table_list_find(const struct table_list *l, span key,
    enum table_find how, struct buf *value, const struct table **ret_hit);
