/* SPDX-License-Identifier: ISC */
/*
 * store/folder_copy.h - a message on its way into a folder.
 *
 *	folder_copy_init(&c, how, flags);
 *	for each piece: folder_copy_feed(&c, piece, out);
 *	folder_copy_finish(&c, out);
 *
 * Status lines that it has are replaced, as in folder_plan.h. However it is
 * cut into pieces, the outcome is the same.
 */
#pragma once

#include "store/folder.h"

enum folder_copy_how {
	FOLDER_COPY_STATUS = 1, /* write them; else they are left out */
	FOLDER_COPY_QUOTE = 2,  /* "From " becomes ">From " */
	FOLDER_COPY_BLANK = 4,  /* an empty line at the end */
};

struct folder_copy {
	uint8_t how;
	uint8_t flags;
	uint8_t state;
	uint8_t left; /* flags still to be written down */
	bool in_header;
	bool is_first;   /* of those that are no Status lines */
	bool wrote;      /* Status lines */
	bool dropped;    /* the header line before, so what continues it, too */
	struct buf held; /* the beginning of a line */
};

void folder_copy_init(struct folder_copy *c, unsigned how, uint8_t flags);
void folder_copy_feed(struct folder_copy *c, span piece, struct buf *out);
/* Frees what it has. */
void folder_copy_finish(struct folder_copy *c, struct buf *out);
