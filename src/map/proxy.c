/* SPDX-License-Identifier: ISC */
/*
 * map/proxy.c - "proxy:type:name".
 *
 * Postfix asks a server of its own for such tables, so that a hundred
 * processes do not make a hundred connections to a data base. Here few
 * processes look things up, and they live long: the table is opened in place.
 * Whether proxy_read_maps allows it is the business of whoever opens it.
 */
#include "map/types.h"

struct proxy_map {
	struct map map;
	struct map *inner;
};

static struct map *proxy_open(const struct map_setup *s)
{
	struct map *inner = map_open_inner(s, s->name);
	struct proxy_map *p;

	if (!inner->type) {
		buf_put(s->reason, buf_span(&inner->reason));
		map_close(&inner);
		return NULL;
	}
	buf_put(s->reason, buf_span(&inner->reason));
	p = NEW(struct proxy_map);
	p->inner = inner;
	p->map.traits = inner->traits & (MAP_EXACT | MAP_REMOTE);
	p->map.owner = inner->owner;
	return &p->map;
}

static enum map_answer proxy_find(struct map *m, span key, struct buf *value)
{
	return map_find(
	    CONTAINER_OF(m, struct proxy_map, map)->inner, key, value);
}

static enum map_answer proxy_each(
    struct map *m, bool (*fn)(void *ctx, span key, span value), void *ctx)
{
	return map_each(CONTAINER_OF(m, struct proxy_map, map)->inner, fn, ctx);
}

static bool proxy_changed(struct map *m)
{
	return map_changed(CONTAINER_OF(m, struct proxy_map, map)->inner);
}

static void proxy_close(struct map *m)
{
	struct proxy_map *p = CONTAINER_OF(m, struct proxy_map, map);

	map_close(&p->inner);
	mem_free(p);
}

const struct map_type map_type_proxy = {
	.name = "proxy",
	.open = proxy_open,
	.find = proxy_find,
	.each = proxy_each,
	.changed = proxy_changed,
	.close = proxy_close,
};
