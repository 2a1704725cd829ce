/* SPDX-License-Identifier: ISC */
/*
 * map/memory.h - tables that are held in memory: texthash, inline, internal.
 */
#pragma once

#include "map/map.h"
#include "map/pairs.h"

struct memory_map {
	struct map map;
	struct pairs pairs;
};

struct memory_map *memory_new(void);
/* With the key as lookups will see it. PAIRS_PUT, PAIRS_THERE, or -errno. */
MUST_USE int memory_put(
    struct memory_map *t, unsigned flags, span key, span value, bool replace);

enum map_answer memory_find(struct map *m, span key, struct buf *value);
enum map_answer memory_each(
    struct map *m, bool (*fn)(void *ctx, span key, span value), void *ctx);
void memory_close(struct map *m);
