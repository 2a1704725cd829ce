/* SPDX-License-Identifier: ISC */
/*
 * mail/clean_internal.h - what clean.c and clean_address.c share.
 */
#pragma once

#include "mail/clean.h"
#include "mail/header.h"

enum { STATE_FIRST, STATE_HEADER, STATE_BODY };

enum {
	/* A header that is longer than this is asked for in parts. */
	ASK_AT = 128 * 1024,
	/* Far more than ASK_AT, a header and what is fed at once. */
	HELD_MAX = 16 * 1024 * 1024,
};

/* ---- clean.c ---- */

/* A whole header, its lines separated by LF, as lines of wire form. */
void clean_put_header(const struct clean *c, struct buf *out, span text);

/* ---- clean_address.c ---- */

/* c->header with its addresses completed; or noted, to be written when they
 * have been asked for. */
void clean_put_addresses(struct clean *c, const struct header_info *info,
    span name, struct buf *out);
/* What was held back goes out as it is; after the header, for good. */
void clean_let_go(struct clean *c, struct buf *out);
