/* SPDX-License-Identifier: ISC */
/*
 * mail/date_parse.c - the times that mail carries, as others wrote them.
 *
 * Programs disagree about commas, the weekday, years of two digits, names of
 * zones and comments; RFC 5322 4.3 lists what may be found. So a date is read
 * as words, each of which says by its form what it is: a name of a month, a
 * time with colons, an offset, a number. What is no such word is passed over.
 */
#include "mail/date.h"

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

static const struct zone {
	span name;
	int minutes;
} zones[] = {
	{ SPAN_INIT("ut"), 0 },
	{ SPAN_INIT("utc"), 0 },
	{ SPAN_INIT("gmt"), 0 },
	{ SPAN_INIT("z"), 0 },
	{ SPAN_INIT("est"), -300 },
	{ SPAN_INIT("edt"), -240 },
	{ SPAN_INIT("cst"), -360 },
	{ SPAN_INIT("cdt"), -300 },
	{ SPAN_INIT("mst"), -420 },
	{ SPAN_INIT("mdt"), -360 },
	{ SPAN_INIT("pst"), -480 },
	{ SPAN_INIT("pdt"), -420 },
	{ SPAN_INIT("cet"), 60 },
	{ SPAN_INIT("cest"), 120 },
};

struct parts {
	int month; /* from 1; 0: not seen yet, as in the others */
	int day;
	int year; /* -1: not seen */
	int hour; /* -1 */
	int minute;
	int second;
	int zone; /* minutes east of Greenwich */
	bool has_zone;
};

static bool number(span s, int max, int *ret)
{
	uint32_t n;

	if (s.len > 6 || !span_to_u32(s, &n) || n > (uint32_t)max)
		return false;
	*ret = (int)n;
	return true;
}

static int month_of(span word)
{
	if (word.len < 3)
		return 0;
	for (size_t i = 0; i < 12; i++) {
		if (span_has_prefix_nocase(word, span_of(months + 3 * i, 3)))
			return (int)i + 1;
	}
	return 0;
}

/* 17:22, 17:22:36, 17:22:36.5 */
static bool take_clock(struct parts *p, span word)
{
	span hour = span_cut(&word, ':');
	span minute = span_cut(&word, ':');
	span second = span_cut(&word, '.');

	if (!number(hour, 24, &p->hour) || !number(minute, 59, &p->minute))
		return false;
	return second.len == 0 || number(second, 60, &p->second);
}

/* +0100, -08:00 */
static bool take_offset(struct parts *p, span word)
{
	span digits = span_from(word, 1);
	int hours;
	int minutes;

	if (digits.len == 5 && digits.ptr[2] == ':') {
		if (!number(span_from(digits, 3), 59, &minutes))
			return false;
	} else if (digits.len != 4 ||
	    !number(span_from(digits, 2), 59, &minutes)) {
		return false;
	}
	if (!number(span_first(digits, 2), 24, &hours))
		return false;
	p->zone = hours * 60 + minutes;
	if (word.ptr[0] == '-')
		p->zone = -p->zone;
	p->has_zone = true;
	return true;
}

static void take_zone(struct parts *p, span word)
{
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		if (!span_eq_nocase(word, zones[i].name))
			continue;
		p->zone = zones[i].minutes;
		p->has_zone = true;
	}
}

/* RFC 5322 4.3: two digits are 1950 to 2049, three count from 1900. */
static int full_year(int n, size_t digits)
{
	if (digits >= 4)
		return n;
	return digits == 2 && n < 50 ? 2000 + n : 1900 + n;
}

static void take_number(struct parts *p, span word)
{
	int n;

	if (!number(word, 9999, &n))
		return;
	if (p->day == 0 && word.len <= 2 && n >= 1 && n <= 31)
		p->day = n;
	else if (p->year < 0)
		p->year = full_year(n, word.len);
}

static void take_word(struct parts *p, span word)
{
	int month;

	if (span_find(word, ':') >= 0 && ascii_is_digit(word.ptr[0])) {
		if (p->hour < 0)
			(void)take_clock(p, word);
		return;
	}
	if (word.ptr[0] == '+' || word.ptr[0] == '-') {
		if (!p->has_zone)
			(void)take_offset(p, word);
		return;
	}
	if (ascii_is_digit(word.ptr[0])) {
		take_number(p, word);
		return;
	}
	month = month_of(word);
	if (month && p->month == 0)
		p->month = month;
	else if (!p->has_zone)
		take_zone(p, word);
}

/* 24-Feb-2020 is three words; the sign of an offset stays. */
static span next_word(span *rest)
{
	span word = span_word(rest, " \t\r\n,");
	ssize_t dash;

	if (word.len == 0 || !ascii_is_alnum(word.ptr[0]))
		return word;
	dash = span_find(word, '-');
	if (dash < 0 || span_find(word, ':') >= 0)
		return word;
	*rest = span_of(word.ptr + dash + 1,
	    (size_t)(rest->ptr + rest->len - (word.ptr + dash + 1)));
	return span_first(word, (size_t)dash);
}

static bool finish(const struct parts *p, usec *ret)
{
	struct tm tm = { .tm_year = p->year - 1900,
		.tm_mon = p->month - 1,
		.tm_mday = p->day,
		.tm_hour = MAX(p->hour, 0),
		.tm_min = p->minute,
		.tm_sec = p->second,
		.tm_isdst = -1 };
	time_t t;

	if (!p->month || !p->day || p->year < 0)
		return false;
	t = p->has_zone ? timegm(&tm) : mktime(&tm);
	if (p->has_zone)
		t -= (time_t)p->zone * 60;
	if (t < 0)
		return false;
	*ret = (usec)t * USEC_SEC;
	return true;
}

bool date_parse(span text, usec *ret)
{
	struct parts p = { .year = -1, .hour = -1 };
	span rest = span_first(text, 200);
	ssize_t comment = span_find(rest, '(');

	if (comment >= 0)
		rest = span_first(rest, (size_t)comment);
	for (;;) {
		span word = next_word(&rest);

		if (word.len == 0 && rest.len == 0)
			break;
		if (word.len)
			take_word(&p, word);
	}
	return finish(&p, ret);
}
