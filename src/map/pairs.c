/* SPDX-License-Identifier: ISC */
/*
 * map/pairs.c - an index of 32-bit numbers over an array of pairs.
 *
 * A table of a million lines is built in one go, so everything here is made
 * for few allocations: the bytes lie in an arena, the pairs in one array, and
 * growing moves no bytes.
 */
#include "map/pairs.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hmap.h"

enum {
	FIRST_ROOM = 64,
	MAX_PAIRS = 1 << 30,
};

void pairs_init(struct pairs *p)
{
	*p = (struct pairs){ 0 };
	arena_init(&p->bytes, SIZE_MAX);
}

void pairs_done(struct pairs *p)
{
	arena_done(&p->bytes);
	mem_free(p->all);
	mem_free(p->heads);
	*p = (struct pairs){ 0 };
}

static void link_pair(struct pairs *p, uint32_t i)
{
	uint32_t *head = &p->heads[p->all[i].tag & p->mask];

	p->all[i].next = *head;
	*head = i + 1;
}

static void grow(struct pairs *p)
{
	p->room = p->room ? 2 * p->room : FIRST_ROOM;
	p->all = mem_resize(p->all, p->room, sizeof(p->all[0]));
	mem_free(p->heads);
	p->mask = 2 * p->room - 1;
	p->heads = mem_new((size_t)p->mask + 1, sizeof(p->heads[0]));
	for (uint32_t i = 0; i < p->used; i++)
		if (p->all[i].key)
			link_pair(p, i);
}

static struct pair *find_tagged(const struct pairs *p, span key, uint32_t tag)
{
	uint32_t i = p->heads ? p->heads[tag & p->mask] : 0;

	for (; i; i = p->all[i - 1].next) {
		struct pair *one = &p->all[i - 1];

		if (one->tag == tag && span_eq(pair_key(one), key))
			return one;
	}
	return NULL;
}

const struct pair *pairs_find(const struct pairs *p, span key)
{
	return find_tagged(p, key, (uint32_t)hash_bytes(key));
}

static void set_value(struct pairs *p, struct pair *one, span value)
{
	p->size += value.len - one->value_len;
	one->value = arena_dup(&p->bytes, value).ptr;
	one->value_len = (uint32_t)value.len;
}

int pairs_put(struct pairs *p, span key, span value, bool replace)
{
	uint32_t tag = (uint32_t)hash_bytes(key);
	struct pair *one = find_tagged(p, key, tag);

	if (one && !replace)
		return PAIRS_THERE;
	if (key.len > UINT32_MAX || value.len > UINT32_MAX)
		return -EOVERFLOW;
	if (!one) {
		if (p->used == MAX_PAIRS)
			return -EOVERFLOW;
		if (p->used == p->room)
			grow(p);
		one = &p->all[p->used];
		*one = (struct pair){ .key = arena_dup(&p->bytes, key).ptr,
			.key_len = (uint32_t)key.len,
			.tag = tag };
		link_pair(p, p->used++);
		p->live++;
		p->size += key.len;
	}
	set_value(p, one, value);
	return PAIRS_PUT;
}

bool pairs_drop(struct pairs *p, span key)
{
	uint32_t tag = (uint32_t)hash_bytes(key);
	struct pair *one = find_tagged(p, key, tag);
	uint32_t *link;

	if (!one)
		return false;
	link = &p->heads[tag & p->mask];
	while (&p->all[*link - 1] != one)
		link = &p->all[*link - 1].next;
	*link = one->next;
	one->key = NULL;
	p->live--;
	p->size -= (size_t)one->key_len + one->value_len;
	return true;
}

/* --- in order --- */

/* The first bytes of a key decide most comparisons, and lie close by. */
struct sortable {
	uint64_t prefix;
	const struct pair *pair;
};

static uint64_t prefix_of(span key)
{
	uint64_t bytes = 0;

	memcpy(&bytes, key.ptr, MIN(key.len, sizeof(bytes)));
	return __builtin_bswap64(bytes);
}

static int compare(const void *a, const void *b)
{
	const struct sortable *x = a;
	const struct sortable *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return span_cmp(pair_key(x->pair), pair_key(y->pair));
}

const struct pair **pairs_sorted(const struct pairs *p)
{
	struct sortable *s = mem_new(p->live, sizeof(*s));
	const struct pair **out = mem_new(p->live, sizeof(*out));
	size_t n = 0;

	for (uint32_t i = 0; i < p->used; i++)
		if (p->all[i].key)
			s[n++] =
			    (struct sortable){ prefix_of(pair_key(&p->all[i])),
				    &p->all[i] };
	qsort(s, n, sizeof(*s), compare);
	for (size_t i = 0; i < n; i++)
		out[i] = s[i].pair;
	mem_free(s);
	return out;
}
