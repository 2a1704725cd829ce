/* SPDX-License-Identifier: ISC */
#include "tool/mail/render.h"

#include "base/width.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/encoded.h"
#include "mail/field.h"
#include "mail/flowed.h"
#include "mail/html.h"
#include "mail/people.h"

enum {
	FLUSH_AT = 256 * 1024,
	VALUE_MAX = 64 * 1024, /* of a field that is decoded */
	DECODED_MAX = 4 * VALUE_MAX,
	TREE_MAX = 64 << 20,
	KILO = 1024,
	MEGA = 1024 * 1024,
	COLUMNS_MAX = 80, /* longer lines are tiring to read */
};

static const size_t CONTENT_MAX = SIZE_MAX / 4;

static void flush(struct render *r)
{
	if (!r->flush || r->is_over || r->out->len < FLUSH_AT)
		return;
	r->last = r->out->data[r->out->len - 1];
	r->is_over = !r->flush(r->ctx);
}

static bool is_done(const struct render *r)
{
	return r->is_over || r->out->failed;
}

/* ---- fields ---- */

/* Fields that are plain ASCII stay folded as they came. */
static bool is_plain(span value)
{
	return utf8_is_ascii(value) &&
	    (value.len < 2 || !memmem(value.ptr, value.len, "=?", 2));
}

static void put_lines(struct render *r, span text)
{
	while (text.len && !is_done(r)) {
		span piece = span_first(text, FLUSH_AT);
		ssize_t end = span_rfind(piece, '\n');

		/* Between lines; of one that is endless, at a character. */
		if (piece.len < text.len && end >= 0)
			piece.len = (size_t)end + 1;
		while (piece.len > FLUSH_AT / 2 && piece.len < text.len &&
		    ((uint8_t)text.ptr[piece.len] & 0xc0) == 0x80)
			piece.len--;
		width_harmless(r->out, piece, HARMLESS_LINES, false);
		text = span_from(text, piece.len);
		flush(r);
	}
}

static void put_field(struct render *r, const struct field *f)
{
	CLEANUP(buf_done) struct buf decoded = BUF_INIT(DECODED_MAX);

	if (r->as_is || is_plain(f->value) || f->value.len > VALUE_MAX) {
		put_lines(r, f->whole);
		if (f->whole.len && f->whole.ptr[f->whole.len - 1] != '\n')
			buf_putc(r->out, '\n');
		return;
	}
	width_harmless(r->out, f->name, HARMLESS_LINE, false);
	buf_put(r->out, SPAN(": "));
	encoded_decode(&decoded, f->value);
	width_harmless(
	    r->out, span_trim(buf_span(&decoded)), HARMLESS_LINE, false);
	buf_putc(r->out, '\n');
	flush(r);
}

/*
 * The status of a message is what we know of it, in place of what is written
 * there; behind all others if nothing is.
 */
static bool put_status(struct render *r, span name, bool *had, bool *had_x)
{
	bool is_x = span_eq_nocase(name, SPAN("x-status"));

	if (!is_x && !span_eq_nocase(name, SPAN("status")))
		return false;
	if (!*(is_x ? had_x : had))
		buf_put(r->out, is_x ? r->x_status : r->status);
	*(is_x ? had_x : had) = true;
	return true;
}

void render_header(struct render *r, span header, bool is_top)
{
	bool had = !is_top || !r->has_field(r->ctx, SPAN("status"));
	bool had_x = !is_top || !r->has_field(r->ctx, SPAN("x-status"));
	struct field f;

	while (!is_done(r) && field_next(&header, &f)) {
		if (is_top && put_status(r, f.name, &had, &had_x))
			continue;
		if (r->has_field(r->ctx, f.name))
			put_field(r, &f);
	}
	if (!had)
		buf_put(r->out, r->status);
	if (!had_x)
		buf_put(r->out, r->x_status);
	buf_putc(r->out, '\n');
}

/* "From ana@x Wed Feb 19 05:10:35 2020" of a message within. */
static void put_from_line(struct render *r, span header)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(VALUE_MAX);
	struct people people = { 0 };
	struct arena a;
	span value;
	usec when;

	arena_init(&a, 1 << 20);
	if (field_find(header, SPAN("from"), &value) ||
	    field_find(header, SPAN("sender"), &value))
		people_parse(value, 1, &a, &people);
	buf_put(&line, SPAN("From "));
	buf_put(&line, people.count ? people.all[0].addr : SPAN("-"));
	if (field_find(header, SPAN("date"), &value) &&
	    date_parse(value, &when)) {
		buf_putc(&line, ' ');
		date_write_ctime(&line, when);
	}
	width_harmless(r->out, buf_span(&line), HARMLESS_LINE, false);
	buf_putc(r->out, '\n');
	arena_done(&a);
}

/* ---- content ---- */

/* ">From " of an mbox is "From "; a masked one loses one mark. */
static bool is_masked(span line)
{
	size_t n = 0;

	while (n < line.len && line.ptr[n] == '>')
		n++;
	return n && span_has_prefix(span_from(line, n), SPAN("From "));
}

/* Text with its masked lines, up to the next of which put_lines() is asked. */
static void put_unmasked(struct render *r, span text)
{
	while (text.len && !is_done(r)) {
		span rest = span_from(text, 1);
		const char *mark = NULL;

		if (is_masked(text))
			text = rest;
		if (text.len)
			mark = memmem(text.ptr, text.len, "\n>", 2);
		if (!mark) {
			put_lines(r, text);
			return;
		}
		put_lines(r, span_first(text, (size_t)(mark - text.ptr) + 1));
		text = span_from(text, (size_t)(mark - text.ptr) + 1);
	}
}

static bool was_encoded(const struct part *p)
{
	return p->transfer == TRANSFER_BASE64 ||
	    p->transfer == TRANSFER_QUOTED || p->transfer == TRANSFER_UUENCODE;
}

static size_t wrap_columns(const struct render *r)
{
	return r->columns ? MIN(r->columns, (size_t)COLUMNS_MAX)
	                  : (size_t)COLUMNS_MAX;
}

static void put_text(struct render *r, const struct part *p, span text)
{
	CLEANUP(buf_done) struct buf changed = BUF_INIT(CONTENT_MAX);

	if (r->view && r->view(r->ctx, p, text, &changed)) {
		put_lines(r, buf_span(&changed));
	} else if (span_eq(p->type, SPAN("text/html"))) {
		html_to_text(&changed, text, wrap_columns(r));
		put_lines(r, buf_span(&changed));
	} else if (span_eq(p->type, SPAN("text/plain")) &&
	    span_eq_nocase(
	        params_get(&p->type_params, SPAN("format")), SPAN("flowed"))) {
		bool delsp = span_eq_nocase(
		    params_get(&p->type_params, SPAN("delsp")), SPAN("yes"));

		flowed_unwrap(&changed, text, delsp, wrap_columns(r));
		put_unmasked(r, buf_span(&changed));
	} else if (was_encoded(p)) {
		put_lines(r, text);
	} else {
		put_unmasked(r, text);
	}
}

static void put_size(struct buf *out, size_t bytes)
{
	if (bytes < (size_t)10 * KILO)
		buf_printf(out, "%zu bytes", bytes);
	else if (bytes < (size_t)10 * MEGA)
		buf_printf(out, "%zu kB", bytes / KILO);
	else
		buf_printf(out, "%zu MB", bytes / MEGA);
}

/* [image/png "cat.png", 12 kB] */
static void put_listing(struct render *r, const struct part *p, size_t bytes)
{
	buf_putc(r->out, '[');
	width_harmless(
	    r->out, span_first(p->type, VALUE_MAX / 64), HARMLESS_LINE, false);
	if (p->filename.len) {
		buf_put(r->out, SPAN(" \""));
		width_harmless(r->out, span_first(p->filename, VALUE_MAX / 64),
		    HARMLESS_LINE, false);
		buf_putc(r->out, '"');
	}
	buf_put(r->out, SPAN(", "));
	put_size(r->out, bytes);
	buf_put(r->out, SPAN("]\n"));
}

static void put_other(struct render *r, const struct part *p, span content)
{
	CLEANUP(buf_done) struct buf seen = BUF_INIT(CONTENT_MAX);

	if (r->view && r->view(r->ctx, p, content, &seen)) {
		put_lines(r, buf_span(&seen));
		return;
	}
	if (!p->parent)
		buf_put(r->out, SPAN("[Binary content]\n"));
	put_listing(r, p, content.len);
	if (!p->parent)
		buf_putc(r->out, '\n');
}

static void put_missing(struct render *r)
{
	if (!r->only_text)
		buf_put(r->out,
		    SPAN("[Missing multipart boundary - use \"show\" to "
		         "display the raw message]\n\n"));
}

static void put_leaf(struct render *r, const struct part *p)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(CONTENT_MAX);

	if (span_has_prefix(p->type, SPAN("multipart/"))) {
		put_missing(r);
		return;
	}
	parts_content(p, &content);
	if (parts_is_text(p))
		put_text(r, p, buf_span(&content));
	else if (!r->only_text)
		put_other(r, p, buf_span(&content));
}

/* ---- the tree ---- */

static void put_part_line(struct render *r, const struct part *p)
{
	CLEANUP(buf_done) struct buf position = BUF_INIT(8192);

	parts_position(&position, p);
	/* The first one of all follows the header's empty line. */
	if (!span_eq(buf_span(&position), SPAN("1")))
		buf_putc(r->out, '\n');
	buf_printf(r->out, "Part %.*s:\n", PRI(buf_span(&position)));
}

/* The prompt, or the next part, begins on a line of its own. */
static void end_line(struct render *r)
{
	size_t n = r->out->len;
	char last = n ? r->out->data[n - 1] : r->last;

	if (last && last != '\n')
		buf_putc(r->out, '\n');
}

static bool is_alternative(const struct part *p)
{
	return span_eq(p->type, SPAN("multipart/alternative"));
}

/*
 * The part and what is below it; the tree is never deeper than parts_limits
 * allow, so this may call itself.
 */
static void put_part(struct render *r, const struct part *p);

static void put_kids(struct render *r, const struct part *p)
{
	size_t begin = r->out->len;

	if (is_alternative(p) && !r->all_alternatives && p->kids) {
		put_part(r, parts_best(p, false));
		return;
	}
	for (const struct part *k = p->kids; k && !is_done(r); k = k->next) {
		if (!r->only_text && p->kind == PARTS_MULTI)
			put_part_line(r, k);
		put_part(r, k);
		if (r->only_text && r->out->len > begin)
			break;
	}
}

static void put_part(struct render *r, const struct part *p)
{
	if (!r->only_text) {
		if (p->parent && p->parent->kind == PARTS_MESSAGE)
			put_from_line(r, p->header);
		render_header(r, p->header, !p->parent);
	}
	if (p->kind == PARTS_LEAF)
		put_leaf(r, p);
	else if (!p->kids)
		put_missing(r);
	else
		put_kids(r, p);
	end_line(r);
}

static void put_as_is(struct render *r, span message)
{
	span header;
	span body;

	field_split(message, &header, &body);
	render_header(r, header, true);
	put_unmasked(r, body);
	end_line(r);
}

static void put_tree(struct render *r, span message)
{
	struct part *top;
	struct arena a;

	arena_init(&a, TREE_MAX);
	top = parts_parse(message, NULL, &a);
	if (top) {
		r->is_simple =
		    top->kind == PARTS_LEAF && top->transfer != TRANSFER_BASE64;
		put_part(r, top);
	}
	arena_done(&a);
}

void render_message(struct render *r, span message)
{
	r->is_simple = true;
	if (r->as_is)
		put_as_is(r, message);
	else
		put_tree(r, message);
}
