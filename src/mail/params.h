/* SPDX-License-Identifier: ISC */
/*
 * mail/params.h - values with parameters: Content-Type and its like.
 *
 *	text/plain; charset="utf-8"; name*0*=utf-8''na; name*1=me.txt
 *
 * RFC 2045 with RFC 2231 (continuations, charsets), and what mailers really
 * send: encoded words in parameters, missing quotes, a missing semicolon.
 * Linear in the length, whatever comes.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

struct param {
	span name;  /* as written, without any "*0*" */
	span value; /* UTF-8, continuations joined */
};

struct params {
	span value; /* before the first semicolon, trimmed: "text/plain" */
	struct param *all;
	size_t count;
};

enum { PARAMS_MAX = 64 }; /* what is behind is dropped */

/*
 * Spans lie in the arena, or in `text`. Of two with one name the first counts,
 * but RFC 2231's form counts more. What finds no room in the arena is dropped.
 */
void params_parse(span text, struct arena *a, struct params *ret);
/* Empty if there is none. */
span params_get(const struct params *p, span name);
/*
 * Append `; name=value`, quoted or in RFC 2231's form where it must be, on a
 * line of its own ("\n ") when this one would go beyond 76.
 */
void params_write(struct buf *out, span name, span utf8);
