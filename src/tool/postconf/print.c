/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/print.c - a line of output, and text inside JSON.
 */
#include "tool/postconf/postconf.h"

enum { LINE_LIMIT = 80, INDENT = 4 };

void print_line(struct postconf *pc, span line)
{
	size_t width = 0;
	span word;

	while ((word = span_word(&line, " \t\r\n")).len > 0) {
		if (width > 0 && (pc->mode & FOLD_LINE) &&
		    width + word.len >= LINE_LIMIT) {
			buf_put(&pc->out, SPAN("\n    "));
			width = INDENT;
		} else if (width > 0) {
			buf_putc(&pc->out, ' ');
			width++;
		}
		buf_put(&pc->out, word);
		width += word.len;
	}
	buf_putc(&pc->out, '\n');
}

static void put_json_byte(struct buf *out, unsigned char c)
{
	static const char letters[32] = {
		['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't',
	};

	if (c < 32 && letters[c])
		buf_printf(out, "\\%c", letters[c]);
	else if (c < 32 || c == 127)
		buf_printf(out, "\\u%04X", c);
	else if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", c);
	else
		buf_putc(out, (char)c);
}

void print_quoted_json(struct buf *out, span text)
{
	for (size_t i = 0; i < text.len; i++)
		put_json_byte(out, (unsigned char)text.ptr[i]);
}
