/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/edit_main.c - settings of main.cf: -e, -X, -#.
 *
 * Lines are passed through as they are, comments between the lines of one
 * setting too; only those of the settings asked for are replaced, dropped or
 * commented out. What was not there is added at the end, in the order of
 * names.
 */
#include <stdlib.h>

#include "conf/setting.h"
#include "tool/postconf/edit.h"

struct request {
	struct hnode by_name;
	span name;
	span value;
	unsigned found;
};

struct edit_main {
	struct postconf *pc;
	struct hmap by_name;
	struct request **list;
	size_t count;
};

static struct request *find(const struct edit_main *m, span name)
{
	uint64_t hash = hash_bytes(name);
	struct hnode *n;

	for (n = hmap_first(&m->by_name, hash); n; n = hmap_next(n, hash)) {
		struct request *r = CONTAINER_OF(n, struct request, by_name);

		if (span_eq(r->name, name))
			return r;
	}
	return NULL;
}

static void add(struct edit_main *m, span name, span value)
{
	struct request *r = find(m, name);

	if (r) {
		if (m->pc->mode & EDIT_CONF)
			warn(m->pc, "ignoring earlier request: '%.*s = %.*s'",
			    ALL(name), ALL(r->value));
		r->value = value;
		return;
	}
	r = keep_new(m->pc, 1, sizeof(*r));
	r->name = name;
	r->value = value;
	hmap_put(&m->by_name, &r->by_name, hash_bytes(name));
	m->list[m->count++] = r;
}

static void add_argument(struct edit_main *m, const char *argument)
{
	struct postconf *pc = m->pc;
	span text = span_str(argument);
	span name = SPAN_NONE;
	span value = SPAN_NONE;
	const char *wrong;

	if (span_find(text, '\n') >= 0)
		fatal(pc, "-e, -X, or -# accepts no multi-line input");
	while (text.len > 0 && ascii_is_space(text.ptr[0]))
		text = span_from(text, 1);
	if (text.len > 0 && text.ptr[0] == '#')
		fatal(pc, "-e, -X, or -# accepts no comment input");
	if (pc->mode & EDIT_CONF) {
		wrong = conf_split_setting(text, &name, &value);
		if (wrong)
			fatal(pc, "%s: \"%.*s\"", wrong, ALL(text));
		add(m, name, value);
		return;
	}
	if (text.len == 0)
		fatal(pc, "-X or -# requires non-blank parameter names");
	if (span_find(text, '=') >= 0)
		fatal(pc, "-X or -# requires parameter names without value");
	add(m, text, SPAN_NONE);
}

static void put_setting(struct buf *out, const struct request *r)
{
	buf_put(out, r->name);
	buf_put(out, SPAN(" = "));
	buf_put(out, r->value);
	buf_putc(out, '\n');
}

static span name_of(span line)
{
	size_t n = 0;

	while (n < line.len && line.ptr[n] != '=' &&
	    span_find(SPAN(" \t\r\n"), line.ptr[n]) < 0)
		n++;
	return span_first(line, n);
}

static void replace(struct edit_main *m, const char *path, span line,
    struct request *r, struct buf *out)
{
	if (r->found++ == 1)
		warn(m->pc, "%s: multiple entries for \"%.*s\"", path,
		    ALL(r->name));
	if (m->pc->mode & EDIT_CONF) {
		put_setting(out, r);
	} else if (m->pc->mode & COMMENT_OUT) {
		buf_putc(out, '#');
		buf_put(out, line);
	}
}

static int by_name(const void *a, const void *b)
{
	const struct request *const *x = a;
	const struct request *const *y = b;

	return span_cmp((*x)->name, (*y)->name);
}

static void rewrite(void *ctx, struct edit *e)
{
	struct edit_main *m = ctx;
	struct request *r = NULL;
	span line;

	while (edit_next_line(e, &line)) {
		if (!ascii_is_space(line.ptr[0])) {
			r = find(m, name_of(line));
			if (r)
				replace(m, e->path, line, r, &e->out);
		} else if (r && (m->pc->mode & COMMENT_OUT)) {
			buf_putc(&e->out, '#');
			buf_put(&e->out, line);
		}
		if (!r)
			buf_put(&e->out, line);
	}
	qsort(m->list, m->count, sizeof(struct request *), by_name);
	for (size_t i = 0; i < m->count; i++)
		if ((m->pc->mode & EDIT_CONF) && m->list[i]->found == 0)
			put_setting(&e->out, m->list[i]);
}

void edit_main(struct postconf *pc, char **requests)
{
	struct edit_main m = { .pc = pc };
	size_t n = 0;

	while (requests[n])
		n++;
	m.list = keep_new(pc, n + 1, sizeof(struct request *));
	hmap_init(&m.by_name);
	for (size_t i = 0; i < n; i++)
		add_argument(&m, requests[i]);
	edit_run(pc, "/main.cf", rewrite, &m);
	hmap_done(&m.by_name);
}
