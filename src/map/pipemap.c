/* SPDX-License-Identifier: ISC */
/*
 * map/pipemap.c - "pipemap:{type:name, ...}": the answer of each table is the
 * question to the next.
 */
#include "map/several.h"
#include "map/types.h"

static enum map_answer pipemap_find(struct map *m, span key, struct buf *value)
{
	struct several *t = CONTAINER_OF(m, struct several, map);

	buf_clear(&t->key);
	buf_put(&t->key, key);
	for (size_t i = 0; i < t->count; i++) {
		enum map_answer answer =
		    map_find(t->all[i], buf_span(&t->key), &t->value);

		if (answer != MAP_FOUND)
			return answer;
		buf_clear(&t->key);
		buf_put(&t->key, buf_span(&t->value));
	}
	buf_put(value, buf_span(&t->key));
	return MAP_FOUND;
}

const struct map_type map_type_pipemap = {
	.name = "pipemap",
	.open = several_open,
	.find = pipemap_find,
	.changed = several_changed,
	.close = several_close,
};
