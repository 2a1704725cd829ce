/* SPDX-License-Identifier: ISC */
/*
 * map/texthash.c - "texthash:/etc/postfix/access": the text itself, as
 * postmap would read it, held in memory.
 */
#include "map/memory.h"
#include "map/source.h"
#include "map/types.h"

enum {
	MAX_TEXT = 1 << 30,
	MAX_CONTENT = 1 << 28,
	/* Somebody is writing it: how often to read it again. */
	MAX_READS = 5,
};

struct reading {
	const struct map_setup *setup;
	struct memory_map *table;
	struct source source;
	struct buf content; /* of a file that a value names */
};

static void pass_warning(void *ctx, span text)
{
	const struct map_setup *s = ctx;

	s->host->warn(s->host->ctx, text);
}

static bool read_value(struct reading *r, span *value)
{
	struct buf why = BUF_INIT(8192);
	struct map_setup s = *r->setup;
	bool ok;

	s.reason = &why;
	buf_clear(&r->content);
	ok = map_file_value(&s, *value, &r->content);
	if (ok)
		*value = buf_span(&r->content);
	else
		source_warn(&r->source, "%.*s: skipping this entry",
		    PRI(buf_span(&why)));
	buf_done(&why);
	return ok;
}

/* False: the table cannot be used. */
static bool add(struct reading *r, span key, span value)
{
	unsigned flags = r->setup->flags;
	int n =
	    memory_put(r->table, flags, key, value, flags & MAP_DUP_REPLACE);

	if (n == PAIRS_PUT || (flags & MAP_DUP_IGNORE))
		return true;
	if (flags & MAP_DUP_WARN) {
		source_warn(&r->source, "duplicate entry: \"%.*s\"", PRI(key));
		return true;
	}
	buf_printf(r->setup->reason, "%s, line %u: duplicate entry: \"%.*s\"",
	    r->source.name, r->source.first, PRI(key));
	return false;
}

static bool add_all(struct reading *r)
{
	span key;
	span value;

	while (source_pair(&r->source, &key, &value)) {
		if ((r->setup->flags & MAP_VALUE_IS_FILE) &&
		    !read_value(r, &value))
			continue;
		if (!add(r, key, value))
			return false;
	}
	return true;
}

/* As Postfix says it: "open database", but "read". */
static void say_why(const struct map_setup *s, int r)
{
	bool opened = span_has_prefix(buf_span(s->reason), SPAN("read"));

	buf_clear(s->reason);
	buf_printf(s->reason, "%s %.*s: %s", opened ? "read" : "open database",
	    PRI(s->name), strerror(-r));
}

/* The text as it stays: nobody changed it while it was read. */
static bool read_text(
    const struct map_setup *s, struct memory_map *t, struct buf *text)
{
	struct stat st;
	int r;

	for (int i = 0; i < MAX_READS; i++) {
		struct map *m = &t->map;

		buf_clear(text);
		r = map_read_file(s, s->name, text, m);
		if (r < 0) {
			say_why(s, r);
			return false;
		}
		if (stat(m->path, &st) < 0 ||
		    ((size_t)st.st_size == text->len &&
		        st.st_mtim.tv_sec == m->mtime.tv_sec &&
		        st.st_mtim.tv_nsec == m->mtime.tv_nsec))
			break;
	}
	return true;
}

static struct map *texthash_open(const struct map_setup *s)
{
	struct memory_map *t = memory_new();
	struct reading r = {
		.setup = s, .table = t, .content = BUF_INIT(MAX_CONTENT)
	};
	struct buf text = BUF_INIT(MAX_TEXT);
	bool ok = read_text(s, t, &text);

	if (ok) {
		source_init(&r.source, t->map.path, buf_span(&text));
		r.source.utf8 = s->flags & MAP_UTF8;
		r.source.ignoring = " -- ignoring this line";
		r.source.warn = pass_warning;
		r.source.ctx = (void *)(uintptr_t)s;
		ok = add_all(&r);
		source_done(&r.source);
	}
	buf_done(&r.content);
	buf_done(&text);
	if (ok)
		return &t->map;
	mem_free(t->map.path);
	memory_close(&t->map);
	return NULL;
}

const struct map_type map_type_texthash = {
	.name = "texthash",
	.traits = MAP_EXACT | MAP_FILE,
	.open = texthash_open,
	.find = memory_find,
	.each = memory_each,
	.close = memory_close,
};
