/* SPDX-License-Identifier: ISC */
#include "base/arena.h"

#include <string.h>

enum { FIRST_BLOCK = 512, LARGEST_BLOCK = 64 * 1024, ALIGN = 16 };

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t cap;
	_Alignas(ALIGN) char data[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){ .max = max };
}

void arena_done(struct arena *a)
{
	while (a->head) {
		struct arena_block *next = a->head->next;

		mem_free(a->head);
		a->head = next;
	}
	a->used = 0;
}

static struct arena_block *add_block(struct arena *a, size_t need)
{
	size_t cap = a->head ? MIN(a->head->cap * 2, (size_t)LARGEST_BLOCK)
	                     : (size_t)FIRST_BLOCK;
	struct arena_block *b;

	cap = MAX(cap, need);
	b = mem_new(1, sizeof(*b) + cap);
	b->cap = cap;
	b->next = a->head;
	a->head = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
	struct arena_block *b = a->head;
	size_t need;
	void *p;

	if (MUL_OVERFLOWS(n, size, &need) ||
	    ADD_OVERFLOWS(need, (size_t)ALIGN - 1, &need))
		return NULL;
	need &= ~((size_t)ALIGN - 1);
	if (need > a->max - a->used)
		return NULL;
	if (!b || b->cap - b->used < need)
		b = add_block(a, need);
	p = b->data + b->used;
	b->used += need;
	a->used += need;
	return p;
}

char *arena_cstr(struct arena *a, span s)
{
	size_t need;
	char *p;

	if (ADD_OVERFLOWS(s.len, (size_t)1, &need))
		return NULL;
	p = arena_alloc(a, need, 1);
	if (p && s.len)
		memcpy(p, s.ptr, s.len);
	return p;
}

span arena_dup(struct arena *a, span s)
{
	char *p = arena_cstr(a, s);

	return p ? span_of(p, s.len) : SPAN_NONE;
}
