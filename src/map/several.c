/* SPDX-License-Identifier: ISC */
#include "map/several.h"

#include "conf/words.h"
#include "map/braces.h"

/* How many words; 0 if one of them is no table. */
static size_t count_tables(span text)
{
	size_t n = 0;

	for (span word = words_next(&text); word.len;
	     word = words_next(&text), n++)
		if (span_find(word, ':') < 0)
			return 0;
	return n;
}

static void add_owner(struct map *m, const struct map *inner)
{
	if (m->owner == 0)
		m->owner = inner->owner;
	else if (inner->owner && inner->owner != m->owner)
		m->owner = MAP_OWNERS;
}

struct map *several_open(const struct map_setup *s)
{
	struct several *t;
	span text;
	size_t n = braces_all(s->name, &text) ? count_tables(text) : 0;

	if (n == 0) {
		buf_printf(s->reason,
		    "bad syntax: \"%.*s:%.*s\"; need \"%.*s:{type:name...}\"",
		    PRI(s->type), PRI(s->name), PRI(s->type));
		return NULL;
	}
	t = NEW(struct several);
	t->all = mem_new(n, sizeof(t->all[0]));
	buf_init(&t->key, MAP_VALUE_MAX);
	buf_init(&t->value, MAP_VALUE_MAX);
	for (; t->count < n; t->count++) {
		struct map *m = map_open_inner(s, words_next(&text));

		/* It goes on with those that work; the reason stays. */
		if (m->reason.len && !s->reason->len)
			buf_put(s->reason, buf_span(&m->reason));
		t->all[t->count] = m;
		add_owner(&t->map, m);
	}
	/* The first one says how keys are looked up. */
	t->map.traits = t->all[0]->traits & MAP_EXACT;
	return &t->map;
}

void several_close(struct map *m)
{
	struct several *t = CONTAINER_OF(m, struct several, map);

	for (size_t i = 0; i < t->count; i++)
		map_close(&t->all[i]);
	mem_free(t->all);
	buf_done(&t->key);
	buf_done(&t->value);
	mem_free(t);
}

bool several_changed(struct map *m)
{
	struct several *t = CONTAINER_OF(m, struct several, map);

	for (size_t i = 0; i < t->count; i++)
		if (map_changed(t->all[i]))
			return true;
	return false;
}
