/* SPDX-License-Identifier: ISC */
/*
 * store/folder_plan.h - what a commit changes in an mbox, as a list of small
 * edits, and the new file as a stream.
 *
 * Status lines stand where Heirloom mailx puts them: a Status line that is
 * there is replaced, else the new one comes at the end of the header, and
 * X-Status behind it. Of several only the first stays. Messages whose flags
 * did not change are not touched.
 */
#pragma once

#include "store/folder_internal.h"

enum folder_put {
	FOLDER_PUT_NEWLINE = 1, /* the line before is not finished */
	FOLDER_PUT_STATUS = 2,
	FOLDER_PUT_XSTATUS = 4,
	FOLDER_PUT_EMPTY = 8, /* the line that ends a header */
	FOLDER_PUT_CRLF = 16, /* lines end so */
	FOLDER_PUT_LINE = 32, /* a line is cut here */
};

/* At `at`, `cut` bytes go, and what `put` says for `flags` comes. */
struct folder_edit {
	uint64_t at;
	uint64_t cut;
	uint8_t put;
	uint8_t flags;
};

struct folder_plan {
	struct folder_edit *edits; /* in the order of the file */
	size_t count;
	size_t room;
	uint64_t old_size;
	uint64_t new_size;
	/* Of use while it is made: */
	uint64_t base;
	uint8_t flags;
	uint8_t seen;
	bool crlf;
};

enum { FOLDER_EDIT_TEXT = 64 };

/* The items must be in the order of the file, none gone. */
MUST_USE int folder_plan_make(
    struct folder_plan *p, const struct folder *f, int fd);
void folder_plan_done(struct folder_plan *p);
/* From where on the file changes. */
uint64_t folder_plan_from(const struct folder_plan *p);
/* What an edit puts in; its length. */
size_t folder_edit_text(
    const struct folder_edit *e, char text[static FOLDER_EDIT_TEXT]);
/* The new file from folder_plan_from() on, piece by piece. */
MUST_USE int folder_plan_stream(
    const struct folder_plan *p, int fd, folder_piece_fn *fn, void *ctx);
/* It was done: the items as they are now, deleted ones gone. */
void folder_plan_apply(const struct folder_plan *p, struct folder *f);
