/* SPDX-License-Identifier: ISC */
/*
 * map/randmap.c - "randmap:{value, ...}": one of them, by chance.
 */
#include "conf/words.h"
#include "map/braces.h"
#include "map/pairs.h"
#include "map/types.h"

#include <sys/random.h>

struct randmap {
	struct map map;
	struct buf bytes; /* of all values */
	size_t *ends;
	size_t count;
};

static void randmap_close(struct map *m)
{
	struct randmap *t = CONTAINER_OF(m, struct randmap, map);

	buf_done(&t->bytes);
	mem_free(t->ends);
	mem_free(t);
}

static bool add_value(const struct map_setup *s, struct randmap *t, span word)
{
	if (!(s->flags & MAP_VALUE_IS_FILE))
		buf_put(&t->bytes, word);
	else if (!map_file_value(s, word, &t->bytes))
		return false;
	t->ends = mem_resize(t->ends, t->count + 1, sizeof(t->ends[0]));
	t->ends[t->count++] = t->bytes.len;
	return true;
}

static struct map *randmap_open(const struct map_setup *s)
{
	struct randmap *t = NEW(struct randmap);
	span text;
	bool ok;

	buf_init(&t->bytes, MAP_VALUE_MAX);
	ok = braces_all(s->name, &text);
	for (span word; ok && (word = words_next(&text)).len > 0;)
		ok = add_value(s, t, word);
	if (ok && t->count > 0)
		return &t->map;
	if (!s->reason->len)
		buf_printf(s->reason,
		    "bad syntax: \"randmap:%.*s\"; need "
		    "\"randmap:{value...}\"",
		    PRI(s->name));
	randmap_close(&t->map);
	return NULL;
}

static enum map_answer randmap_find(
    struct map *m, span key UNUSED, struct buf *value)
{
	struct randmap *t = CONTAINER_OF(m, struct randmap, map);
	uint32_t chance = 0;
	size_t i;
	size_t from;

	(void)!getrandom(&chance, sizeof(chance), 0);
	i = chance % t->count;
	from = i ? t->ends[i - 1] : 0;
	buf_put(value, span_of(t->bytes.data + from, t->ends[i] - from));
	return MAP_FOUND;
}

const struct map_type map_type_randmap = {
	.name = "randmap",
	.open = randmap_open,
	.find = randmap_find,
	.close = randmap_close,
};
