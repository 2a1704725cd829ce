/* SPDX-License-Identifier: ISC */
#include "conf/words.h"

static bool is_separator(char c)
{
	return c == ',' || ascii_is_space(c);
}

span words_next(span *rest)
{
	span s = *rest;
	size_t depth = 0;
	size_t n = 0;

	while (s.len && is_separator(s.ptr[0]))
		s = span_from(s, 1);
	for (; n < s.len; n++) {
		if (s.ptr[n] == '{')
			depth++;
		else if (s.ptr[n] == '}' && depth > 0)
			depth--;
		else if (depth == 0 && is_separator(s.ptr[n]))
			break;
	}
	*rest = span_from(s, n);
	return span_first(s, n);
}
