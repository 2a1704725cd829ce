/* SPDX-License-Identifier: ISC */
/*
 * Host names, numeric addresses and UTF-8, as Postfix takes them.
 */
#include "mail/address.h"

struct name_scan {
	size_t label; /* bytes in this label so far */
	bool letters; /* something that is no digit */
};

/* One byte of a host name; `next` is the one behind it, or -1. */
static bool name_char(struct name_scan *n, char c, int next, bool utf8)
{
	if (c == '.') {
		if (n->label == 0 || next < 0)
			return false;
		n->label = 0;
		return true;
	}
	n->label++;
	if (!ascii_is_digit(c))
		n->letters = true;
	if (c == '-')
		return n->label > 1 && next >= 0 && next != '.';
	/* A dash may make the label longer than it may be, as in Postfix. */
	if (n->label > 63)
		return false;
	return ascii_is_alnum(c) || c == '_' || (utf8 && c < 0);
}

static bool is_name(span s, bool utf8)
{
	struct name_scan n = { 0 };

	if (s.len == 0 || s.len > 255)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int next = i + 1 < s.len ? (unsigned char)s.ptr[i + 1] : -1;

		if (!name_char(&n, s.ptr[i], next, utf8))
			return false;
	}
	return n.letters;
}

bool address_is_hostname(span s)
{
	return is_name(s, false);
}

bool address_is_hostname_utf8(span s)
{
	return is_name(s, true) && address_is_utf8(s);
}

bool address_is_ipv4(span s)
{
	int octets = 0;
	bool zero = false;

	for (; octets < 4 && s.len; octets++) {
		bool last = span_find(s, '.') < 0;
		span digits = span_cut(&s, '.');
		uint32_t n;

		/* "1.2.3." has an empty octet behind its last dot. */
		if ((!last && s.len == 0) || !span_to_u32(digits, &n) ||
		    n > 255)
			return false;
		if (octets == 0)
			zero = n == 0;
		else if (zero && n != 0)
			return false;
	}
	return octets == 4 && s.len == 0;
}

static bool is_hex_group(span s)
{
	if (s.len < 1 || s.len > 4)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_digit(s.ptr[i]) &&
		    !strchr("abcdefABCDEF", s.ptr[i]))
			return false;
	return true;
}

/* Groups of hex digits between colons, an IPv4 address at the end counting
 * for two; -1: something else is there. */
static int count_groups(span s)
{
	int groups = 0;

	while (s.len) {
		bool last = span_find(s, ':') < 0;
		span g = span_cut(&s, ':');

		if (last && span_find(g, '.') >= 0)
			return address_is_ipv4(g) ? groups + 2 : -1;
		if (!is_hex_group(g) || (!last && s.len == 0))
			return -1;
		if (++groups > 8)
			return -1;
	}
	return groups;
}

static ssize_t find_double_colon(span s)
{
	for (size_t i = 0; i + 1 < s.len; i++)
		if (s.ptr[i] == ':' && s.ptr[i + 1] == ':')
			return (ssize_t)i;
	return -1;
}

bool address_is_ipv6(span s)
{
	ssize_t gap = find_double_colon(s);
	int left;
	int right;

	if (gap < 0)
		return count_groups(s) == 8;
	if (span_find(span_first(s, (size_t)gap), '.') >= 0)
		return false;
	left = count_groups(span_first(s, (size_t)gap));
	right = count_groups(span_from(s, (size_t)gap + 2));
	return left >= 0 && right >= 0 && left + right <= 7;
}

bool address_is_literal(span s, span *ret_addr)
{
	span inner;

	if (s.len < 2 || s.ptr[0] != '[' || s.ptr[s.len - 1] != ']')
		return false;
	inner = span_first(span_from(s, 1), s.len - 2);
	if (span_skip_nocase(&inner, SPAN("IPv6:"))) {
		*ret_addr = inner;
		return address_is_ipv6(inner);
	}
	*ret_addr = inner;
	return address_is_ipv4(inner);
}

bool address_is_ascii(span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0)
			return false;
	return true;
}

/* How many bytes follow this first byte, and what the second must be. */
static size_t utf8_tail(unsigned char c, unsigned char second)
{
	if (c >= 0xc2 && c <= 0xdf)
		return 1;
	if (c >= 0xe0 && c <= 0xef) {
		if ((c == 0xe0 && second < 0xa0) ||
		    (c == 0xed && second > 0x9f))
			return 0;
		return 2;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if ((c == 0xf0 && second < 0x90) ||
		    (c == 0xf4 && second > 0x8f))
			return 0;
		return 3;
	}
	return 0;
}

bool address_is_utf8(span s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;

	for (size_t i = 0; i < s.len; i++) {
		size_t tail;

		if (p[i] < 0x80)
			continue;
		if (i + 1 == s.len)
			return false;
		tail = utf8_tail(p[i], p[i + 1]);
		if (tail == 0 || tail > s.len - i - 1)
			return false;
		for (; tail > 0; tail--)
			if ((p[++i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}
