/* SPDX-License-Identifier: ISC */
/*
 * map/pairs.h - keys and values in memory, in the order they came.
 *
 * What texthash and inline look up in, and where tables are collected before
 * they are written to files in one go.
 */
#pragma once

#include "base/arena.h"

struct pair {
	const char *key; /* NULL: dropped */
	const char *value;
	uint32_t key_len;
	uint32_t value_len;
	uint32_t tag;  /* of the hash */
	uint32_t next; /* in the same place of the index; + 1, 0: none */
};

struct pairs {
	struct arena bytes;
	struct pair *all;
	uint32_t used; /* of `all`, dropped ones too */
	uint32_t room;
	uint32_t live;
	uint32_t *heads; /* by hash: number of a pair + 1 */
	uint32_t mask;
	size_t size; /* bytes of all keys and values there are */
};

enum pairs_put { PAIRS_PUT = 0, PAIRS_THERE = 1 };

void pairs_init(struct pairs *p);
/* Idempotent. */
void pairs_done(struct pairs *p);
/*
 * Copies both. PAIRS_THERE: the key has a value and `replace` is not set; or
 * -EOVERFLOW for more than 4 GB.
 */
MUST_USE int pairs_put(struct pairs *p, span key, span value, bool replace);
/* False: it was not there. */
bool pairs_drop(struct pairs *p, span key);
/* NULL: not there. */
const struct pair *pairs_find(const struct pairs *p, span key);

/*
 * Those that are there, by the bytes of their keys, a prefix first: `live`
 * pointers. End with mem_free().
 */
MUST_USE const struct pair **pairs_sorted(const struct pairs *p);

static inline span pair_key(const struct pair *p)
{
	return span_of(p->key, p->key_len);
}

static inline span pair_value(const struct pair *p)
{
	return span_of(p->value, p->value_len);
}
