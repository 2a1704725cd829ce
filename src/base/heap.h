/* SPDX-License-Identifier: ISC */
/*
 * base/heap.h - intrusive binary min-heap keyed by a time (or any u64).
 *
 * A member not in the heap has at == 0, so heap_remove() may be called twice.
 */
#pragma once

#include "base/base.h"

struct heap_node {
	uint64_t key;
	size_t at; /* position + 1; 0: not a member */
};

struct heap {
	struct heap_node **items;
	size_t count;
	size_t cap;
};

void heap_init(struct heap *h);
void heap_done(struct heap *h);
/* Insert, or move a member to its new key. */
void heap_put(struct heap *h, struct heap_node *n, uint64_t key);
void heap_remove(struct heap *h, struct heap_node *n);
/* The smallest, or NULL. */
struct heap_node *heap_top(const struct heap *h);
