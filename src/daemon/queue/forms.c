/* SPDX-License-Identifier: ISC */
#include "daemon/queue/forms.h"

static const struct {
	char unit;
	usec factor;
} units[] = {
	{ 's', USEC_SEC },
	{ 'm', USEC_MIN },
	{ 'h', USEC_HOUR },
	{ 'd', USEC_DAY },
	{ 'w', 7 * USEC_DAY },
};

bool form_duration(span text, usec *ret)
{
	usec factor = USEC_SEC;
	uint64_t n;

	for (size_t i = 0; text.len && i < ARRAY_LEN(units); i++) {
		if (ascii_lower(text.ptr[text.len - 1]) == units[i].unit) {
			factor = units[i].factor;
			text.len--;
			break;
		}
	}
	return span_to_u64(text, &n) && !MUL_OVERFLOWS(n, factor, ret);
}

/* "2", "0.25": digits with at most one point. */
static double amount(span text)
{
	span whole = span_cut(&text, '.');
	double value = 0;
	double scale = 1;
	uint64_t n;

	if (span_to_u64(whole, &n))
		value = (double)n;
	for (size_t i = 0; i < text.len && ascii_is_digit(text.ptr[i]); i++) {
		scale /= 10;
		value += (text.ptr[i] - '0') * scale;
	}
	return value;
}

struct sched_feedback form_feedback(span text)
{
	span number = span_trim(span_cut(&text, '/'));
	span divisor = span_trim(text);
	struct sched_feedback f = { .amount = amount(number) };

	if (span_eq(divisor, SPAN("concurrency")))
		f.divisor = SCHED_PER_WINDOW;
	else if (span_eq(divisor, SPAN("sqrt_concurrency")))
		f.divisor = SCHED_PER_SQRT;
	return f;
}

span form_domain(span address)
{
	ssize_t at = span_rfind(address, '@');

	return at < 0 ? SPAN_NONE : span_from(address, (size_t)at + 1);
}
