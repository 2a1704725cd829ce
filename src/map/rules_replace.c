/* SPDX-License-Identifier: ISC */
/*
 * map/rules_replace.c - the parts of a replacement text.
 */
#include "map/rules_replace.h"

static enum rules_part cut_braced(span *rest, span *ret)
{
	char open = rest->ptr[0];
	char close = open == '(' ? ')' : '}';
	size_t level = 0;

	for (size_t i = 0; i < rest->len; i++) {
		if (rest->ptr[i] == open)
			level++;
		if (rest->ptr[i] != close || --level > 0)
			continue;
		*ret = span_of(rest->ptr + 1, i - 1);
		*rest = span_from(*rest, i + 1);
		return PART_BRACED_NAME;
	}
	return PART_CUT_OFF;
}

static enum rules_part cut_name(span *rest, span *ret)
{
	size_t n = 0;

	if (rest->len > 0 && (rest->ptr[0] == '(' || rest->ptr[0] == '{'))
		return cut_braced(rest, ret);
	while (n < rest->len &&
	    (ascii_is_alnum(rest->ptr[n]) || rest->ptr[n] == '_'))
		n++;
	*ret = span_first(*rest, n);
	*rest = span_from(*rest, n);
	return PART_NAME;
}

enum rules_part rules_replace_next(span *rest, span *ret)
{
	ssize_t dollar = span_find(*rest, '$');

	if (rest->len == 0)
		return PART_END;
	if (dollar != 0) {
		*ret = dollar < 0 ? *rest : span_first(*rest, (size_t)dollar);
		*rest = span_from(*rest, ret->len);
		return PART_TEXT;
	}
	*rest = span_from(*rest, 1);
	if (rest->len == 0 || rest->ptr[0] != '$')
		return cut_name(rest, ret);
	*ret = span_first(*rest, 1);
	*rest = span_from(*rest, 1);
	return PART_TEXT;
}

size_t rules_replace_index(span digits)
{
	uint64_t n;

	if (!span_to_u64(digits, &n) || n > INT64_MAX)
		n = INT64_MAX;
	return (size_t)(int32_t)(uint32_t)n;
}
