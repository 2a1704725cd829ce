/* SPDX-License-Identifier: ISC */
/*
 * mail/field.h - the fields of a header that lies in memory.
 *
 * Lines may end with LF or CRLF. What is no field is passed over. Spans are
 * borrowed from the header.
 */
#pragma once

#include "base/buf.h"

struct field {
	span name;  /* without the colon */
	span value; /* outer blanks off; line ends and blanks within stay */
	span whole; /* name, colon, value and the line end */
};

/* What separates words in a value that may be folded. */
static inline bool field_is_blank(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

/* Cut off a line with its end; the last one may have none. */
span field_cut_line(span *rest);
/* The next field; false: there is none left. */
MUST_USE bool field_next(span *rest, struct field *ret);
/* The value of the first one with this name; false: none. */
MUST_USE bool field_find(span header, span name, span *ret_value);
/* Appended: line ends out, outer blanks off; inner blanks stay. */
void field_unfold(struct buf *out, span value);
/*
 * Cut a message at its first empty line, which belongs to neither. Without
 * one all is header.
 */
void field_split(span message, span *ret_header, span *ret_body);
