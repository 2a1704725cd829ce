/* SPDX-License-Identifier: ISC */
#include "mail/wrap.h"

#include "base/width.h"

/* A longer word will not fit any line: it is passed on as it comes. */
enum { WORD_MAX = 4096 };

void wrap_init(struct wrap *w, struct buf *out, size_t width)
{
	*w = (struct wrap){ .out = out, .width = width };
	buf_init(&w->word, WORD_MAX);
}

void wrap_prefix(struct wrap *w, span first, span others)
{
	first = span_first(first, WRAP_PREFIX_MAX);
	others = span_first(others, WRAP_PREFIX_MAX);
	if (first.len)
		memcpy(w->prefix, first.ptr, first.len);
	w->prefix_len = first.len;
	w->prefix_columns = width_text(first);
	if (others.len)
		memcpy(w->next_prefix, others.ptr, others.len);
	w->next_prefix_len = others.len;
}

static void begin_line(struct wrap *w)
{
	if (w->in_line)
		return;
	buf_put(w->out, span_of(w->prefix, w->prefix_len));
	w->in_line = true;
}

static void end_line(struct wrap *w)
{
	buf_putc(w->out, '\n');
	w->in_line = false;
	w->column = 0;
	memcpy(w->prefix, w->next_prefix, w->next_prefix_len);
	w->prefix_len = w->next_prefix_len;
	w->prefix_columns = width_text(span_of(w->prefix, w->prefix_len));
}

static void put_blanks(struct wrap *w, size_t n)
{
	for (size_t i = 0; i < n && !w->out->failed; i++)
		buf_putc(w->out, ' ');
	w->column += n;
}

/* How many columns are left in this line. */
static size_t room_of(const struct wrap *w)
{
	size_t used = w->prefix_columns + w->column;

	return used < w->width ? w->width - used : 0;
}

static bool fits(const struct wrap *w, size_t columns)
{
	size_t room = room_of(w);

	return !w->width || w->glued ||
	    (w->blanks <= room && columns <= room - w->blanks);
}

static void flush_word(struct wrap *w)
{
	span word = buf_span(&w->word);
	size_t columns = width_text(word);

	if (!word.len)
		return;
	if (w->column && !fits(w, columns)) {
		end_line(w);
		w->blanks = 0;
	}
	begin_line(w);
	put_blanks(w, w->blanks);
	w->blanks = 0;
	buf_put(w->out, word);
	w->column += columns;
	buf_clear(&w->word);
}

static size_t ascii_run(span s)
{
	size_t n = 0;

	while (n < s.len && (uint8_t)s.ptr[n] < 0x80)
		n++;
	return n;
}

static void put_narrow(struct wrap *w, span text)
{
	while (text.len) {
		span piece = span_first(text, WORD_MAX - w->word.len);

		buf_put(&w->word, piece);
		text = span_from(text, piece.len);
		if (w->word.len >= WORD_MAX) {
			flush_word(w);
			w->glued = true;
		}
	}
}

/* A word by itself: a line may break on either side. */
static void put_wide(struct wrap *w, span cluster)
{
	flush_word(w);
	w->glued = false;
	put_narrow(w, cluster);
	flush_word(w);
	w->glued = false;
}

void wrap_text(struct wrap *w, span utf8)
{
	while (utf8.len && !w->out->failed) {
		size_t plain = ascii_run(utf8);
		unsigned columns;
		span cluster;

		put_narrow(w, span_first(utf8, plain));
		utf8 = span_from(utf8, plain);
		if (!utf8.len)
			break;
		cluster = width_cluster(&utf8, &columns);
		if (columns == 2)
			put_wide(w, cluster);
		else
			put_narrow(w, cluster);
	}
}

void wrap_blank(struct wrap *w, size_t n)
{
	flush_word(w);
	w->glued = false;
	w->blanks += n;
}

void wrap_break(struct wrap *w)
{
	wrap_done(w);
	if (!w->in_line)
		while (w->prefix_len && w->prefix[w->prefix_len - 1] == ' ')
			w->prefix_len--;
	begin_line(w);
	end_line(w);
}

void wrap_done(struct wrap *w)
{
	flush_word(w);
	buf_release(&w->word);
	w->blanks = 0;
	w->glued = false;
}
