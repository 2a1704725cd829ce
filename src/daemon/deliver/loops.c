/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/loops.h"

/* The value of a Delivered-To line; ptr NULL: it is none. As in Postfix, with
 * blanks behind it is another one. */
static span value_of(span line)
{
	if (!span_skip_nocase(&line, SPAN("Delivered-To")))
		return SPAN_NONE;
	line = span_trim_left(line);
	if (!span_skip(&line, SPAN(":")))
		return SPAN_NONE;
	return span_trim_left(line);
}

/* The next line that begins a header, without its end; ptr NULL: no more. */
static span next_header(span *head)
{
	while (head->len > 0) {
		span line = span_cut(head, '\n');

		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0)
			break;
		if (!ascii_is_blank(line.ptr[0]))
			return line;
	}
	return SPAN_NONE;
}

void loops_list(span head, struct buf *out)
{
	span line;

	while ((line = next_header(&head)).ptr) {
		span value = value_of(line);

		if (!value.len)
			continue;
		if (out->len)
			buf_putc(out, '\n');
		buf_put(out, value);
	}
}
