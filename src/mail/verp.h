/* SPDX-License-Identifier: ISC */
/*
 * mail/verp.h - variable envelope return paths: a bounce to
 *
 *	list+user=example.org@example.com
 *
 * tells the owner of list@example.com who could not be reached, whatever it
 * says inside.
 */
#pragma once

#include "mail/envelope.h"

/* Two characters, both of them in verp_delimiter_filter. */
bool verp_is_valid(span delimiters, span filter);

/* The sender as this recipient sees it, appended. */
void verp_write(
    struct buf *out, span delimiters, span sender, const struct rcpt *to);
