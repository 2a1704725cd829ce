/* SPDX-License-Identifier: ISC */
/*
 * mail/charset.h - text of other character sets, to UTF-8 and back.
 *
 * The only file that calls iconv. Names are those of MIME, without case;
 * "-" and "_" in them do not matter. Text in us-ascii or "unknown-8bit" that
 * has high bytes is taken as UTF-8 where it is that, else as windows-1252.
 */
#pragma once

#include "base/buf.h"

struct charset;

/* NULL: not known here. An empty name is us-ascii. Give it back. */
struct charset *charset_open(span name);
/* Nulls the caller's pointer; NULL is fine. */
void charset_close(struct charset **pc);
/*
 * Append `text` in UTF-8. What is not of the set becomes U+FFFD; pieces may
 * be cut anywhere: `last` says that this is the end, and a new text may come.
 */
void charset_decode(struct charset *c, span text, bool last, struct buf *out);

/* All at once; an unknown set is guessed. */
void charset_to_utf8(span name, span text, struct buf *out);
/*
 * Append `utf8` in the set `name`: 0, -EILSEQ where it has no such character
 * (then `out` is as it was), or -ENOENT for an unknown set.
 */
MUST_USE int charset_from_utf8(span name, span utf8, struct buf *out);
/*
 * The first set of the list (by comma or blank, as in sendcharsets) that can
 * say all of `utf8`; us-ascii if it is plain ASCII; else "utf-8". Borrowed
 * from the list or static.
 */
span charset_choose(span list, span utf8);
/* Whether it is well-formed UTF-8. */
bool charset_is_utf8(span text);
