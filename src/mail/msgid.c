/* SPDX-License-Identifier: ISC */
#include "mail/msgid.h"

span msgid_text(msgid id, char text[MSGID_TEXT_MAX])
{
	int n = snprintf(text, MSGID_TEXT_MAX, "%05X%llX",
	    (unsigned)(id & 0xfffff), (unsigned long long)(id >> 20));

	return span_of(text, n > 0 ? (size_t)n : 0);
}

static int hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool parse_hex(span s, uint64_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		int digit = hex_digit(s.ptr[i]);

		if (digit < 0)
			return false;
		n = n << 4 | (uint64_t)digit;
	}
	*ret = n;
	return true;
}

bool msgid_parse(span text, msgid *ret)
{
	uint64_t micros;
	uint64_t counter;

	if (text.len < 6 || text.len >= MSGID_TEXT_MAX)
		return false;
	if (!parse_hex(span_first(text, 5), &micros) ||
	    !parse_hex(span_from(text, 5), &counter) || counter >> 44 ||
	    counter == 0 || text.ptr[5] == '0')
		return false;
	*ret = counter << 20 | micros;
	return true;
}
