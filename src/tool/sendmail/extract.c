/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/extract.c - a header is complete when what follows does not
 * continue it; until then it gathers in `header`, its lines with LF between.
 *
 * Byte for byte as Postfix: blanks before the colon go away, a missing empty
 * line before the body is put in, and a NUL ends what a header line says.
 */
#include "tool/sendmail/extract.h"

#include "mail/header.h"
#include "mail/token.h"

enum { ARENA_MAX = 1 << 29, FOUND_MAX = 1 << 30 };

static const struct field {
	span name;
	bool resent;
} fields[] = {
	{ SPAN_INIT("To"), false },
	{ SPAN_INIT("Cc"), false },
	{ SPAN_INIT("Bcc"), false },
	{ SPAN_INIT("Resent-To"), true },
	{ SPAN_INIT("Resent-Cc"), true },
	{ SPAN_INIT("Resent-Bcc"), true },
};

void extract_init(
    struct extract *x, struct sink *sink, const struct submit_settings *set)
{
	*x = (struct extract){
		.sink = sink,
		.header_max = set->header_size_limit,
		.line_max = set->line_length_limit,
	};
	buf_init(&x->header,
	    set->header_size_limit + 2 * set->line_length_limit + 2);
	buf_init(&x->found, FOUND_MAX);
	buf_init(&x->found_resent, FOUND_MAX);
}

void extract_done(struct extract *x)
{
	buf_done(&x->header);
	buf_done(&x->found);
	buf_done(&x->found_resent);
}

static const struct field *find_field(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (span_eq_nocase(fields[i].name, name))
			return &fields[i];
	return NULL;
}

static void take_addresses(span text, struct buf *out)
{
	struct arena arena;
	struct token_list list;

	arena_init(&arena, ARENA_MAX);
	if (token_parse(text, 0, &arena, &list)) {
		for (struct token *t = list.head; t; t = t->next) {
			if (t->type != TOKEN_ADDR)
				continue;
			token_write_internal(out, &t->kids);
			buf_putc(out, '\0');
		}
	}
	arena_done(&arena);
}

static void take_header(struct extract *x)
{
	span rest = buf_span(&x->header);
	const struct field *field = find_field(span_cut(&rest, ':'));

	if (!field || (x->resent && !field->resent))
		return;
	x->resent |= field->resent;
	take_addresses(rest, field->resent ? &x->found_resent : &x->found);
}

static void flush_header(struct extract *x)
{
	span rest = buf_span(&x->header);

	take_header(x);
	while (rest.len > 0) {
		span line = span_cut(&rest, '\n');

		while (line.len > x->line_max) {
			sink_put_content(x->sink, RECORD_CONT,
			    span_first(line, x->line_max));
			line = span_from(line, x->line_max);
		}
		sink_put_content(x->sink, RECORD_NORM, line);
	}
	buf_clear(&x->header);
	x->open = false;
}

/* What a NUL leaves of a text. */
static span before_nul(span text)
{
	return span_cut(&text, '\0');
}

static void append(struct extract *x, span separator, span text)
{
	if (x->header.len < x->header_max) {
		buf_put(&x->header, separator);
		buf_put(&x->header, before_nul(text));
	} else {
		x->too_long = true;
	}
}

static void begin_header(struct extract *x, span text, size_t name_len)
{
	buf_put(&x->header, span_first(text, name_len));
	text = span_from(text, name_len);
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
		text = span_from(text, 1);
	buf_put(&x->header, before_nul(text));
}

/* The piece belongs to a header; false: it does not. */
static bool take_in_header(struct extract *x, span text)
{
	size_t name_len;

	if (x->header.len > 0 && x->open) {
		append(x, SPAN(""), text);
		return true;
	}
	if (x->header.len > 0 && text.len > 0 &&
	    (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
		append(x, SPAN("\n"), text);
		return true;
	}
	if (x->header.len > 0)
		flush_header(x);
	name_len = header_name_len(text);
	if (name_len > 0)
		begin_header(x, text, name_len);
	return name_len > 0;
}

static void take_piece(struct extract *x, enum input_piece kind, span text)
{
	if (!x->in_body && !take_in_header(x, text)) {
		x->in_body = true;
		if (text.len > 0)
			sink_put_content(x->sink, RECORD_NORM, SPAN(""));
	}
	if (x->in_body)
		sink_put_content(x->sink,
		    kind == INPUT_PART ? RECORD_CONT : RECORD_NORM, text);
	x->open = kind == INPUT_PART;
}

bool extract_piece(struct extract *x, enum input_piece kind, span text)
{
	take_piece(x, kind, text);
	return !x->too_long;
}

bool extract_end(struct extract *x)
{
	if (x->open)
		take_piece(x, INPUT_LINE, SPAN(""));
	if (x->header.len > 0)
		flush_header(x);
	return !x->too_long;
}

span extract_recipients(const struct extract *x)
{
	return buf_span(x->resent ? &x->found_resent : &x->found);
}
