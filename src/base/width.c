/* SPDX-License-Identifier: ISC */
/*
 * base/width.c - columns, and what a terminal may be sent.
 *
 * width_harmless() is a boundary: what is behind it was written by a
 * stranger, what is before it acts on bytes. It lists what passes, as
 * characters, and never copies bytes that it has not understood. A piece of
 * text may be made harmless by itself, but must not be cut within a
 * character.
 */
#include "base/width.h"

struct width_run {
	uint32_t first;
	uint32_t last;
	uint8_t width;
};

#include "base/width_table.h"

enum { ZWJ = 0x200d, EMOJI_STYLE = 0xfe0f, REPLACEMENT = 0xfffd };
/* More in one place is no script, but an attempt on the reader. */
enum { COMBINING_MAX = 30 };

unsigned width_of(uint32_t c)
{
	size_t low = 0;
	size_t high = ARRAY_LEN(runs);

	if (c < runs[0].first)
		return 1;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c < runs[middle].first)
			high = middle;
		else if (c > runs[middle].last)
			low = middle + 1;
		else
			return runs[middle].width;
	}
	return 1;
}

static bool is_flag_half(uint32_t c)
{
	return c >= 0x1f1e6 && c <= 0x1f1ff;
}

static bool is_skin_tone(uint32_t c)
{
	return c >= 0x1f3fb && c <= 0x1f3ff;
}

/* May be an emoji: a symbol, which U+FE0F makes wide and U+200D joins. */
static bool is_pictorial(uint32_t c)
{
	return (c >= 0x203c && c <= 0x3299) || (c >= 0x1f000 && c <= 0x1faff);
}

span width_cluster(span *rest, unsigned *ret_columns)
{
	span whole = *rest;
	uint32_t base = utf8_next(rest);
	unsigned columns = width_of(base);
	bool joined = false;
	bool half = is_flag_half(base);

	while (rest->len) {
		span after = *rest;
		uint32_t c = utf8_next(&after);
		unsigned width = width_of(c);

		if ((c == EMOJI_STYLE && is_pictorial(base)) ||
		    (half && is_flag_half(c)))
			columns = 2;
		else if (width && !(joined && is_pictorial(c)) &&
		    !(is_skin_tone(c) && is_pictorial(base)))
			break;
		half = false;
		joined = c == ZWJ && is_pictorial(base);
		*rest = after;
	}
	whole.len -= rest->len;
	*ret_columns = columns;
	return whole;
}

/* How many bytes at the beginning have one column each and no surprise:
 * ASCII that no combining character can follow. */
static size_t plain_run(span s)
{
	size_t n = 0;

	while (n < s.len && (uint8_t)s.ptr[n] < 0x80)
		n++;
	return n && n < s.len ? n - 1 : n;
}

size_t width_text(span utf8)
{
	size_t columns = 0;

	while (utf8.len) {
		size_t plain = plain_run(utf8);
		unsigned n;

		columns += plain;
		utf8 = span_from(utf8, plain);
		if (!utf8.len)
			break;
		(void)width_cluster(&utf8, &n);
		columns += n;
	}
	return columns;
}

span width_first(span utf8, size_t columns)
{
	span rest = utf8;
	size_t used = 0;

	while (rest.len) {
		span after = rest;
		unsigned n;

		(void)width_cluster(&after, &n);
		if (used + n > columns)
			break;
		used += n;
		rest = after;
	}
	return span_first(utf8, utf8.len - rest.len);
}

/* What a terminal might obey, or what is no character at all. */
static bool is_harmful(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
		return true;
	if (c < 0x200e)
		return false;
	return (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x206f) ||
	    (c >= 0xd800 && c <= 0xdfff) || (c >= 0xfdd0 && c <= 0xfdef) ||
	    (c >= 0xfff0 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe ||
	    c > 0x10ffff;
}

/* The plain form of what word processors make of plain text; or NULL. */
static const char *plain_form(uint32_t c)
{
	static const struct {
		uint32_t first;
		uint32_t last;
		const char *form;
	} forms[] = {
		{ 0xa0, 0xa0, " " },
		{ 0xab, 0xab, "<<" },
		{ 0xad, 0xad, "-" },
		{ 0xb4, 0xb4, "'" },
		{ 0xbb, 0xbb, ">>" },
		{ 0x2000, 0x200a, " " },
		{ 0x2010, 0x2015, "-" },
		{ 0x2018, 0x201b, "'" },
		{ 0x201c, 0x201f, "\"" },
		{ 0x2022, 0x2022, "*" },
		{ 0x2026, 0x2026, "..." },
		{ 0x202f, 0x202f, " " },
		{ 0x2032, 0x2032, "'" },
		{ 0x2033, 0x2033, "\"" },
		{ 0x2039, 0x2039, "<" },
		{ 0x203a, 0x203a, ">" },
		{ 0x20ac, 0x20ac, "EUR" },
		{ 0x2212, 0x2212, "-" },
	};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (c >= forms[i].first && c <= forms[i].last)
			return forms[i].form;
	return NULL;
}

struct harmless_text {
	struct buf *out;
	enum harmless how;
	bool ascii;
	unsigned combining; /* in this place so far */
};

static void put_ascii(struct harmless_text *t, uint32_t c, unsigned width)
{
	const char *form = plain_form(c);

	if (form)
		buf_put(t->out, span_str(form));
	else if (width)
		buf_putc(t->out, '?');
}

static void put_blank(struct harmless_text *t, uint32_t c)
{
	bool is_tab = c == '\t';

	if (t->how == HARMLESS_LINE)
		buf_putc(t->out, ' ');
	else
		buf_putc(t->out, is_tab ? '\t' : '\n');
}

static void put_char(struct harmless_text *t, uint32_t c)
{
	unsigned width;

	if (c == '\t' || c == '\n' || c == 0x2028 || c == 0x2029) {
		t->combining = 0;
		put_blank(t, c);
		return;
	}
	if (is_harmful(c))
		c = REPLACEMENT;
	width = width_of(c);
	t->combining = width ? 0 : t->combining + 1;
	if (t->combining > COMBINING_MAX)
		return;
	if (c < 0x80)
		buf_putc(t->out, (char)c);
	else if (t->ascii)
		put_ascii(t, c, width);
	else
		utf8_put(t->out, c);
}

static size_t printable_run(span s)
{
	size_t n = 0;

	while (n < s.len && ascii_is_print(s.ptr[n]))
		n++;
	return n;
}

void width_harmless(struct buf *out, span text, enum harmless how, bool ascii)
{
	struct harmless_text t = { .out = out, .how = how, .ascii = ascii };

	while (text.len && !out->failed) {
		size_t n = printable_run(text);
		uint32_t c;

		if (n)
			t.combining = 0;
		buf_put(out, span_first(text, n));
		text = span_from(text, n);
		if (!text.len)
			break;
		c = utf8_next(&text);
		if (c == '\r' && text.len && text.ptr[0] == '\n')
			continue;
		put_char(&t, c);
	}
}

void width_pad(struct buf *out, span utf8, size_t columns, bool left)
{
	span shown = width_first(utf8, columns);
	size_t fill = columns - width_text(shown);

	if (!left)
		buf_put(out, shown);
	for (size_t i = 0; i < fill && !out->failed; i++)
		buf_putc(out, ' ');
	if (left)
		buf_put(out, shown);
}
