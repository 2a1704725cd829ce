/* SPDX-License-Identifier: ISC */
/*
 * mail/html.h - HTML of mail as plain text.
 *
 * One pass, no tree, no recursion, no network: tags become line breaks,
 * indentation, bullets and quotes; entities characters; scripts, styles and
 * comments nothing. Links are numbered [1] and listed at the end, unless
 * their text says where they lead; images give their alternative text.
 * Broken HTML gives what text there is.
 */
#pragma once

#include "base/buf.h"

/*
 * Append `html` (UTF-8) as text with LF, wrapped at `width` columns. The
 * result may hold any character, controls too.
 */
void html_to_text(struct buf *out, span html, size_t width);
