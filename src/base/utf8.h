/* SPDX-License-Identifier: ISC */
/*
 * base/utf8.h - text in UTF-8 without case.
 */
#pragma once

#include "base/buf.h"

/*
 * Append `s` as it is compared without case: full case folding of Unicode,
 * so "Straße" and "STRASSE" are the same. Bytes that are no UTF-8 are copied.
 */
void utf8_fold(span s, struct buf *out);
/* Whether all bytes are below 128. */
bool utf8_is_ascii(span s);
