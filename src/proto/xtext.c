/* SPDX-License-Identifier: ISC */
/*
 * Decoding never makes a text longer, so the space for the result is known
 * before: two hex digits and a sign become one byte, and \x{N} is longer
 * than the UTF-8 form of any N it can name.
 */
#include "proto/xtext.h"

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

/* The two digits in front, or -1. */
static int hex_byte(span text)
{
	int high = text.len < 2 ? -1 : ascii_hex_value(text.ptr[0]);
	int low = text.len < 2 ? -1 : ascii_hex_value(text.ptr[1]);

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool xtext_decode(span text, struct arena *a, span *ret)
{
	char *out = arena_alloc(a, text.len + 1, 1);
	size_t n = 0;

	if (!out)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '+') {
			int value = hex_byte(span_from(text, i + 1));

			if (value < 0)
				return false;
			c = (unsigned char)value;
			i += 2;
		}
		if (is_control(c))
			return false;
		out[n++] = (char)c;
	}
	*ret = span_of(out, n);
	return true;
}

/* The bytes of a code point; 0 if it is none that may be written so. */
static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return is_control((unsigned char)c) ? 0 : 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		if (c >= 0xd800 && c < 0xe000)
			return 0;
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	if (c > 0x10ffff)
		return 0;
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* Behind "\x{": one to six hex digits and "}". */
static bool cut_code_point(span *rest, uint32_t *ret)
{
	uint32_t c = 0;
	size_t n = 0;

	while (n < rest->len && ascii_hex_value(rest->ptr[n]) >= 0) {
		c = c << 4 | (uint32_t)ascii_hex_value(rest->ptr[n]);
		if (++n > 6)
			return false;
	}
	if (n < 2 || n == rest->len || rest->ptr[n] != '}')
		return false;
	*rest = span_from(*rest, n + 1);
	*ret = c;
	return true;
}

bool xtext_decode_utf8(span text, struct arena *a, span *ret)
{
	char *out = arena_alloc(a, text.len + 1, 1);
	size_t n = 0;

	if (!out)
		return false;
	while (text.len) {
		if (span_skip(&text, SPAN("\\x{"))) {
			uint32_t c;
			size_t size;

			if (!cut_code_point(&text, &c))
				return false;
			size = put_utf8(out + n, c);
			if (!size)
				return false;
			n += size;
			continue;
		}
		if (is_control((unsigned char)text.ptr[0]))
			return false;
		out[n++] = text.ptr[0];
		text = span_from(text, 1);
	}
	*ret = span_of(out, n);
	return true;
}

void xtext_encode(struct buf *out, span value)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if (c > ' ' && c < 0x7f && c != '+' && c != '=') {
			buf_putc(out, (char)c);
			continue;
		}
		buf_putc(out, '+');
		buf_putc(out, digits[c >> 4]);
		buf_putc(out, digits[c & 15]);
	}
}
