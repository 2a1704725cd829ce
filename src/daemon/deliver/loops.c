/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/loops.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "Delivered-To: address", whole. */
static bool line_has(span line, span address)
{
	if (!span_skip_nocase(&line, SPAN("Delivered-To")))
		return false;
	line = span_trim(line);
	if (!span_skip(&line, SPAN(":")))
		return false;
	return span_eq_nocase(span_trim(line), address);
}

bool loops_has(span head, span address)
{
	while (head.len > 0) {
		span line = span_cut(&head, '\n');

		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0)
			return false;
		if (!is_blank(line.ptr[0]) && line_has(line, address))
			return true;
	}
	return false;
}
