/* SPDX-License-Identifier: ISC */
/*
 * mail/mbox.h - from the wire form of a message to that of a mailbox.
 *
 *	mbox_write_head(out, &head, flags);
 *	mbox_init(&m, flags);
 *	for each span of the content:  mbox_feed(&m, span, out);
 *	mbox_finish(&m, out);
 *
 * `out` is the caller's and may be emptied after each call. Content may be
 * cut anywhere.
 */
#pragma once

#include "base/buf.h"
#include "base/time.h"

enum mbox_flags {
	MBOX_FROM_LINE = 1, /* "From sender  date" on top */
	MBOX_RETURN_PATH = 2,
	MBOX_ORIGINAL_TO = 4, /* X-Original-To, when there is one */
	MBOX_DELIVERED_TO = 8,
	MBOX_QUOTE = 16, /* ">From " */
	MBOX_BLANK = 32, /* an empty line at the end */
	MBOX_DOT = 64,   /* a '.' before lines that begin with one */

	MBOX_FILE = 63, /* a mailbox file: all of it */
	MBOX_MAILDIR = MBOX_RETURN_PATH | MBOX_ORIGINAL_TO | MBOX_DELIVERED_TO,
};

/* Addresses in internal form. */
struct mbox_head {
	span sender; /* empty: MAILER-DAEMON and Return-Path: <> */
	span original_to;
	span delivered_to;
	usec now; /* wall clock */
	span eol; /* line end, may be empty; ptr NULL: LF */
};

void mbox_write_head(
    struct buf *out, const struct mbox_head *head, unsigned flags);

struct mbox {
	unsigned flags;
	uint8_t state;
	uint8_t matched; /* bytes of "From " seen and held back */
	span eol;        /* as in mbox_head. Set it after mbox_init() */
};

void mbox_init(struct mbox *m, unsigned flags);
void mbox_feed(struct mbox *m, span content, struct buf *out);
void mbox_finish(struct mbox *m, struct buf *out);
