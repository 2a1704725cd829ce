/* SPDX-License-Identifier: ISC */
/*
 * mail/people.h - who is named in From, To, Cc: names beside addresses.
 *
 *	Ana Paz <ana@example.org>, bob@example.org (Bob B.), team: x, y;
 *
 * Nothing recurses, and it is linear; what cannot be understood is one person
 * whose address is the text. Those in a group are people like all others, its
 * name is dropped. Semicolons separate, too. Words without any comma, bracket
 * or quote are one person each: "ana bob" is two.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

struct person {
	span addr; /* internal form, as in mail/address.h; no CR, LF, NUL */
	/* The name beside it, RFC 2047 decoded, without quotes; or empty. */
	span name;
	span text; /* as it was written, outer blanks off */
};

struct people {
	struct person *all;
	size_t count;
	bool truncated; /* more than `limit`, or the arena was full */
};

/*
 * The value of a field, or what a user typed. Spans lie in `value` or in the
 * arena.
 */
void people_parse(
    span value, size_t limit, struct arena *a, struct people *ret);
/*
 * Appended in external form: `Ana Paz <ana@x>`, the name quoted, or encoded
 * by RFC 2047 as UTF-8, where it must be. It may be folded there; the line
 * counts from the last LF in `out`. No CR, LF or NUL comes out otherwise.
 */
void people_write(struct buf *out, const struct person *p);
/* The same with the name encoded in another set: see charset_choose(). */
void people_write_as(struct buf *out, const struct person *p, span charset);
/*
 * Append the value of a field as a user would type it, in UTF-8 on one line.
 * To decode all of it at once would be wrong: an encoded comma is part of a
 * name and separates nobody. Names that were encoded come out quoted where
 * they must be; who has none stays as he was written.
 */
void people_decode(struct buf *out, span value);
