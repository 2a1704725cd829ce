/* SPDX-License-Identifier: ISC */
/*
 * mail/flowed.h - format=flowed (RFC 3676): paragraphs put together again.
 */
#pragma once

#include "base/buf.h"

/*
 * Append `text` (UTF-8, LF) with its soft line breaks taken out, quotes kept
 * as "> ", and paragraphs wrapped again at `width` columns (0: not at all).
 */
void flowed_unwrap(struct buf *out, span text, bool delsp, size_t width);
