/* SPDX-License-Identifier: ISC */
/*
 * map/index.h - all entries of a table in memory, for those who ask it very
 * many times: two looks into memory for an answer, whatever the file is like.
 */
#pragma once

#include "base/span.h"

struct map_index;

struct map_index *map_index_new(void);
/* NULL is fine. */
void map_index_free(struct map_index **index);

/* First all entries. False: there is no room for more. */
MUST_USE bool map_index_add(struct map_index *index, span key, span value);
/* Then this, once. False: a key is there twice. */
MUST_USE bool map_index_seal(struct map_index *index);

bool map_index_find(const struct map_index *index, span key, span *ret_value);

enum { MAP_INDEX_AHEAD = 32 };
/*
 * These hashes will be asked for in a moment, MAP_INDEX_AHEAD of them at
 * most: memory is slow, but it can be asked for many things at once.
 */
void map_index_expect(
    const struct map_index *index, const uint64_t *hashes, size_t n);
uint64_t map_index_hash(span key);
