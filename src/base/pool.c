/* SPDX-License-Identifier: ISC */
#include "base/pool.h"

#include <string.h>

enum { BLOCK = 64 * 1024, ALIGN = 8 };

struct pool_block {
	struct pool_block *next;
	_Alignas(ALIGN) char items[BLOCK - 64];
};

void pool_init(struct pool *p, size_t size)
{
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (size < sizeof(void *) || size > sizeof(p->blocks->items))
		bug("pool_init: %zu bytes", size);
	*p = (struct pool){ .size = size };
}

void pool_done(struct pool *p)
{
	while (p->blocks) {
		struct pool_block *next = p->blocks->next;

		mem_free(p->blocks);
		p->blocks = next;
	}
	pool_init(p, p->size);
}

static void *take_fresh(struct pool *p)
{
	void *item;

	if (!p->blocks || p->used + p->size > sizeof(p->blocks->items)) {
		struct pool_block *b = mem_new(1, sizeof(*b));

		b->next = p->blocks;
		p->blocks = b;
		p->used = 0;
	}
	item = p->blocks->items + p->used;
	p->used += p->size;
	return item;
}

void *pool_take(struct pool *p)
{
	void *item = p->spare;

	if (!item)
		return take_fresh(p);
	memcpy(&p->spare, item, sizeof(p->spare));
	memset(item, 0, p->size);
	return item;
}

void pool_give(struct pool *p, void *item)
{
	memcpy(item, &p->spare, sizeof(p->spare));
	p->spare = item;
}
