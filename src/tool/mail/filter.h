/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/filter.h - programs of the user's choosing that show content.
 *
 *	set pipe-text/html="lynx -dump -stdin"		by the shell
 *	HTMLVIEWER="w3m -dump -T text/html"		words, no shell
 *
 * They read the decoded part from standard input, text in UTF-8; what they
 * print is shown in its place, made harmless. A word "%s" of HTMLVIEWER is
 * replaced by a name under which the content can be opened.
 */
#pragma once

#include "mail/parts.h"
#include "tool/mail/mua.h"

/* False: the user has set none for this type, or it failed. */
bool filter_part(
    struct mua *m, const struct part *p, span content, struct buf *ret_text);
