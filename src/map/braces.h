/* SPDX-License-Identifier: ISC */
/*
 * map/braces.h - "{ text in braces }" in the names of tables.
 */
#pragma once

#include "base/buf.h"

/* How long what stands at the beginning is, both braces included; 0: no
 * brace there, or none that closes it. */
size_t braces_len(span s);
/* Whether all of it is one pair of braces; then `ret` is what is inside. */
bool braces_all(span s, span *ret);
/*
 * Take the braces away, and the blanks inside them. False: `why` says what is
 * wrong ("missing '}' in ...").
 */
MUST_USE bool braces_strip(span *s, struct buf *why);
