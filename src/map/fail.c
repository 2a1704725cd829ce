/* SPDX-License-Identifier: ISC */
/*
 * map/fail.c - "fail:text": every lookup goes wrong. For tests, and for
 * administrators who want to see what happens then.
 */
#include "map/types.h"

static struct map *fail_open(const struct map_setup *s UNUSED)
{
	return NEW(struct map);
}

static enum map_answer fail_find(
    struct map *m UNUSED, span key UNUSED, struct buf *value UNUSED)
{
	return MAP_RETRY;
}

static enum map_answer fail_each(struct map *m UNUSED,
    bool (*fn)(void *ctx, span key, span value) UNUSED, void *ctx UNUSED)
{
	return MAP_RETRY;
}

static void fail_close(struct map *m)
{
	mem_free(m);
}

const struct map_type map_type_fail = {
	.name = "fail",
	.open = fail_open,
	.find = fail_find,
	.each = fail_each,
	.close = fail_close,
};
