/* SPDX-License-Identifier: ISC */
/*
 * base/pool.h - many small things of one size.
 *
 * They lie close together in blocks of their own, so that a million of them
 * cost their size and nothing more, and so that what comes and goes between
 * them leaves no holes. A block goes back to the system when the pool does.
 */
#pragma once

#include "base/base.h"

struct pool_block;

struct pool {
	struct pool_block *blocks;
	void *spare; /* chain of unused ones */
	size_t size;
	size_t used; /* of the newest block */
};

/* At least the size of a pointer. */
void pool_init(struct pool *p, size_t size);
/* All of them are gone. */
void pool_done(struct pool *p);
/* Zeroed; never NULL. */
void *pool_take(struct pool *p);
void pool_give(struct pool *p, void *item);
