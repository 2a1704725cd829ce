/* SPDX-License-Identifier: ISC */
/*
 * map/unionmap.c - "unionmap:{type:name, ...}": what all of the tables say,
 * with commas between.
 */
#include "map/several.h"
#include "map/types.h"

static enum map_answer unionmap_find(struct map *m, span key, struct buf *value)
{
	struct several *t = CONTAINER_OF(m, struct several, map);

	for (size_t i = 0; i < t->count; i++) {
		enum map_answer answer = map_find(t->all[i], key, &t->value);

		if (answer == MAP_RETRY)
			return MAP_RETRY;
		if (answer == MAP_NONE)
			continue;
		if (value->len)
			buf_putc(value, ',');
		buf_put(value, buf_span(&t->value));
	}
	return value->len ? MAP_FOUND : MAP_NONE;
}

const struct map_type map_type_unionmap = {
	.name = "unionmap",
	.open = several_open,
	.find = unionmap_find,
	.changed = several_changed,
	.close = several_close,
};
