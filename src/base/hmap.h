/* SPDX-License-Identifier: ISC */
/*
 * base/hmap.h - intrusive hash table.
 *
 * Members embed a `struct hnode`. The table stores hashes and compares them
 * first; the caller compares the keys:
 *
 *	for (n = hmap_first(m, hash); n; n = hmap_next(n, hash))
 *		if (key matches CONTAINER_OF(n, ...))
 *
 * Keys that a stranger chooses are hashed with hash_bytes(), which is keyed
 * per process, so that nobody can aim at one bucket.
 */
#pragma once

#include "base/span.h"

struct hnode {
	struct hnode *next;
	uint64_t hash;
};

struct hmap {
	struct hnode **buckets;
	size_t count;
	size_t mask; /* buckets - 1; 0 when there are none yet */
};

void hmap_init(struct hmap *m);
/* Frees the buckets; members are the caller's. */
void hmap_done(struct hmap *m);
void hmap_put(struct hmap *m, struct hnode *n, uint64_t hash);
void hmap_remove(struct hmap *m, struct hnode *n);
struct hnode *hmap_first(const struct hmap *m, uint64_t hash);
struct hnode *hmap_next(const struct hnode *n, uint64_t hash);
/* Any member, or NULL: for emptying the table. */
struct hnode *hmap_any(const struct hmap *m);
/* All members, in no order: pass NULL first. Do not change it meanwhile. */
struct hnode *hmap_each(const struct hmap *m, struct hnode *after);

uint64_t hash_bytes(span s);
uint64_t hash_bytes_nocase(span s);
uint64_t hash_u64(uint64_t n);
/* Once per process, before the first use, with 16 random bytes. */
void hash_set_key(const uint64_t key[2]);
