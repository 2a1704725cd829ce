/* SPDX-License-Identifier: ISC */
/*
 * mail/flowed.c - RFC 3676.
 *
 * A line that ends with a blank goes on in the next one, if that has the same
 * depth of quotes. Only paragraphs that were flowed are wrapped again: a
 * fixed line, code or a table, stays as it is.
 */
#include "mail/flowed.h"

#include "mail/wrap.h"

/* Quotes so deep that nothing would fit beside them are not wrapped. */
enum { LEAST_COLUMNS = 20, DEPTH_MAX = WRAP_PREFIX_MAX / 2 };

struct flow {
	struct wrap wrap;
	size_t width;
	size_t depth;
	bool in_paragraph; /* the line before ended softly */
};

static span without_cr(span line)
{
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static size_t take_quotes(span *line)
{
	size_t depth = 0;

	while (depth < line->len && line->ptr[depth] == '>')
		depth++;
	*line = span_from(*line, depth);
	return depth;
}

static void put_words(struct wrap *w, span text)
{
	while (text.len) {
		size_t blanks = 0;
		ssize_t end;
		size_t n;

		while (blanks < text.len && text.ptr[blanks] == ' ')
			blanks++;
		if (blanks)
			wrap_blank(w, blanks);
		text = span_from(text, blanks);
		end = span_find(text, ' ');
		n = end < 0 ? text.len : (size_t)end;
		wrap_text(w, span_first(text, n));
		text = span_from(text, n);
	}
}

/* Quotes come out as "> > "; of absurdly many the rest is left out. */
static void begin_paragraph(struct flow *f, size_t depth, bool is_fixed)
{
	char prefix[2 * DEPTH_MAX];
	size_t shown = MIN(depth, (size_t)DEPTH_MAX);

	for (size_t i = 0; i < shown; i++) {
		prefix[2 * i] = '>';
		prefix[2 * i + 1] = ' ';
	}
	wrap_prefix(
	    &f->wrap, span_of(prefix, 2 * shown), span_of(prefix, 2 * shown));
	f->wrap.width = f->width;
	if (is_fixed || f->width < 2 * shown + LEAST_COLUMNS)
		f->wrap.width = 0;
	f->depth = depth;
}

static void put_line(struct flow *f, span line, bool delsp)
{
	size_t depth = take_quotes(&line);
	bool is_signature;
	bool is_soft;

	(void)span_skip(&line, SPAN(" "));
	is_signature = span_eq(line, SPAN("-- "));
	is_soft = line.len && line.ptr[line.len - 1] == ' ' && !is_signature;
	/* To the letter an empty line would only end the paragraph; who sent
	 * this meant one. */
	if (f->in_paragraph &&
	    (depth != f->depth || is_signature || !line.len)) {
		wrap_break(&f->wrap);
		f->in_paragraph = false;
	}
	if (!f->in_paragraph)
		begin_paragraph(f, depth, !is_soft);
	if (is_soft && delsp)
		line.len--;
	if (is_signature)
		wrap_text(&f->wrap, line);
	else
		put_words(&f->wrap, line);
	f->in_paragraph = is_soft;
	if (!is_soft)
		wrap_break(&f->wrap);
}

void flowed_unwrap(struct buf *out, span text, bool delsp, size_t width)
{
	struct flow f = { .width = width };

	wrap_init(&f.wrap, out, width);
	while (text.len && !out->failed)
		put_line(&f, without_cr(span_cut(&text, '\n')), delsp);
	if (f.in_paragraph)
		wrap_break(&f.wrap);
	wrap_done(&f.wrap);
}
