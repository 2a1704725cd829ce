/* SPDX-License-Identifier: ISC */
/*
 * mail/people.h - who is named in From, To, Cc: names beside addresses.
 *
 *	Ana Paz <ana@example.org>, bob@example.org (Bob B.), team: x, y;
 *
 * Built over mail/token. Nothing recurses; what cannot be understood is one
 * person whose address is the text.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

struct person {
	span addr; /* internal form, as in mail/address.h */
	/* The name beside it, RFC 2047 decoded, without quotes; or empty. */
	span name;
	span text; /* as it was written, outer blanks off */
};

struct people {
	struct person *all;
	size_t count;
	bool truncated; /* more than `limit`, or the arena is full */
};

/* The value of a field, or what a user typed. */
void people_parse(
    span value, size_t limit, struct arena *a, struct people *ret);
/*
 * Appended in external form: `Ana Paz <ana@x>`, the name quoted, or encoded
 * by RFC 2047, where it must be.
 */
void people_write(struct buf *out, const struct person *p);
/* The same person: domains without case, local parts with. */
bool people_same(span addr1, span addr2);
