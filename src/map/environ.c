/* SPDX-License-Identifier: ISC */
/*
 * map/environ.c - "environ:": variables of the environment.
 */
#include "map/types.h"

#include <stdlib.h>

enum { MAX_NAME = 65536 };

static struct map *environ_open(const struct map_setup *s UNUSED)
{
	return NEW(struct map);
}

static enum map_answer environ_find(
    struct map *m UNUSED, span key, struct buf *value)
{
	struct buf name = BUF_INIT(MAX_NAME);
	const char *text;

	buf_put(&name, key);
	text = getenv(buf_cstr(&name));
	buf_done(&name);
	if (!text)
		return MAP_NONE;
	buf_put(value, span_str(text));
	return MAP_FOUND;
}

static void environ_close(struct map *m)
{
	mem_free(m);
}

const struct map_type map_type_environ = {
	.name = "environ",
	.traits = MAP_EXACT,
	.open = environ_open,
	.find = environ_find,
	.close = environ_close,
};
