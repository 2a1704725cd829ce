/* SPDX-License-Identifier: ISC */
/*
 * map/static.c - "static:value": every key has this value. With braces,
 * "static:{ value }", it may have blanks inside.
 */
#include "map/braces.h"
#include "map/types.h"

struct static_map {
	struct map map;
	struct buf value;
};

static void static_close(struct map *m)
{
	struct static_map *t = CONTAINER_OF(m, struct static_map, map);

	buf_done(&t->value);
	mem_free(t);
}

static bool set_value(
    const struct map_setup *s, struct static_map *t, span value)
{
	if (s->flags & MAP_VALUE_IS_FILE) {
		if (map_file_value(s, value, &t->value))
			return true;
		buf_put(s->reason, buf_span(&t->value));
		return false;
	}
	buf_put(&t->value, value);
	return true;
}

static struct map *static_open(const struct map_setup *s)
{
	struct static_map *t;
	span value = s->name;

	if (value.len && value.ptr[0] == '{') {
		struct buf why = BUF_INIT(8192);

		if (!braces_strip(&value, &why))
			buf_printf(s->reason, "bad static:name syntax: %.*s",
			    PRI(buf_span(&why)));
		buf_done(&why);
		if (s->reason->len)
			return NULL;
	}
	t = NEW(struct static_map);
	buf_init(&t->value, MAP_VALUE_MAX);
	if (set_value(s, t, value))
		return &t->map;
	static_close(&t->map);
	return NULL;
}

static enum map_answer static_find(
    struct map *m, span key UNUSED, struct buf *value)
{
	struct static_map *t = CONTAINER_OF(m, struct static_map, map);

	buf_put(value, buf_span(&t->value));
	return MAP_FOUND;
}

const struct map_type map_type_static = {
	.name = "static",
	.traits = MAP_EXACT,
	.open = static_open,
	.find = static_find,
	.close = static_close,
};
