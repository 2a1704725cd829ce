/* SPDX-License-Identifier: ISC */
/*
 * mail/mime.c - headers and bodies of a message and its parts.
 *
 *	PRIMARY --blank--> BODY --boundary--> PART --blank--> BODY
 *	   \--blank of message/rfc822--> NESTED --blank--> BODY
 *
 * Parts that are never closed end with the next boundary of an outer one. As
 * many of the same boundary as a header names are remembered, since several
 * of them are a way to hide things.
 */
#include "mail/mime.h"

#include "mail/header.h"

enum state { IN_PRIMARY, IN_PART, IN_NESTED, IN_BODY };

enum type { TYPE_TEXT, TYPE_MESSAGE, TYPE_MULTIPART, TYPE_OTHER };

struct boundary {
	struct boundary *outer;
	bool digest; /* parts are messages unless they say otherwise */
	size_t len;
	char text[];
};

struct mime {
	struct mime_limits limits;
	struct mime_events events;
	bool parts;
	enum state state;
	enum type type;
	bool has_message; /* rfc822 or global: its headers come next */
	struct boundary *inner;
	uint32_t depth; /* of boundaries */
	struct buf header;
};

/* --- boundaries --- */

static void push(struct mime *m, span text, bool digest)
{
	struct boundary *b;

	if (m->depth > m->limits.nesting + 1)
		return;
	text = span_first(text, m->limits.boundary_size);
	b = mem_new(1, sizeof(*b) + text.len);
	b->outer = m->inner;
	b->digest = digest;
	b->len = text.len;
	if (text.len)
		memcpy(b->text, text.ptr, text.len);
	m->inner = b;
	m->depth++;
}

static void pop(struct mime *m)
{
	struct boundary *b = m->inner;

	m->inner = b->outer;
	m->depth--;
	mem_free(b);
}

/* --- Content-Type --- */

enum { WORDS = 3, MAX_WORD = 1 << 20 };

/* What stands between two semicolons: up to three words, without comments. */
struct words {
	size_t count;
	struct word {
		char special; /* '/', '=', ...; 0: a word */
		bool quoted;
		size_t at; /* in `text` */
		size_t len;
	} all[WORDS];
	struct buf text;
};

static bool is_special(char c)
{
	return strchr("()<>@,;:\\\"/[]?=", c) && c;
}

static void skip_comment(span *s)
{
	size_t depth = 0;

	while (s->len) {
		char c = s->ptr[0];

		*s = span_from(*s, c == '\\' ? 2 : 1);
		depth += c == '(';
		depth -= c == ')';
		if (depth == 0)
			return;
	}
}

static void take_quoted(span *s, struct buf *out)
{
	*s = span_from(*s, 1);
	while (s->len && s->ptr[0] != '"') {
		if (s->ptr[0] == '\\' && s->len > 1)
			*s = span_from(*s, 1);
		buf_putc(out, s->ptr[0]);
		*s = span_from(*s, 1);
	}
	*s = span_from(*s, 1);
}

static void take_plain(span *s, struct buf *out)
{
	while (s->len && !ascii_is_space(s->ptr[0]) && !is_special(s->ptr[0])) {
		buf_putc(out, s->ptr[0]);
		*s = span_from(*s, 1);
	}
}

static void take_word(span *s, struct words *w)
{
	struct word word = { .at = w->text.len };

	if (s->ptr[0] == '"') {
		take_quoted(s, &w->text);
		word.quoted = true;
	} else if (is_special(s->ptr[0])) {
		word.special = s->ptr[0];
		*s = span_from(*s, 1);
	} else {
		take_plain(s, &w->text);
	}
	word.len = w->text.len - word.at;
	if (w->count < WORDS)
		w->all[w->count++] = word;
}

/* False: there is nothing any more. */
static bool next_words(span *s, struct words *w)
{
	w->count = 0;
	buf_clear(&w->text);
	if (s->len == 0)
		return false;
	while (s->len && s->ptr[0] != ';') {
		if (ascii_is_space(s->ptr[0]))
			*s = span_from(*s, 1);
		else if (s->ptr[0] == '(')
			skip_comment(s);
		else
			take_word(s, w);
	}
	*s = span_from(*s, 1);
	return true;
}

static span word_text(const struct words *w, size_t i)
{
	return span_of(w->text.data + w->all[i].at, w->all[i].len);
}

static bool is_word(const struct words *w, size_t i, span text)
{
	return i < w->count && !w->all[i].special && !w->all[i].quoted &&
	    span_eq_nocase(word_text(w, i), text);
}

static bool is_subtype(const struct words *w, span text)
{
	return w->count == WORDS && w->all[1].special == '/' &&
	    is_word(w, 2, text);
}

static void take_boundaries(struct mime *m, span rest, bool digest)
{
	struct words w = { .text = BUF_INIT(MAX_WORD) };

	while (next_words(&rest, &w))
		if (w.count == WORDS && is_word(&w, 0, SPAN("boundary")) &&
		    w.all[1].special == '=')
			push(m, word_text(&w, 2), digest);
	buf_done(&w.text);
}

static void take_type(struct mime *m, span value)
{
	struct words w = { .text = BUF_INIT(MAX_WORD) };

	if (!next_words(&value, &w) || w.count == 0) {
		m->type = TYPE_OTHER;
	} else if (is_word(&w, 0, SPAN("text"))) {
		m->type = TYPE_TEXT;
	} else if (is_word(&w, 0, SPAN("message"))) {
		m->type = TYPE_MESSAGE;
		m->has_message = is_subtype(&w, SPAN("rfc822")) ||
		    is_subtype(&w, SPAN("global"));
	} else if (is_word(&w, 0, SPAN("multipart"))) {
		m->type = TYPE_MULTIPART;
		take_boundaries(m, value, is_subtype(&w, SPAN("digest")));
	} else {
		m->type = TYPE_OTHER;
	}
	buf_done(&w.text);
}

/* --- headers --- */

static void end_header(struct mime *m)
{
	static const span type = SPAN_INIT("content-type:");
	span header = buf_span(&m->header);

	if (header.len == 0)
		return;
	if (m->parts && span_has_prefix_nocase(header, type))
		take_type(m, span_from(header, type.len));
	if (m->events.header)
		m->events.header(
		    m->events.ctx, (enum mime_class)m->state, header);
	buf_clear(&m->header);
}

/* Whether the line is part of a header. */
static bool take_header(struct mime *m, span line)
{
	bool fits = m->header.len < m->limits.header_size;
	size_t name;

	if (m->header.len && line.len &&
	    (line.ptr[0] == ' ' || line.ptr[0] == '\t')) {
		if (fits)
			buf_putc(&m->header, '\n');
		if (fits)
			buf_put(&m->header, line);
		return true;
	}
	end_header(m);
	name = header_name_len(line);
	if (name == 0)
		return false;
	buf_put(&m->header, span_first(line, name));
	line = span_from(line, name);
	while (line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		line = span_from(line, 1);
	buf_put(&m->header, line);
	return true;
}

static void put_body(struct mime *m, span line)
{
	if (m->events.body)
		m->events.body(m->events.ctx, line);
}

static void begin_text(struct mime *m, enum state state)
{
	m->state = state;
	m->type = state == IN_BODY ? TYPE_OTHER : TYPE_TEXT;
	m->has_message = false;
}

/* A line that is no header ends them. */
static void end_headers(struct mime *m, span line)
{
	bool primary = m->state == IN_PRIMARY;

	if (primary && m->events.headers_end)
		m->events.headers_end(m->events.ctx);
	if (line.len == 0 && m->type == TYPE_MESSAGE && m->has_message) {
		begin_text(m, IN_NESTED);
	} else if (line.len == 0 && m->type == TYPE_MULTIPART) {
		begin_text(m, IN_BODY);
	} else {
		if (line.len && primary)
			put_body(m, SPAN_NONE);
		m->state = IN_BODY;
	}
}

/* --- bodies --- */

static void take_boundary(struct mime *m, span line)
{
	span text = span_from(line, 2);

	for (struct boundary *b = m->inner; b; b = b->outer) {
		if (!span_has_prefix(text, span_of(b->text, b->len)))
			continue;
		while (m->inner != b)
			pop(m);
		if (span_has_prefix(span_from(text, b->len), SPAN("--"))) {
			pop(m);
			begin_text(m, IN_BODY);
			return;
		}
		begin_text(m, IN_PART);
		if (b->digest) {
			m->type = TYPE_MESSAGE;
			m->has_message = true;
		}
		return;
	}
}

void mime_line(struct mime *m, span line)
{
	if (m->state != IN_BODY) {
		if (take_header(m, line))
			return;
		end_headers(m, line);
	}
	if (line.len > 2 && line.ptr[0] == '-' && line.ptr[1] == '-')
		take_boundary(m, line);
	put_body(m, line);
}

void mime_end(struct mime *m)
{
	bool primary = m->state == IN_PRIMARY;

	end_header(m);
	if (primary && m->events.headers_end)
		m->events.headers_end(m->events.ctx);
	m->state = IN_BODY;
}

struct mime *mime_new(const struct mime_limits *limits,
    const struct mime_events *events, bool parts)
{
	struct mime *m = NEW(struct mime);

	m->limits = *limits;
	m->events = *events;
	m->parts = parts;
	buf_init(&m->header, SIZE_MAX);
	return m;
}

void mime_free(struct mime **pm)
{
	struct mime *m = STEAL(*pm);

	if (!m)
		return;
	while (m->inner)
		pop(m);
	buf_done(&m->header);
	mem_free(m);
}
