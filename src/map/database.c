/* SPDX-License-Identifier: ISC */
#include "map/database.h"

#include <time.h>

enum {
	MAX_PATH = 4096,
	/* A source changed that short ago is not warned about: its table may
	 * be about to be made. */
	RECENT_S = 100,
};

static void warn_if_stale(const struct map_setup *s, const char *path, int fd)
{
	struct buf text = BUF_INIT(2 * MAX_PATH);
	struct buf source = BUF_INIT(MAX_PATH);
	struct stat src;
	struct stat db;

	buf_put(&source, s->name);
	if (fstat(fd, &db) == 0 && stat(buf_cstr(&source), &src) == 0 &&
	    src.st_mtime > db.st_mtime &&
	    src.st_mtime < time(NULL) - RECENT_S) {
		buf_printf(&text, "database %s is older than source file %.*s",
		    path, PRI(s->name));
		s->host->warn(s->host->ctx, buf_span(&text));
	}
	buf_done(&source);
	buf_done(&text);
}

void database_init(struct database *d, const struct database_ops *ops,
    const struct map_setup *s, const char *path, int fd)
{
	d->ops = ops;
	d->try_nul = !(s->flags & MAP_WITHOUT_NUL);
	d->try_plain = !(s->flags & MAP_WITH_NUL);
	buf_init(&d->key, MAP_VALUE_MAX);
	map_watch(&d->map, span_str(path), fd);
	warn_if_stale(s, path, fd);
}

void database_done(struct database *d)
{
	buf_done(&d->key);
}

span database_with_nul(struct buf *b, span s)
{
	buf_clear(b);
	buf_put(b, s);
	buf_putc(b, '\0');
	return buf_span(b);
}

/* Up to the first NUL, as Postfix does it. */
static span text_of(span s)
{
	return span_first(s, s.len ? strnlen(s.ptr, s.len) : 0);
}

/* Both ways, until a hit shows which one the file was written in. */
static int get_either(struct database *d, span key, struct buf *value)
{
	int r = DATABASE_NONE;

	if (d->try_nul) {
		r = d->ops->get(d, database_with_nul(&d->key, key), value);
		if (r == DATABASE_FOUND)
			d->try_plain = false;
	}
	if (r == DATABASE_NONE && d->try_plain) {
		r = d->ops->get(d, key, value);
		if (r == DATABASE_FOUND)
			d->try_nul = false;
	}
	return r;
}

enum map_answer database_find(struct map *m, span key, struct buf *value)
{
	struct database *d = CONTAINER_OF(m, struct database, map);
	int r = get_either(d, key, value);

	if (r < 0)
		return d->ops->complain(m, "reading", r);
	value->len = text_of(buf_span(value)).len;
	return r == DATABASE_FOUND ? MAP_FOUND : MAP_NONE;
}

struct each {
	bool (*fn)(void *ctx, span key, span value);
	void *ctx;
};

static bool pass_pair(void *ctx, span key, span value)
{
	const struct each *e = ctx;

	return e->fn(e->ctx, text_of(key), text_of(value));
}

enum map_answer database_each(
    struct map *m, bool (*fn)(void *ctx, span key, span value), void *ctx)
{
	struct database *d = CONTAINER_OF(m, struct database, map);
	struct each e = { .fn = fn, .ctx = ctx };
	int r = d->ops->each(d, pass_pair, &e);

	return r < 0 ? d->ops->complain(m, "seeking", r) : MAP_NONE;
}
