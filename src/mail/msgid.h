/* SPDX-License-Identifier: ISC */
/*
 * mail/msgid.h - the identity of a message, from acceptance to its end.
 *
 * A u64: a counter in the upper 44 bits that never repeats on one spool, and
 * the microseconds of the second of its making in the lower 20. Written as
 * Postfix's short queue ids are: five hex digits of microseconds, then the
 * counter in hex (at least six digits), e.g. 1B4408AC247.
 * 0 is no id ("NOQUEUE").
 */
#pragma once

#include "base/buf.h"
#include "base/time.h"

typedef uint64_t msgid;

enum {
	MSGID_TEXT_MAX = 17, /* with the NUL */
	MSGID_FIRST_COUNTER = 0x100000,
};

static inline msgid msgid_make(uint64_t counter, usec wall)
{
	return counter << 20 | (wall % USEC_SEC);
}

static inline uint64_t msgid_counter(msgid id)
{
	return id >> 20;
}

/* Into the caller's array; returns it as a span. */
span msgid_text(msgid id, char text[MSGID_TEXT_MAX]);
MUST_USE bool msgid_parse(span text, msgid *ret);
