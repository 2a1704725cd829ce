/* SPDX-License-Identifier: ISC */
/*
 * map/file_value.c - values that are names of files: "postmap -F".
 */
#include "map/map.h"

enum { MAX_CONTENT = 1 << 28 };

#define SEPARATORS ", \t\r\n"

static char digit(uint32_t bits)
{
	return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	       "0123456789+/"[bits & 63];
}

static void put_base64(struct buf *out, span s)
{
	while (s.len > 0) {
		uint32_t bits = 0;
		char text[4] = { '=', '=', '=', '=' };

		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < s.len ? (uint8_t)s.ptr[i] : 0);
		for (size_t i = 0; i < 4 && i <= s.len; i++)
			text[i] = digit(bits >> (18 - 6 * i));
		buf_put(out, span_of(text, 4));
		s = span_from(s, 3);
	}
}

bool map_file_value(const struct map_setup *s, span names, struct buf *out)
{
	struct buf content = BUF_INIT(MAX_CONTENT);
	span rest = names;
	span name = span_word(&rest, SEPARATORS);
	bool ok = name.len > 0;

	if (!ok)
		buf_printf(
		    s->reason, "empty pathname list: >>%.*s<<'", PRI(names));
	while (ok && name.len > 0) {
		ok = map_read_file(s, name, &content, NULL) == 0;
		name = span_word(&rest, SEPARATORS);
		if (name.len > 0)
			buf_putc(&content, '\n');
	}
	if (ok)
		put_base64(out, buf_span(&content));
	buf_done(&content);
	return ok;
}
