/* SPDX-License-Identifier: ISC */
#include "map/braces.h"

size_t braces_len(span s)
{
	size_t depth = 0;

	if (!s.len || s.ptr[0] != '{')
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '{')
			depth++;
		else if (s.ptr[i] == '}' && --depth == 0)
			return i + 1;
	}
	return 0;
}

bool braces_all(span s, span *ret)
{
	size_t n = braces_len(s);

	if (n == 0 || n != s.len)
		return false;
	*ret = span_of(s.ptr + 1, n - 2);
	return true;
}

bool braces_strip(span *s, struct buf *why)
{
	size_t n = braces_len(*s);

	if (!s->len || s->ptr[0] != '{')
		buf_printf(why, "no '{' at start of text in \"%.*s\"", PRI(*s));
	else if (n == 0)
		buf_printf(why, "missing '}' in \"%.*s\"", PRI(*s));
	else if (n != s->len)
		buf_printf(why, "syntax error after '}' in \"%.*s\"", PRI(*s));
	else
		*s = span_trim(span_of(s->ptr + 1, n - 2));
	return why->len == 0;
}
