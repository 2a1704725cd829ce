/* SPDX-License-Identifier: ISC */
/*
 * Line after line. A line is compared with the boundaries of all multiparts
 * that are open, the innermost first, and must be equal but for blanks at its
 * end: so one boundary may be the beginning of another. A line that is the
 * boundary of an outer one ends what is open within. The line end before a
 * boundary belongs to it.
 *
 *	header --empty line--> body --boundary--> header of the next
 *	                       body --last boundary--> body of the multipart
 *
 * A multipart's own body is open until its parent's next boundary, or the end;
 * what stands in it outside of its children is for readers of older times.
 */
#include "mail/parts.h"

#include "mail/charset.h"
#include "mail/field.h"

enum {
	DEPTH_PRESET = 100,
	DEPTH_MAX = 1000,
	COUNT_PRESET = 10000,
	PIECE = 64 * 1024,
	FILENAME_MAX_LEN = 200,
};

struct open_multi {
	struct part *part;
	struct part *last; /* of its children */
	span boundary;
};

struct parser {
	struct arena *arena;
	struct part *now;        /* whose line this is */
	struct open_multi *open; /* innermost last */
	uint32_t open_count;
	uint32_t depth;
	uint32_t room; /* so many parts may come */
	bool in_header;
};

/* --- what a header says --- */

/* In lower case; empty when there is no room. */
static span lower_dup(struct arena *a, span s)
{
	char *p = arena_alloc(a, s.len, 1);

	for (size_t i = 0; p && i < s.len; i++)
		p[i] = ascii_lower(s.ptr[i]);
	return p ? span_of(p, s.len) : SPAN("");
}

static void read_type(struct part *p, span value, struct arena *a)
{
	span digest = SPAN("multipart/digest");

	params_parse(value, a, &p->type_params);
	if (span_find(p->type_params.value, '/') > 0)
		p->type = lower_dup(a, p->type_params.value);
	if (!p->type.len)
		p->type = p->parent && span_eq(p->parent->type, digest)
		    ? SPAN("message/rfc822")
		    : SPAN("text/plain");
	p->filename = params_get(&p->type_params, SPAN("name"));
	if (span_has_prefix(p->type, SPAN("text/"))) {
		p->charset = params_get(&p->type_params, SPAN("charset"));
		p->charset = span_word(&p->charset, " \t");
	}
}

static void read_disposition(struct part *p, span value, struct arena *a)
{
	struct params params;
	span filename;

	params_parse(value, a, &params);
	p->disposition = lower_dup(a, params.value);
	filename = params_get(&params, SPAN("filename"));
	if (filename.len)
		p->filename = filename;
}

static void read_header(struct part *p, struct arena *a)
{
	span type = SPAN_NONE;
	span disposition = SPAN_NONE;
	span transfer = SPAN_NONE;
	const struct {
		span name;
		span *value;
	} wanted[] = {
		{ SPAN("Content-Type"), &type },
		{ SPAN("Content-Disposition"), &disposition },
		{ SPAN("Content-Transfer-Encoding"), &transfer },
	};
	span rest = p->header;
	struct field f;

	while (field_next(&rest, &f))
		for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
			if (!wanted[i].value->ptr &&
			    span_eq_nocase(wanted[i].name, f.name))
				*wanted[i].value = f.value;
	read_type(p, type, a);
	if (disposition.len)
		read_disposition(p, disposition, a);
	p->transfer = transfer_parse(transfer);
}

static bool is_message(span type)
{
	return span_eq(type, SPAN("message/rfc822")) ||
	    span_eq(type, SPAN("message/global"));
}

/* Notices of delivery and the like (RFC 3464, 8098, 5965) are header fields. */
bool parts_is_text(const struct part *p)
{
	return p->kind == PARTS_LEAF &&
	    (span_has_prefix(p->type, SPAN("text/")) ||
	        (span_has_prefix(p->type, SPAN("message/")) &&
	            !is_message(p->type)));
}

static enum parts_kind kind_of(const struct part *p, span boundary)
{
	bool encoded = p->transfer == TRANSFER_BASE64 ||
	    p->transfer == TRANSFER_QUOTED || p->transfer == TRANSFER_UUENCODE;

	if (span_has_prefix(p->type, SPAN("multipart/")))
		return boundary.len ? PARTS_MULTI : PARTS_LEAF;
	if (is_message(p->type))
		return encoded ? PARTS_LEAF : PARTS_MESSAGE;
	return PARTS_LEAF;
}

/* --- the tree --- */

static span without_blanks_behind(span s)
{
	while (s.len && ascii_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* A child of `parent`, behind `last`, whose header begins here. */
static struct part *begin_part(
    struct parser *s, struct part *parent, struct part *last, const char *at)
{
	struct part *p = s->room ? arena_new(s->arena, struct part) : NULL;

	if (!p) {
		s->room = 0;
		return NULL;
	}
	s->room--;
	p->parent = parent;
	p->number = last ? last->number + 1 : 1;
	p->depth = parent ? parent->depth + 1 : 0;
	p->header = span_of(at, 0);
	if (last)
		last->next = p;
	else if (parent)
		parent->kids = p;
	s->now = p;
	s->in_header = true;
	return p;
}

/* The header of this part ends before `end`, its body begins at `body`. */
static void end_header(struct parser *s, const char *end, const char *body)
{
	struct part *p = s->now;
	span boundary;

	s->in_header = false;
	p->header.len = (size_t)(end - p->header.ptr);
	p->body = span_of(body, 0);
	read_header(p, s->arena);
	boundary = without_blanks_behind(
	    params_get(&p->type_params, SPAN("boundary")));
	if (p->depth >= s->depth)
		return;
	p->kind = kind_of(p, boundary);
	if (p->kind == PARTS_MULTI)
		s->open[s->open_count++] =
		    (struct open_multi){ .part = p, .boundary = boundary };
	else if (p->kind == PARTS_MESSAGE && !begin_part(s, p, NULL, body))
		p->kind = PARTS_LEAF;
}

/* All that is open below `until` ends before the line at `at`. */
static void end_bodies(struct parser *s, const struct part *until, span line)
{
	const char *end = line.ptr;

	if (s->in_header)
		end_header(s, end, end);
	/* A message without header has begun a part in that moment. */
	if (s->in_header)
		end_header(s, end, end);
	for (; s->now != until; s->now = s->now->parent) {
		span *body = &s->now->body;
		size_t n = (size_t)(end - body->ptr);

		if (until && n > 0 && body->ptr[n - 1] == '\n')
			n--;
		if (until && n > 0 && body->ptr[n - 1] == '\r')
			n--;
		body->len = n;
	}
}

/* Whether the line is a boundary; which, and whether the last one of it. */
static bool find_boundary(
    const struct parser *s, span line, uint32_t *ret, bool *ret_last)
{
	if (!s->open_count || !span_skip(&line, SPAN("--")))
		return false;
	line = without_blanks_behind(line);
	for (uint32_t i = s->open_count; i-- > 0;) {
		span boundary = s->open[i].boundary;
		span behind = line;

		if (!span_skip(&behind, boundary))
			continue;
		*ret = i;
		*ret_last = behind.len != 0;
		if (!behind.len || span_eq(behind, SPAN("--")))
			return true;
	}
	return false;
}

static void take_boundary(
    struct parser *s, struct open_multi *multi, bool last, span line)
{
	struct part *p;

	if (last) {
		end_bodies(s, multi->part, line);
		s->open_count = (uint32_t)(multi - s->open);
		return;
	}
	if (!s->room)
		return;
	end_bodies(s, multi->part, line);
	s->open_count = (uint32_t)(multi - s->open) + 1;
	p = begin_part(s, multi->part, multi->last, line.ptr + line.len);
	if (p)
		multi->last = p;
}

static void take_line(struct parser *s, span line)
{
	uint32_t i;
	bool last;

	if (find_boundary(s, line, &i, &last))
		take_boundary(s, &s->open[i], last, line);
	else if (s->in_header &&
	    (span_eq(line, SPAN("\n")) || span_eq(line, SPAN("\r\n"))))
		end_header(s, line.ptr, line.ptr + line.len);
}

struct part *parts_parse(
    span message, const struct parts_limits *limits, struct arena *a)
{
	struct parser s = { .arena = a };
	span rest = message.ptr ? message : SPAN("");
	struct part *root;

	s.depth = limits && limits->depth ? limits->depth : DEPTH_PRESET;
	s.depth = MIN(s.depth, (uint32_t)DEPTH_MAX);
	s.room = limits && limits->count ? limits->count : COUNT_PRESET;
	root = begin_part(&s, NULL, NULL, rest.ptr);
	if (!root)
		return NULL;
	s.open = mem_new(s.depth, sizeof(*s.open));
	while (rest.len)
		take_line(&s, field_cut_line(&rest));
	end_bodies(&s, NULL, rest);
	mem_free(s.open);
	return root;
}

struct part *parts_walk(const struct part *p)
{
	if (p->kids)
		return p->kids;
	while (p && !p->next)
		p = p->parent;
	return p ? p->next : NULL;
}

/* What this part adds to its position; 0: nothing. */
static uint32_t step_of(const struct part *p)
{
	if (p->parent && p->parent->kind == PARTS_MULTI)
		return p->number;
	return p->kind == PARTS_MULTI ? 0 : 1;
}

void parts_position(struct buf *out, const struct part *p)
{
	uint32_t steps[DEPTH_MAX + 1];
	size_t count = 0;

	for (; p; p = p->parent) {
		uint32_t step = step_of(p);

		if (step)
			steps[count++] = step;
	}
	while (count-- > 0) {
		buf_put_u64(out, steps[count]);
		if (count)
			buf_putc(out, '.');
	}
}

/* --- content --- */

struct content {
	struct buf *out;
	bool is_text;
	struct charset *set; /* NULL: bytes as they are */
	bool cr;             /* held back */
	struct buf raw;
	struct buf utf8;
};

/* CR before LF goes. */
static void put_lines(struct content *c, span text)
{
	while (text.len) {
		bool more = span_find(text, '\r') >= 0;
		span run = span_cut(&text, '\r');

		if (c->cr && run.len && run.ptr[0] != '\n')
			buf_putc(c->out, '\r');
		/* CR CR: the first one is not before LF. */
		if (c->cr && !run.len)
			buf_putc(c->out, '\r');
		buf_put(c->out, run);
		c->cr = more;
	}
}

static void put_content(struct content *c, span bytes, bool last)
{
	if (!c->is_text) {
		buf_put(c->out, bytes);
		return;
	}
	if (c->set) {
		buf_clear(&c->utf8);
		charset_decode(c->set, bytes, last, &c->utf8);
		bytes = buf_span(&c->utf8);
	}
	put_lines(c, bytes);
	if (last && c->cr)
		buf_putc(c->out, '\r');
}

static void put_body(struct content *c, const struct part *p)
{
	struct transfer_decoder t;
	span rest = p->body;

	transfer_init(&t, p->transfer);
	while (rest.len && !c->out->failed) {
		buf_clear(&c->raw);
		transfer_decode(&t, span_first(rest, PIECE), &c->raw);
		put_content(c, buf_span(&c->raw), false);
		rest = span_from(rest, PIECE);
	}
	buf_clear(&c->raw);
	transfer_finish(&t, &c->raw);
	put_content(c, buf_span(&c->raw), true);
	charset_close(&c->set);
	buf_done(&c->raw);
	buf_done(&c->utf8);
}

static void content_init(
    struct content *c, const struct part *p, struct buf *out)
{
	*c = (struct content){
		.out = out,
		.is_text = parts_is_text(p),
		.raw = BUF_INIT(SIZE_MAX / 2),
		.utf8 = BUF_INIT(SIZE_MAX / 2),
	};
}

void parts_content(const struct part *p, struct buf *out)
{
	struct content c;

	content_init(&c, p, out);
	if (c.is_text) {
		c.set = charset_open(p->charset);
		if (!c.set)
			c.set = charset_open(SPAN("unknown-8bit"));
	}
	put_body(&c, p);
}

void parts_bytes(const struct part *p, struct buf *out)
{
	struct content c;

	content_init(&c, p, out);
	put_body(&c, p);
}

/* --- names --- */

/* U+200E, U+200F, U+2028-202E, U+2066-2069: "exe.txt" is "txt.exe" then. */
static bool is_turning(span s)
{
	uint8_t second = s.len > 2 ? (uint8_t)s.ptr[1] : 0;
	uint8_t third = s.len > 2 ? (uint8_t)s.ptr[2] : 0;

	if ((uint8_t)s.ptr[0] != 0xe2)
		return false;
	return second == 0x80
	    ? (third >= 0xa8 && third <= 0xae) || (third | 1) == 0x8f
	    : second == 0x81 && third >= 0xa6 && third <= 0xa9;
}

/* Controls, also those of ISO 6429 in two bytes of UTF-8, and what changes
 * the direction of a text. */
static size_t control_len(span s)
{
	uint8_t c = (uint8_t)s.ptr[0];

	if (is_turning(s))
		return 3;
	if (c == 0xc2 && s.len > 1 && (uint8_t)s.ptr[1] < 0xa0)
		return 2;
	return c < ' ' || c == 127 ? 1 : 0;
}

/* At most as many bytes, whole characters, and how it ends if it is short. */
static void put_short(struct buf *out, span name)
{
	ssize_t dot = span_rfind(name, '.');
	span tail = SPAN_NONE;
	size_t n = FILENAME_MAX_LEN;

	if (name.len <= n) {
		buf_put(out, name);
		return;
	}
	if (dot > 0 && name.len - (size_t)dot <= 16)
		tail = span_from(name, (size_t)dot);
	n -= tail.len;
	while (n > 0 && ((uint8_t)name.ptr[n] & 0xc0) == 0x80)
		n--;
	buf_put(out, span_first(name, n));
	buf_put(out, tail);
}

void parts_filename(const struct part *p, struct buf *out)
{
	struct buf clean = BUF_INIT(p->filename.len);
	span name = p->filename;
	ssize_t slash;

	slash = MAX(span_rfind(name, '/'), span_rfind(name, '\\'));
	name = span_from(name, (size_t)(slash + 1));
	while (name.len && (name.ptr[0] == '.' || ascii_is_space(name.ptr[0])))
		name = span_from(name, 1);
	name = without_blanks_behind(name);
	while (name.len) {
		size_t n = control_len(name);

		buf_putc(&clean, n ? '_' : name.ptr[0]);
		name = span_from(name, n ? n : 1);
	}
	put_short(out, buf_span(&clean));
	buf_done(&clean);
}

/* --- choosing --- */

/* What the reader of this part would see first. */
static const struct part *first_leaf(const struct part *p)
{
	while (p->kind == PARTS_MULTI && p->kids)
		p = p->kids;
	return p;
}

static int rank(const struct part *p, bool prefer_html)
{
	span type = first_leaf(p)->type;

	if (span_eq(type, SPAN("text/plain")))
		return prefer_html ? 2 : 3;
	if (span_eq(type, SPAN("text/html")))
		return prefer_html ? 3 : 2;
	return span_has_prefix(type, SPAN("text/")) ? 1 : 0;
}

struct part *parts_best(const struct part *multi, bool prefer_html)
{
	struct part *best = multi->kids;

	if (span_eq(multi->type, SPAN("multipart/related")))
		return best;
	for (struct part *p = multi->kids; p; p = p->next)
		if (rank(p, prefer_html) >= rank(best, prefer_html))
			best = p;
	return best;
}
