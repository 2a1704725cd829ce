/* SPDX-License-Identifier: ISC */
/*
 * base/utf8.h - text in UTF-8: its characters, and comparing without case.
 */
#pragma once

#include "base/buf.h"

/*
 * The next character; steps over it. Bytes that are no UTF-8 (surrogates and
 * what is longer than it need be included) come out one at a time as U+FFFD.
 * Ask rest->len before.
 */
uint32_t utf8_next(span *rest);
void utf8_put(struct buf *out, uint32_t c);

/*
 * Append `s` as it is compared without case: full case folding of Unicode,
 * so "Straße" and "STRASSE" are the same. Bytes that are no UTF-8 are copied.
 */
void utf8_fold(span s, struct buf *out);
/* Whether all bytes are below 128. */
bool utf8_is_ascii(span s);
