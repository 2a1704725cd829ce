/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/show.c - messages as text: for the screen, for quoting, for
 * saving, for searching. The commands that use it are in cmd_show.c.
 */
#include "tool/mail/show.h"

#include <errno.h>

#include "base/width.h"
#include "mail/encoded.h"
#include "mail/field.h"
#include "mail/html.h"
#include "mail/parts.h"
#include "tool/mail/filter.h"
#include "tool/mail/render.h"
#include "tool/mail/show_internal.h"
#include "tool/mail/term.h"

enum {
	FROM_LINE_MAX = 64 * 1024,
	TREE_MAX = 64 << 20,
	VIEWERS_MAX = 50,
	QUOTE_COLUMNS = 72, /* something is put in front */
};

static const size_t CONTENT_MAX = SIZE_MAX / 4;

/* ---- fields ---- */

static bool passes(
    const struct names *retained, const struct names *ignored, span name)
{
	if (retained->count)
		return names_has(retained, name);
	return !names_has(ignored, name);
}

bool show_has_field(const struct mua *m, span name, enum show_as how)
{
	switch (how) {
	case SHOW_TYPE:
		return passes(&m->retained, &m->ignored, name);
	case SHOW_SAVE:
		return passes(&m->save_retained, &m->save_ignored, name);
	case SHOW_FORWARD:
		return passes(&m->forward_retained, &m->forward_ignored, name);
	case SHOW_ALL:
		return true;
	case SHOW_QUOTE:
	case SHOW_DECODED:
		return false;
	}
	return false;
}

static bool has_field(void *ctx, span name)
{
	const struct showing *s = ctx;

	return show_has_field(s->m, name, s->how);
}

static bool view(
    void *ctx, const struct part *p, span content, struct buf *ret_text)
{
	struct showing *s = ctx;

	/* A message of thousands of parts is no reason to start as many. */
	if (s->viewers++ >= VIEWERS_MAX)
		return false;
	return filter_part(s->m, p, content, ret_text);
}

/* ---- for people ---- */

void show_put_from_line(struct mua *m, uint32_t i, struct buf *out)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(FROM_LINE_MAX);

	if (folder_from_line(m->box->folder, i, &line) < 0)
		return;
	width_harmless(out, buf_span(&line), HARMLESS_LINE, false);
	buf_putc(out, '\n');
}

static void put_status(struct showing *s, uint32_t i)
{
	uint8_t flags = box_flags(s->m->box, i);

	buf_init(&s->status, 100);
	buf_init(&s->x_status, 100);
	if (s->how != SHOW_TYPE && s->how != SHOW_ALL)
		return;
	if (flags & (FOLDER_SEEN | FOLDER_OLD))
		buf_printf(&s->status, "Status: %s%s\n",
		    flags & FOLDER_SEEN ? "R" : "",
		    flags & FOLDER_OLD ? "O" : "");
	if (flags & (FOLDER_FLAGGED | FOLDER_ANSWERED | FOLDER_DRAFT))
		buf_printf(&s->x_status, "X-Status: %s%s%s\n",
		    flags & FOLDER_FLAGGED ? "F" : "",
		    flags & FOLDER_ANSWERED ? "A" : "",
		    flags & FOLDER_DRAFT ? "T" : "");
}

static bool flush(void *ctx)
{
	struct showing *s = ctx;

	return s->flush(s);
}

int show_render(struct showing *s, uint32_t i, struct buf *out)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(CONTENT_MAX);
	struct render r = {
		.out = out,
		.ctx = s,
		.has_field = has_field,
		.view = view,
		.flush = s->flush ? flush : NULL,
		.columns = s->how == SHOW_QUOTE ? QUOTE_COLUMNS
		                                : term_columns(s->m->term),
		.all_alternatives =
		    vars_is_set(s->m->vars, "print-alternatives") ||
		    s->how == SHOW_ALL,
		.as_is = s->as_is,
		.only_text = s->how == SHOW_QUOTE,
	};
	int ret = box_content(s->m, i, &content);

	if (ret < 0)
		return ret;
	put_status(s, i);
	r.status = buf_span(&s->status);
	r.x_status = buf_span(&s->x_status);
	s->viewers = 0;
	render_message(&r, buf_span(&content));
	s->is_simple = r.is_simple;
	buf_done(&s->status);
	buf_done(&s->x_status);
	return 0;
}

/* ---- for programs ---- */

static bool is_status(span name)
{
	return span_eq_nocase(name, SPAN("status")) ||
	    span_eq_nocase(name, SPAN("x-status"));
}

int show_raw(struct showing *s, uint32_t i, struct buf *out)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(CONTENT_MAX);
	span header;
	span body;
	struct field f;
	int r = box_content(s->m, i, &content);

	if (r < 0)
		return r;
	field_split(buf_span(&content), &header, &body);
	while (field_next(&header, &f))
		if (has_field(s, f.name) &&
		    (s->how == SHOW_SAVE || !is_status(f.name)))
			buf_put(out, f.whole);
	put_status(s, i);
	buf_put(out, buf_span(&s->status));
	buf_put(out, buf_span(&s->x_status));
	buf_done(&s->status);
	buf_done(&s->x_status);
	buf_putc(out, '\n');
	buf_put(out, body);
	return 0;
}

/* The first leaf that is text, or just the first. */
static const struct part *main_part(const struct part *top)
{
	const struct part *first = NULL;

	for (const struct part *p = top; p; p = parts_walk(p)) {
		if (p->kind != PARTS_LEAF)
			continue;
		if (!first)
			first = p;
		if (span_has_prefix(p->type, SPAN("text/")))
			return p;
	}
	return first;
}

static int put_decoded(struct mua *m, uint32_t i, struct buf *out)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(CONTENT_MAX);
	const struct part *p;
	struct arena a;
	int r = box_content(m, i, &content);

	if (r < 0)
		return r;
	arena_init(&a, TREE_MAX);
	p = parts_parse(buf_span(&content), NULL, &a);
	if (p)
		p = main_part(p);
	if (p)
		parts_content(p, out);
	arena_done(&a);
	return 0;
}

int show_text(struct mua *m, uint32_t i, enum show_as how, struct buf *out)
{
	struct showing s = { .m = m, .how = how };
	int r = -EINVAL;

	switch (how) {
	case SHOW_SAVE:
		r = show_raw(&s, i, out);
		break;
	case SHOW_DECODED:
		r = put_decoded(m, i, out);
		break;
	case SHOW_TYPE:
	case SHOW_ALL:
		show_put_from_line(m, i, out);
		r = show_render(&s, i, out);
		break;
	case SHOW_QUOTE:
	case SHOW_FORWARD:
		r = show_render(&s, i, out);
		break;
	}
	if (r == 0 && out->failed) {
		mua_error(m, "Message %u is too large", (unsigned)i + 1);
		r = -EFBIG;
	}
	return r;
}

/* ---- what is searched in ---- */

static void put_value(struct buf *out, span value)
{
	if (out->len)
		buf_put(out, SPAN(", "));
	encoded_decode(out, value);
}

static bool put_fields(span header, span name, struct buf *out)
{
	struct field f;
	bool found = false;

	while (field_next(&header, &f)) {
		if (!span_eq_nocase(f.name, name))
			continue;
		put_value(out, f.value);
		found = true;
	}
	return found;
}

static void put_sender(struct mua *m, uint32_t i, span header, struct buf *out)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(FROM_LINE_MAX);
	span rest;

	if (put_fields(header, SPAN("from"), out) ||
	    put_fields(header, SPAN("sender"), out))
		return;
	if (folder_from_line(m->box->folder, i, &line) < 0)
		return;
	rest = buf_span(&line);
	(void)span_skip(&rest, SPAN("From "));
	buf_put(out, span_word(&rest, " "));
}

static void put_header(span header, struct buf *out)
{
	struct field f;

	while (field_next(&header, &f)) {
		buf_put(out, f.name);
		buf_put(out, SPAN(": "));
		encoded_decode(out, f.value);
		buf_putc(out, '\n');
	}
}

/* All that is text, in all parts. */
static void put_part_text(void *ctx, const struct part *p)
{
	CLEANUP(buf_done) struct buf html = BUF_INIT(CONTENT_MAX);
	struct buf *out = ctx;

	if (!parts_is_text(p))
		return;
	if (!span_eq(p->type, SPAN("text/html"))) {
		parts_content(p, out);
		return;
	}
	parts_content(p, &html);
	html_to_text(out, buf_span(&html), 0);
}

int show_each_leaf(struct mua *m, uint32_t i, show_leaf_fn *fn, void *ctx)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(CONTENT_MAX);
	struct arena a;
	int r = box_content(m, i, &content);

	if (r < 0)
		return r;
	arena_init(&a, TREE_MAX);
	for (const struct part *p = parts_parse(buf_span(&content), NULL, &a);
	     p; p = parts_walk(p))
		if (p->kind == PARTS_LEAF)
			fn(ctx, p);
	arena_done(&a);
	return 0;
}

int show_field(struct mua *m, uint32_t i, enum show_field what, struct buf *out)
{
	CLEANUP(buf_done) struct buf header = BUF_INIT(CONTENT_MAX);
	span h;
	int r;

	if (what == SHOW_BODY)
		return show_each_leaf(m, i, put_part_text, out);
	r = box_header(m, i, &header);
	if (r < 0)
		return r;
	h = buf_span(&header);
	switch (what) {
	case SHOW_FROM:
		put_sender(m, i, h, out);
		break;
	case SHOW_TO:
		(void)put_fields(h, SPAN("to"), out);
		(void)put_fields(h, SPAN("cc"), out);
		(void)put_fields(h, SPAN("bcc"), out);
		break;
	case SHOW_SUBJECT:
		(void)put_fields(h, SPAN("subject"), out);
		break;
	case SHOW_HEADER:
		put_header(h, out);
		break;
	case SHOW_BODY:
		break;
	}
	return 0;
}
