/* SPDX-License-Identifier: ISC */
#include "mail/records.h"

#include <stdarg.h>
#include <stdio.h>

/* The end of the group comes first. */
static const char *const expected[][2] = {
	[RECORD_ENVELOPE] = { [RECORD_OF_SYSTEM] = "MCTcFILSDRO/WVA>K<ionp",
	    [RECORD_OF_USER] = "MCFSRVAin" },
	[RECORD_CONTENT] = { [RECORD_OF_SYSTEM] = "XLNwp",
	    [RECORD_OF_USER] = "XLN" },
	[RECORD_EXTRACT] = { [RECORD_OF_SYSTEM] = "EDRO/PreAFIL>Konp",
	    [RECORD_OF_USER] = "EAR" },
};

bool record_is_expected(
    enum record_group group, enum record_origin origin, char type)
{
	return type && strchr(expected[group][origin], type);
}

char record_end_of(enum record_group group)
{
	return expected[group][RECORD_OF_SYSTEM][0];
}

/* ---- writing ---- */

void record_put(struct buf *out, char type, span data)
{
	size_t left = data.len;

	buf_putc(out, type);
	do {
		unsigned bits = left & 0x7f;

		left >>= 7;
		buf_putc(out, (char)(left ? bits | 0x80 : bits));
	} while (left);
	buf_put(out, data);
}

void record_printf(struct buf *out, char type, const char *format, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		bug("record_printf: for short texts");
	record_put(out, type, span_of(text, (size_t)n));
}

void record_put_attr(struct buf *out, const char *name, span value)
{
	struct buf text = BUF_INIT(out->max);

	buf_put(&text, span_str(name));
	buf_putc(&text, '=');
	buf_put(&text, value);
	record_put(out, RECORD_ATTR, buf_span(&text));
	out->failed |= text.failed;
	buf_done(&text);
}

void record_put_attr_u64(struct buf *out, const char *name, uint64_t value)
{
	record_printf(
	    out, RECORD_ATTR, "%.100s=%llu", name, (unsigned long long)value);
}

void record_put_content(
    struct buf *out, const struct record *record, size_t max)
{
	span rest = record->data;

	while (rest.len > max) {
		record_put(out, RECORD_CONT, span_first(rest, max));
		rest = span_from(rest, max);
	}
	record_put(out, record->type, rest);
}

/* ---- reading ---- */

enum record_result record_take(span *rest, size_t max, struct record *ret)
{
	span in = *rest;
	size_t len = 0;
	size_t at = 1;
	unsigned char byte;

	do {
		if (at == RECORD_HEAD_MAX)
			return RECORD_BROKEN;
		if (in.len <= at)
			return RECORD_MORE;
		byte = (unsigned char)in.ptr[at];
		len |= (size_t)(byte & 0x7f) << (7 * (at - 1));
		at++;
	} while (byte & 0x80);
	if (len > max)
		return RECORD_BROKEN;
	in = span_from(in, at);
	if (in.len < len)
		return RECORD_MORE;
	ret->type = rest->ptr[0];
	ret->data = span_first(in, len);
	*rest = span_from(in, len);
	return RECORD_OK;
}

bool record_attr(span data, span *ret_name, span *ret_value)
{
	ssize_t equals = span_find(data, '=');

	if (equals < 0)
		return false;
	*ret_name = span_trim(span_first(data, (size_t)equals));
	*ret_value = span_trim(span_from(data, (size_t)equals + 1));
	return ret_name->len > 0;
}
