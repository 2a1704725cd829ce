/* SPDX-License-Identifier: ISC */
#include "mail/field.h"

#include "mail/header.h"

span field_cut_line(span *rest)
{
	ssize_t at = span_find(*rest, '\n');
	size_t n = at < 0 ? rest->len : (size_t)at + 1;
	span line = span_first(*rest, n);

	*rest = span_from(*rest, n);
	return line;
}

bool field_next(span *rest, struct field *ret)
{
	while (rest->len) {
		const char *start = rest->ptr;
		span line = field_cut_line(rest);
		size_t n = header_name_len(line);

		if (!n)
			continue;
		while (rest->len && ascii_is_blank(rest->ptr[0]))
			(void)field_cut_line(rest);
		ret->whole = span_of(start, (size_t)(rest->ptr - start));
		ret->name = span_first(line, n);
		ret->value = span_from(ret->whole, n);
		(void)span_cut(&ret->value, ':');
		ret->value = span_trim(ret->value);
		return true;
	}
	return false;
}

bool field_find(span header, span name, span *ret_value)
{
	struct field f;

	while (field_next(&header, &f)) {
		if (span_eq_nocase(f.name, name)) {
			*ret_value = f.value;
			return true;
		}
	}
	return false;
}

void field_unfold(struct buf *out, span value)
{
	value = span_trim(value);
	while (value.len) {
		span line = span_cut(&value, '\n');

		while (line.len)
			buf_put(out, span_cut(&line, '\r'));
	}
}

void field_split(span message, span *ret_header, span *ret_body)
{
	span rest = message;

	while (rest.len) {
		size_t at = message.len - rest.len;
		span line = field_cut_line(&rest);

		if (span_eq(line, SPAN("\n")) || span_eq(line, SPAN("\r\n"))) {
			*ret_header = span_first(message, at);
			*ret_body = rest;
			return;
		}
	}
	*ret_header = message;
	*ret_body = rest;
}
