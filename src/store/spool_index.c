/* SPDX-License-Identifier: ISC */
/*
 * store/spool_index.c - chained hash table over a pool of fixed blocks.
 *
 * Handles are the position in the pool plus one; 0 ends a chain. To number a
 * pointer, its block is looked up through the table like any key: nothing
 * but the handle is stored. An unused one has id 0.
 */
#include "store/spool_index.h"

#include "base/hmap.h"

enum { BLOCK = 1024, FIRST_TABLE = 1024 };

void index_init(struct spool_index *ix)
{
	*ix = (struct spool_index){ 0 };
}

void index_done(struct spool_index *ix)
{
	for (size_t i = 0; i < ix->nblocks; i++)
		mem_free(ix->blocks[i]);
	mem_free(ix->blocks);
	mem_free(ix->table);
	index_init(ix);
}

static struct known *at_handle(const struct spool_index *ix, uint32_t handle)
{
	return &ix->blocks[(handle - 1) / BLOCK][(handle - 1) % BLOCK];
}

static uint32_t *bucket(const struct spool_index *ix, msgid id)
{
	return &ix->table[hash_u64(id) & ix->mask];
}

static uint32_t find_handle(const struct spool_index *ix, msgid id)
{
	uint32_t handle = ix->table ? *bucket(ix, id) : 0;

	while (handle && at_handle(ix, handle)->id != id)
		handle = at_handle(ix, handle)->next;
	return handle;
}

struct known *index_find(const struct spool_index *ix, msgid id)
{
	uint32_t handle = find_handle(ix, id);

	return handle ? at_handle(ix, handle) : NULL;
}

static void grow_table(struct spool_index *ix)
{
	size_t size = ix->table ? (ix->mask + 1) * 2 : FIRST_TABLE;

	mem_free(ix->table);
	ix->table = mem_new(size, sizeof(uint32_t));
	ix->mask = size - 1;
	for (uint32_t h = 1; h <= ix->nblocks * BLOCK; h++) {
		struct known *k = at_handle(ix, h);

		if (!k->id)
			continue;
		k->next = *bucket(ix, k->id);
		*bucket(ix, k->id) = h;
	}
}

static void grow_pool(struct spool_index *ix)
{
	uint32_t first = (uint32_t)(ix->nblocks * BLOCK) + 1;

	if (ix->nblocks >= UINT32_MAX / BLOCK - 1)
		bug("more messages than an index can have");
	if (!(ix->nblocks & (ix->nblocks - 1)))
		ix->blocks = mem_resize(ix->blocks,
		    ix->nblocks ? ix->nblocks * 2 : 1, sizeof(ix->blocks[0]));
	ix->blocks[ix->nblocks++] = mem_new(BLOCK, sizeof(struct known));
	for (uint32_t i = BLOCK; i-- > 0;) {
		at_handle(ix, first + i)->next = ix->spare;
		ix->spare = first + i;
	}
}

struct known *index_get(struct spool_index *ix, msgid id)
{
	struct known *k = index_find(ix, id);
	uint32_t handle;

	if (k)
		return k;
	/* Two to a bucket at most: half the table's memory for one step. */
	if (!ix->table || ix->count > ix->mask * 2)
		grow_table(ix);
	if (!ix->spare)
		grow_pool(ix);
	handle = ix->spare;
	k = at_handle(ix, handle);
	ix->spare = k->next;
	*k = (struct known){ .id = id, .next = *bucket(ix, id) };
	*bucket(ix, id) = handle;
	ix->count++;
	return k;
}

void index_remove(struct spool_index *ix, struct known *k)
{
	uint32_t *link = bucket(ix, k->id);
	uint32_t handle;

	while (*link && at_handle(ix, *link) != k)
		link = &at_handle(ix, *link)->next;
	handle = *link;
	if (!handle)
		bug("index_remove: not a member");
	*link = k->next;
	*k = (struct known){ .next = ix->spare };
	ix->spare = handle;
	ix->count--;
	if (!ix->count)
		index_done(ix); /* a queue that ran empty gives all back */
}

size_t index_number(const struct spool_index *ix, const struct known *k)
{
	return find_handle(ix, k->id) - 1;
}

size_t index_numbers(const struct spool_index *ix)
{
	return ix->nblocks * BLOCK;
}

struct known *index_at(const struct spool_index *ix, size_t number)
{
	struct known *k;

	if (number >= index_numbers(ix))
		return NULL;
	k = at_handle(ix, (uint32_t)number + 1);
	return k->id ? k : NULL;
}

size_t index_bytes(const struct spool_index *ix)
{
	size_t bytes = ix->nblocks * BLOCK * sizeof(struct known);

	if (ix->table)
		bytes += (ix->mask + 1) * sizeof(uint32_t);
	return bytes;
}
