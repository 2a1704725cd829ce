/* SPDX-License-Identifier: ISC */
/*
 * tool/postmap/remove.c - take keys out of tables.
 */
#include <errno.h>
#include <unistd.h>

#include "map/source.h"
#include "tool/postmap/postmap.h"

enum { MAX_KEY = 1 << 20 };

/* A table that is open for removing. */
struct target {
	struct tool *tool;
	struct map_writer *writer;
	struct table_name name;
	struct buf reason;
	bool changed;
};

/* Types that may be written to by nobody at all say it in their own way. */
static bool says_not_supported(span type)
{
	return span_eq(type, SPAN("static")) || span_eq(type, SPAN("environ"));
}

NO_RETURN static void refuse(struct tool *t, struct target *g)
{
	const char *spec = buf_cstr(&g->name.spec);

	if (!says_not_supported(g->name.type) &&
	    !span_eq(g->name.type, SPAN("fail")))
		fatal(t, "%s map requires O_RDONLY access mode", spec);
	/* What is wrong with its name comes first. */
	(void)open_table(t, spec, 0);
	if (span_eq(g->name.type, SPAN("fail")))
		fatal(t, "table %s: delete error: Application error", spec);
	fatal(t, "table %s: delete operation is not supported", spec);
}

/* Nothing can be removed from what is not there, so it is not made. */
static void check_file(
    struct tool *t, const struct target *g, const struct map_type *type)
{
	struct buf path = BUF_INIT(8192);

	buf_put(&path, g->name.name);
	buf_put(&path, span_str(type->writer->suffix));
	if (access(buf_cstr(&path), F_OK) < 0)
		fatal(t, "open database %s: %s", buf_cstr(&path),
		    strerror(errno));
	buf_done(&path);
}

static void open_target(struct tool *t, const char *argument, struct target *g)
{
	const struct map_type *type;
	struct map_write w;

	*g = (struct target){ .tool = t, .reason = BUF_INIT(8192) };
	name_table(t, argument, &g->name);
	check_name(t, &g->name);
	type = map_type_find(&t->host, g->name.type, &g->reason);
	if (!type)
		fatal(t, "%s", buf_cstr(&g->reason));
	if (span_eq(g->name.type, SPAN("internal")))
		return; /* always empty */
	if (!type->writer)
		refuse(t, g);
	w = (struct map_write){ .host = &t->host,
		.name = g->name.name,
		.flags = t->flags,
		.keep = true,
		.mode = 0644,
		.keep_owner = true,
		.reason = &g->reason };
	if (!span_eq(g->name.type, SPAN("cdb")))
		check_file(t, g, type);
	g->writer = type->writer->begin(&w);
	if (!g->writer)
		fatal(t, "%s", buf_cstr(&g->reason));
}

/* Whether it was there. */
static bool remove_from(struct target *g, span key)
{
	struct buf folded = BUF_INIT(MAX_KEY);
	int r = MAP_DROP_NONE;

	if (g->tool->flags & MAP_FOLD_FIXED) {
		map_fold(g->tool->flags, key, &folded);
		key = buf_span(&folded);
	}
	if (g->writer)
		r = g->writer->ops->drop(g->writer, key);
	if (r < 0)
		fatal(g->tool, "%s", buf_cstr(&g->reason));
	buf_done(&folded);
	g->changed = g->changed || r == 0;
	return r == 0;
}

static void close_target(struct target *g)
{
	struct map_writer *w = STEAL(g->writer);

	if (w && g->changed && w->ops->commit(w) < 0)
		fatal(g->tool, "%s", buf_cstr(&g->reason));
	else if (w && !g->changed)
		w->ops->abandon(w);
	buf_done(&g->reason);
	buf_done(&g->name.spec);
}

int remove_one(struct tool *t, char **names, const char *key)
{
	bool found = false;

	for (; *names; names++) {
		struct target g;

		open_target(t, *names, &g);
		if (remove_from(&g, span_str(key)))
			found = true;
		close_target(&g);
	}
	return found ? 0 : 1;
}

int remove_stdin(struct tool *t, char **names)
{
	struct target *targets;
	struct input in;
	size_t n = 0;
	bool found = false;
	span line;

	while (names[n])
		n++;
	targets = mem_new(n, sizeof(targets[0]));
	for (size_t i = 0; i < n; i++)
		open_target(t, names[i], &targets[i]);
	input_init(&in, t);
	while (input_line(&in, &line))
		for (size_t i = 0; i < n; i++)
			if (remove_from(&targets[i], source_text(line)))
				found = true;
	input_done(&in);
	for (size_t i = 0; i < n; i++)
		close_target(&targets[i]);
	mem_free(targets);
	return found ? 0 : 1;
}
