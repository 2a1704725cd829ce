/* SPDX-License-Identifier: ISC */
#include "daemon/rules/status.h"

span status_split(span text, span preset, span *ret_text)
{
	span rest = text;
	span status = span_cut(&rest, ' ');
	span class = status;
	span digits;
	uint32_t n;

	digits = span_cut(&class, '.');
	*ret_text = text;
	if (digits.len != 1 || !span_to_u32(digits, &n) ||
	    (n != 2 && n != 4 && n != 5))
		return preset;
	digits = span_cut(&class, '.');
	if (!span_to_u32(digits, &n) || !span_to_u32(class, &n))
		return preset;
	*ret_text = span_trim(rest);
	return status;
}

static bool is_about_address(span status)
{
	return status.len >= 5 && ascii_is_digit(status.ptr[0]) &&
	    status.ptr[1] == '.' && status.ptr[2] == '1' &&
	    status.ptr[3] == '.';
}

span status_for(span status, enum status_of what)
{
	static const struct {
		char digit;
		span sender, recipient;
	} map[] = {
		{ '1', SPAN_INIT("4.1.7"), SPAN_INIT("4.1.1") },
		{ '2', SPAN_INIT("4.1.8"), SPAN_INIT("4.1.2") },
		{ '3', SPAN_INIT("4.1.7"), SPAN_INIT("4.1.3") },
		{ '4', SPAN_INIT("4.1.7"), SPAN_INIT("4.1.4") },
		{ '5', SPAN_INIT("4.1.0"), SPAN_INIT("4.1.5") },
		{ '6', SPAN_INIT("4.1.7"), SPAN_INIT("4.1.6") },
		{ '7', SPAN_INIT("4.1.7"), SPAN_INIT("4.1.3") },
		{ '8', SPAN_INIT("4.1.8"), SPAN_INIT("4.1.2") },
	};

	if (!is_about_address(status))
		return status;
	if (what == STATUS_OF_OTHER)
		return SPAN("4.0.0");
	for (size_t i = 0; status.len == 5 && i < ARRAY_LEN(map); i++)
		if (map[i].digit == status.ptr[4])
			return what == STATUS_OF_SENDER ? map[i].sender
			                                : map[i].recipient;
	return SPAN("4.1.0");
}
