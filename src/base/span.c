/* SPDX-License-Identifier: ISC */
#include "base/span.h"

bool span_eq_nocase(span a, span b)
{
	return a.len == b.len && span_cmp_nocase(a, b) == 0;
}

int span_cmp(span a, span b)
{
	size_t n = MIN(a.len, b.len);
	int r = n ? memcmp(a.ptr, b.ptr, n) : 0;

	if (r)
		return r;
	return (a.len > b.len) - (a.len < b.len);
}

int span_cmp_nocase(span a, span b)
{
	size_t n = MIN(a.len, b.len);

	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)ascii_lower(a.ptr[i]);
		unsigned char y = (unsigned char)ascii_lower(b.ptr[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a.len > b.len) - (a.len < b.len);
}

bool span_has_prefix(span s, span prefix)
{
	return span_eq(span_first(s, prefix.len), prefix);
}

bool span_has_prefix_nocase(span s, span prefix)
{
	return span_eq_nocase(span_first(s, prefix.len), prefix);
}

bool span_has_suffix_nocase(span s, span suffix)
{
	if (s.len < suffix.len)
		return false;
	return span_eq_nocase(span_from(s, s.len - suffix.len), suffix);
}

bool span_skip(span *rest, span prefix)
{
	if (!span_has_prefix(*rest, prefix))
		return false;
	*rest = span_from(*rest, prefix.len);
	return true;
}

bool span_skip_nocase(span *rest, span prefix)
{
	if (!span_has_prefix_nocase(*rest, prefix))
		return false;
	*rest = span_from(*rest, prefix.len);
	return true;
}

ssize_t span_find(span s, char c)
{
	const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;

	return p ? p - s.ptr : -1;
}

ssize_t span_rfind(span s, char c)
{
	const char *p = s.len ? memrchr(s.ptr, c, s.len) : NULL;

	return p ? p - s.ptr : -1;
}

size_t span_count(span s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == c;
	return n;
}

span span_cut(span *rest, char sep)
{
	ssize_t at = span_find(*rest, sep);
	span head = *rest;

	if (at < 0) {
		*rest = span_from(*rest, rest->len);
		return head;
	}
	*rest = span_from(*rest, (size_t)at + 1);
	return span_first(head, (size_t)at);
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

span span_word(span *rest, const char *seps)
{
	span word;
	size_t n = 0;

	while (rest->len && is_one_of(rest->ptr[0], seps))
		*rest = span_from(*rest, 1);
	while (n < rest->len && !is_one_of(rest->ptr[n], seps))
		n++;
	word = span_first(*rest, n);
	*rest = span_from(*rest, n);
	return word;
}

span span_trim_left(span s)
{
	while (s.len && ascii_is_space(s.ptr[0]))
		s = span_from(s, 1);
	return s;
}

span span_trim(span s)
{
	s = span_trim_left(s);
	while (s.len && ascii_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

void span_skip_blanks(span *rest)
{
	while (rest->len && ascii_is_blank(rest->ptr[0]))
		*rest = span_from(*rest, 1);
}

char *span_dup(span s)
{
	char *copy = mem_new(s.len + 1, 1);

	if (s.len)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

bool span_to_u64(span s, uint64_t *ret)
{
	uint64_t value = 0;

	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_digit(s.ptr[i]))
			return false;
		if (MUL_OVERFLOWS(value, 10U, &value) ||
		    ADD_OVERFLOWS(value, (uint64_t)(s.ptr[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

bool span_to_u32(span s, uint32_t *ret)
{
	uint64_t wide;

	if (!span_to_u64(s, &wide) || wide > UINT32_MAX)
		return false;
	*ret = (uint32_t)wide;
	return true;
}
