/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/words.c - see words.h.
 *
 *	a "b c" d\ e f'g'h	->	a | b c | d e | fgh
 *
 * Inside quotes a backslash stands for itself unless it is before the closing
 * kind of quote; $'...' knows C's escapes. A quote that is not closed ends
 * with the line, as it always has in mailx.
 */
#include "tool/mail/words.h"

#include "base/width.h"

static char take(span *rest)
{
	char c = rest->ptr[0];

	*rest = span_from(*rest, 1);
	return c;
}

/* Up to `max` digits of this base; whether there was one. */
static bool take_digits(span *rest, unsigned base, unsigned max, uint32_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t n = 0;
	unsigned count = 0;

	while (count < max && rest->len) {
		char c = ascii_lower(rest->ptr[0]);
		const char *at = c ? strchr(digits, c) : NULL;

		if (!at || (unsigned)(at - digits) >= base)
			break;
		n = n * base + (uint32_t)(at - digits);
		*rest = span_from(*rest, 1);
		count++;
	}
	*ret = n;
	return count > 0;
}

/* What follows a backslash in $'...'. */
static void dollar_escape(span *rest, struct buf *out)
{
	static const char letters[] = "abefnrtv\\'\"?";
	static const char bytes[] = "\a\b\033\f\n\r\t\v\\'\"?";
	char c = take(rest);
	const char *at = c ? strchr(letters, c) : NULL;
	uint32_t n = 0;

	if (at) {
		buf_putc(out, bytes[at - letters]);
	} else if (c >= '0' && c <= '7') {
		*rest = span_of(rest->ptr - 1, rest->len + 1);
		if (take_digits(rest, 8, 3, &n) && (n & 0xff))
			buf_putc(out, (char)(n & 0xff));
	} else if (c == 'x' || c == 'X') {
		if (take_digits(rest, 16, 2, &n) && n)
			buf_putc(out, (char)n);
	} else if (c == 'u' || c == 'U') {
		if (take_digits(rest, 16, c == 'u' ? 4 : 8, &n) && n)
			utf8_put(out, n);
	} else if (c == 'c' && rest->len) {
		n = (uint32_t)(unsigned char)ascii_upper(take(rest)) ^ 0x40;
		if (n && n < 0x80)
			buf_putc(out, (char)n);
	} else {
		buf_putc(out, '\\');
		buf_putc(out, c);
	}
}

/* Behind the opening quote, up to and with the closing one. */
static void quoted(span *rest, char quote, bool dollar, struct buf *out)
{
	while (rest->len) {
		char c = take(rest);

		if (c == quote)
			return;
		if (c != '\\' || !rest->len) {
			buf_putc(out, c);
		} else if (dollar) {
			dollar_escape(rest, out);
		} else {
			if (rest->ptr[0] != quote)
				buf_putc(out, c);
			buf_putc(out, take(rest));
		}
	}
}

/* One word without its quotes; blanks in front are gone already. */
static void word(span *rest, struct buf *out)
{
	while (rest->len && !ascii_is_blank(rest->ptr[0])) {
		char c = take(rest);

		if (c == '"' || c == '\'')
			quoted(rest, c, false, out);
		else if (c == '$' && rest->len && rest->ptr[0] == '\'') {
			(void)take(rest);
			quoted(rest, '\'', true, out);
		} else if (c == '\\' && rest->len)
			buf_putc(out, take(rest));
		else
			buf_putc(out, c);
	}
}

/* A NUL would end the C string; none comes out of here. */
static char *word_cstr(struct arena *a, struct buf *b)
{
	size_t keep = 0;

	for (size_t i = 0; i < b->len; i++) {
		if (b->data[i])
			b->data[keep++] = b->data[i];
	}
	b->len = keep;
	return b->failed ? NULL : arena_cstr(a, buf_span(b));
}

/* The array grows in the arena: what it outgrew dies with it. */
static bool words_put(struct words *w, size_t *cap, struct arena *a, char *one)
{
	if (w->count + 1 >= *cap) {
		size_t more = *cap ? 2 * *cap : 8;
		char **all = arena_alloc(a, more, sizeof *all);

		if (!all)
			return false;
		if (w->count)
			memcpy(all, w->all, w->count * sizeof *all);
		w->all = all;
		*cap = more;
	}
	w->all[w->count++] = one;
	w->all[w->count] = NULL;
	return true;
}

bool words_split(span line, struct arena *a, struct words *ret)
{
	CLEANUP(buf_done) struct buf one = BUF_INIT(line.len * 4 + 16);
	struct words w = { 0 };
	size_t cap = 0;

	w.all = arena_alloc(a, 1, sizeof *w.all);
	if (!w.all)
		return false;
	for (span_skip_blanks(&line); line.len; span_skip_blanks(&line)) {
		char *text;

		buf_clear(&one);
		word(&line, &one);
		text = word_cstr(a, &one);
		if (!text || !words_put(&w, &cap, a, text))
			return false;
	}
	*ret = w;
	return true;
}

bool words_cut_last(span *line, struct arena *a, char **ret_word)
{
	CLEANUP(buf_done) struct buf one = BUF_INIT(line->len * 4 + 16);
	span rest = *line;
	const char *begin = NULL;
	char *text;

	for (span_skip_blanks(&rest); rest.len; span_skip_blanks(&rest)) {
		begin = rest.ptr;
		buf_clear(&one);
		word(&rest, &one);
	}
	if (!begin)
		return false;
	text = word_cstr(a, &one);
	if (!text)
		return false;
	*line = span_trim(span_of(line->ptr, (size_t)(begin - line->ptr)));
	*ret_word = text;
	return true;
}
