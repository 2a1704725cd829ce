/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/dict.c - settings by name, in the order of their file.
 */
#include "conf/expand.h"
#include "conf/lines.h"
#include "conf/setting.h"
#include "tool/postconf/postconf.h"

enum { LINE_MAX_BYTES = 16 * 1024 * 1024 };

void dict_init(struct dict *d)
{
	*d = (struct dict){ 0 };
	hmap_init(&d->by_name);
}

void dict_done(struct dict *d)
{
	hmap_done(&d->by_name);
}

struct dict_entry *dict_find(const struct dict *d, span name)
{
	uint64_t hash = hash_bytes(name);
	struct hnode *n;

	for (n = hmap_first(&d->by_name, hash); n; n = hmap_next(n, hash)) {
		struct dict_entry *e =
		    CONTAINER_OF(n, struct dict_entry, by_name);

		if (span_eq(e->name, name))
			return e;
	}
	return NULL;
}

span dict_get(const struct dict *d, span name)
{
	const struct dict_entry *e = dict_find(d, name);

	return e ? e->value : SPAN_NONE;
}

void dict_set(struct postconf *pc, struct dict *d, span name, span value)
{
	struct dict_entry *e = dict_find(d, name);

	if (e) {
		e->value = keep(pc, value);
		return;
	}
	e = keep_new(pc, 1, sizeof(*e));
	e->name = keep(pc, name);
	e->value = keep(pc, value);
	hmap_put(&d->by_name, &e->by_name, hash_bytes(name));
	if (d->last)
		d->last->next = e;
	else
		d->first = e;
	d->last = e;
}

void dict_remove(struct dict *d, struct dict_entry *e)
{
	hmap_remove(&d->by_name, &e->by_name);
	e->removed = true;
}

static void put_line(struct postconf *pc, struct dict *d, const char *path,
    uint32_t number, span line)
{
	const struct dict_entry *old;
	const char *wrong;
	span name = SPAN_NONE;
	span value = SPAN_NONE;

	wrong = conf_split_setting(line, &name, &value);
	if (wrong)
		fatal(pc, "%s, line %u: %s: \"%.*s\"", path, number, wrong,
		    ALL(line));
	old = dict_find(d, name);
	if (old && !span_eq(old->value, value))
		warn(pc, "%s, line %u: overriding earlier entry: %.*s=%.*s",
		    path, number, ALL(name), ALL(old->value));
	dict_set(pc, d, name, value);
}

void warn_stray_line(struct postconf *pc, const char *path, const char *line)
{
	warn(pc, "%s: logical line must not start with whitespace: \"%.30s%s\"",
	    path, line, strlen(line) > 30 ? "..." : "");
}

void dict_load(struct postconf *pc, struct dict *d, const char *path, span text)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(LINE_MAX_BYTES);
	struct conf_lines lines = conf_lines_of(text);
	uint32_t number = 0;

	while (conf_lines_next(&lines, &line, &number)) {
		const char *s = buf_cstr(&line);

		if (ascii_is_space(s[0]))
			warn_stray_line(pc, path, s);
		else
			put_line(pc, d, path, number, span_str(s));
	}
}

static span look_up(void *ctx, span name)
{
	return dict_get(ctx, name);
}

span dict_expand(
    struct postconf *pc, struct dict *d, const char *d_name, span value)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(EXPAND_MAX);
	CLEANUP(buf_done) struct buf error = BUF_INIT(EXPAND_MAX);

	if (span_find(value, '$') < 0)
		return value;
	if (expand_text(value, look_up, d, &out, &error) != EXPAND_OK) {
		warn(pc, "%.*s", ALL(buf_span(&error)));
		fatal(pc, "dictionary %s: macro processing error", d_name);
	}
	return keep(pc, buf_span(&out));
}
