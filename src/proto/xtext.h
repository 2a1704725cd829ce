/* SPDX-License-Identifier: ISC */
/*
 * proto/xtext.h - values in the parameters of MAIL and RCPT.
 *
 * xtext (RFC 3461 4): printable ASCII without blanks, "+" and two hex digits
 * for the rest. utf-8-addr-xtext (RFC 6533 3): \x{HEX} for a code point.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/*
 * Decoded, in the arena. False: no such form, arena full, or the value has a
 * control character (NUL, CR, LF, ...), which nobody behind us must meet.
 */
MUST_USE bool xtext_decode(span text, struct arena *a, span *ret);
MUST_USE bool xtext_decode_utf8(span text, struct arena *a, span *ret);

/* Encoded, appended. */
void xtext_encode(struct buf *out, span value);
