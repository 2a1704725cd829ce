/* SPDX-License-Identifier: ISC */
/*
 * mail/encoded.h - encoded words in headers (RFC 2047).
 */
#pragma once

#include "base/buf.h"

/*
 * Append the value of a field in UTF-8, unfolded: encoded words decoded, the
 * blanks between two of them gone; raw bytes that are no UTF-8 are taken as
 * windows-1252. The result may hold any character, controls too.
 */
void encoded_decode(struct buf *out, span value);

/* Whether there may be an encoded word. */
bool encoded_has_word(span value);

enum encoded_where {
	ENCODED_TEXT,   /* Subject and the like */
	ENCODED_PHRASE, /* a name beside an address: fewer bytes stand bare */
};

/* Whether it cannot stand in a header as it is. */
bool encoded_is_needed(span utf8);
/*
 * Append it, encoded where it must be and folded with "\n " so that lines stay
 * within 76; `column` is where in its line it begins. `charset` is what it is
 * written in (see charset_choose()). CR, LF and NUL never come out.
 */
void encoded_encode(struct buf *out, span utf8, span charset,
    enum encoded_where where, size_t column);
/* That column at the end of `out`: how much stands behind the last LF. */
size_t encoded_column(const struct buf *out);
