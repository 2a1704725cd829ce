/* SPDX-License-Identifier: ISC */
#include "conf/setting.h"

static size_t skip_blanks(span s, size_t at)
{
	while (at < s.len && ascii_is_space(s.ptr[at]))
		at++;
	return at;
}

const char *conf_split_setting(span line, span *ret_name, span *ret_value)
{
	size_t start = skip_blanks(line, 0);
	size_t end = start;
	size_t sign;

	while (end < line.len && line.ptr[end] != '=' &&
	    !ascii_is_space(line.ptr[end]))
		end++;
	if (end == start)
		return "missing attribute name";
	sign = skip_blanks(line, end);
	if (sign == line.len || line.ptr[sign] != '=')
		return "missing '=' after attribute name";
	*ret_name = span_of(line.ptr + start, end - start);
	*ret_value = span_trim(span_from(line, sign + 1));
	return NULL;
}
