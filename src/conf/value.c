/* SPDX-License-Identifier: ISC */
#include "conf/value.h"

bool conf_parse_bool(span text, bool *ret)
{
	bool yes = span_eq_nocase(text, SPAN("yes"));

	if (!yes && !span_eq_nocase(text, SPAN("no")))
		return false;
	*ret = yes;
	return true;
}

bool conf_parse_number(span text, uint64_t *ret)
{
	uint64_t n;

	if (!span_to_u64(text, &n) || n > INT64_MAX)
		return false;
	*ret = n;
	return true;
}

static bool unit_seconds(char unit, uint64_t *ret)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {
		{ 's', 1 },
		{ 'm', 60 },
		{ 'h', 3600 },
		{ 'd', 86400 },
		{ 'w', 604800 },
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (units[i].unit == unit) {
			*ret = units[i].seconds;
			return true;
		}
	}
	return false;
}

/* What follows the unit's first letter does not count: "5min" is "5m". */
bool conf_parse_duration(span text, char unit, usec *ret)
{
	uint64_t n;
	uint64_t seconds;
	size_t digits = 0;

	while (digits < text.len && ascii_is_digit(text.ptr[digits]))
		digits++;
	if (digits < text.len)
		unit = text.ptr[digits];
	if (!unit_seconds(unit, &seconds) ||
	    !span_to_u64(span_first(text, digits), &n) ||
	    MUL_OVERFLOWS(n, seconds, &n) || n > INT32_MAX)
		return false;
	*ret = n * USEC_SEC;
	return true;
}

/* Three numbers of ten bits each, as compatibility levels have. */
bool conf_parse_level(span text, uint64_t *ret)
{
	uint64_t level = 0;

	if (text.len > 0 && text.ptr[text.len - 1] == '.')
		return false;
	for (int shift = 20; shift >= 0; shift -= 10) {
		bool more = text.len > 0;
		span part = span_cut(&text, '.');
		uint32_t n = 0;

		if (!more && shift < 20)
			continue;
		if (!span_to_u32(part, &n) || n > (shift == 20 ? 2047 : 1023))
			return false;
		level |= (uint64_t)n << shift;
	}
	*ret = level;
	return text.len == 0;
}
