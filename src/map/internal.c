/* SPDX-License-Identifier: ISC */
/*
 * map/internal.c - "internal:name": an empty table; and what other tables
 * that are held in memory do with it.
 */
#include "map/memory.h"
#include "map/types.h"

enum { MAX_KEY = 1 << 20 };

struct memory_map *memory_new(void)
{
	struct memory_map *t = NEW(struct memory_map);

	pairs_init(&t->pairs);
	return t;
}

int memory_put(
    struct memory_map *t, unsigned flags, span key, span value, bool replace)
{
	struct buf folded = BUF_INIT(MAX_KEY);
	int r;

	if (flags & MAP_FOLD_FIXED) {
		map_fold(flags, key, &folded);
		if (!folded.failed)
			key = buf_span(&folded);
	}
	r = pairs_put(&t->pairs, key, value, replace);
	buf_done(&folded);
	return r;
}

enum map_answer memory_find(struct map *m, span key, struct buf *value)
{
	struct memory_map *t = CONTAINER_OF(m, struct memory_map, map);
	const struct pair *p = pairs_find(&t->pairs, key);

	if (!p)
		return MAP_NONE;
	buf_put(value, pair_value(p));
	return MAP_FOUND;
}

enum map_answer memory_each(
    struct map *m, bool (*fn)(void *ctx, span key, span value), void *ctx)
{
	struct memory_map *t = CONTAINER_OF(m, struct memory_map, map);
	bool more = true;

	for (uint32_t i = 0; i < t->pairs.used && more; i++) {
		const struct pair *p = &t->pairs.all[i];

		if (p->key)
			more = fn(ctx, pair_key(p), pair_value(p));
	}
	return MAP_NONE;
}

void memory_close(struct map *m)
{
	struct memory_map *t = CONTAINER_OF(m, struct memory_map, map);

	pairs_done(&t->pairs);
	mem_free(t);
}

static struct map *internal_open(const struct map_setup *s UNUSED)
{
	return &memory_new()->map;
}

const struct map_type map_type_internal = {
	.name = "internal",
	.traits = MAP_EXACT,
	.open = internal_open,
	.find = memory_find,
	.each = memory_each,
	.close = memory_close,
};
