/* SPDX-License-Identifier: ISC */
#include "map/tables.h"

#include "conf/words.h"

/* Who changes a table and sends mail at once finds the new one, unless others
 * have asked in between; and a look is a few calls of stat(). */
#define LOOK_EVERY  (20 * USEC_MSEC)
#define RETRY_EVERY USEC_SEC

void tables_init(struct tables *t, const struct map_host *host)
{
	*t = (struct tables){ .host = host };
	hmap_init(&t->known);
}

void tables_done(struct tables *t)
{
	struct hnode *n;

	while ((n = hmap_any(&t->known))) {
		struct table *one = CONTAINER_OF(n, struct table, node);

		hmap_remove(&t->known, n);
		map_close(&one->map);
		mem_free((void *)(uintptr_t)one->spec.ptr);
		mem_free(one);
	}
	hmap_done(&t->known);
}

static struct table *find_table(struct tables *t, span spec, unsigned flags)
{
	uint64_t hash = hash_bytes(spec);
	struct hnode *n = hmap_first(&t->known, hash);

	for (; n; n = hmap_next(n, hash)) {
		struct table *one = CONTAINER_OF(n, struct table, node);

		if (one->flags == flags && span_eq(one->spec, spec))
			return one;
	}
	return NULL;
}

static struct map *open_map(const struct tables *t, span spec, unsigned flags)
{
	const struct map_setup s = {
		.host = t->host, .flags = flags, .depth = t->depth
	};

	return map_open_inner(&s, spec);
}

struct table *tables_get(struct tables *t, span spec, unsigned flags)
{
	struct table *one = find_table(t, spec, flags);
	char *copy;

	if (one)
		return one;
	copy = mem_new(spec.len + 1, 1);
	memcpy(copy, spec.ptr, spec.len);
	one = NEW(struct table);
	one->spec = span_of(copy, spec.len);
	one->flags = flags;
	one->map = open_map(t, one->spec, flags);
	hmap_put(&t->known, &one->node, hash_bytes(one->spec));
	return one;
}

/*
 * The old one serves on if the new one cannot be opened. When the reason is a
 * new one, another process may do better: one that has not dropped its
 * privileges yet.
 */
static void reopen(struct tables *t, struct table *one, usec now)
{
	struct map *fresh = open_map(t, one->spec, one->flags);
	span why = map_error(fresh);

	one->failed = why.len ? now : 0;
	if (why.len && !span_eq(why, map_error(one->map)))
		t->stuck = one;
	if (why.len && !map_error(one->map).len) {
		map_close(&fresh);
		return;
	}
	map_close(&one->map);
	one->map = fresh;
}

void tables_refresh(struct tables *t, usec now)
{
	struct hnode *n;

	if (t->looked && now - t->looked < LOOK_EVERY)
		return;
	t->looked = now;
	for (n = hmap_each(&t->known, NULL); n; n = hmap_each(&t->known, n)) {
		struct table *one = CONTAINER_OF(n, struct table, node);

		if (one->failed && now - one->failed < RETRY_EVERY)
			continue;
		if (map_changed(one->map))
			reopen(t, one, now);
	}
}

void tables_each_file(
    const struct tables *t, void (*fn)(void *ctx, const char *path), void *ctx)
{
	struct hnode *n = NULL;

	while ((n = hmap_each(&t->known, n))) {
		const struct table *one = CONTAINER_OF(n, struct table, node);

		if (one->map->path)
			fn(ctx, one->map->path);
		if (one->map->type && one->map->type->files)
			one->map->type->files(one->map, fn, ctx);
	}
}

/* --- lists --- */

static uint32_t count_words(span value)
{
	uint32_t n = 0;

	while (words_next(&value).len)
		n++;
	return n;
}

bool table_list_make(struct table_list *l, struct tables *t, struct arena *a,
    span value, unsigned flags)
{
	uint32_t room = count_words(value);
	span word;

	l->count = 0;
	if (room == 0)
		return true;
	l->tables = arena_alloc(a, room, sizeof(struct table *));
	if (!l->tables)
		return false;
	while (l->count < room && (word = words_next(&value)).len)
		l->tables[l->count++] = tables_get(t, word, flags);
	return true;
}

static void warn_of(const struct table *t, struct buf *line)
{
	const struct map_host *host = t->map->host;

	host->warn(host->ctx, buf_span(line));
	buf_clear(line);
}

/* An empty value is neither yes nor no. */
static enum map_answer complain_empty(
    const struct table_list *l, const struct table *t, span key)
{
	struct buf line = BUF_INIT(8192);

	buf_printf(&line, "%.*s lookup of %.*s returns an empty string result",
	    PRI(l->title), PRI(key));
	warn_of(t, &line);
	buf_printf(&line, "%.*s should return NO RESULT in case of NOT FOUND",
	    PRI(l->title));
	warn_of(t, &line);
	buf_done(&line);
	return MAP_RETRY;
}

static enum map_answer complain(const struct table *t, span key)
{
	struct buf line = BUF_INIT(8192);

	buf_printf(
	    &line, "%.*s lookup error for \"%.*s\"", PRI(t->spec), PRI(key));
	warn_of(t, &line);
	buf_done(&line);
	return MAP_RETRY;
}

static enum map_answer find_in(
    const struct table_list *l, struct table *t, span key, struct buf *value)
{
	enum map_answer answer = map_find(t->map, key, value);

	if (answer == MAP_FOUND && value->len == 0)
		return complain_empty(l, t, key);
	return answer == MAP_RETRY ? complain(t, key) : answer;
}

enum map_answer table_list_find(const struct table_list *l, span key,
    enum table_find how, struct buf *value, const struct table **ret_hit)
{
	if (key.len == 0)
		return MAP_NONE;
	for (uint32_t i = 0; i < l->count; i++) {
		struct table *t = l->tables[i];
		enum map_answer answer;

		if (how == TABLE_PART_OF_KEY && !map_is_exact(t->map))
			continue;
		answer = find_in(l, t, key, value);
		if (answer == MAP_NONE)
			continue;
		if (ret_hit)
			*ret_hit = t;
		return answer;
	}
	return MAP_NONE;
}
