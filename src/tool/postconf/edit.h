/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/edit.h - what editing main.cf and master.cf have in common.
 */
#pragma once

#include "tool/postconf/postconf.h"

struct edit {
	const char *path;
	struct buf text; /* the old file */
	span rest;       /* of it, not looked at yet */
	uint32_t line;   /* physical lines taken */
	struct buf out;  /* the new file */
};

/*
 * The next line that says something, with its line end; those that do not
 * (blank ones, comments) have gone to `out`.
 */
bool edit_next_line(struct edit *e, span *ret);
/*
 * The same, but only if the entry goes on there; the lines that belong to it
 * begin with white space.
 */
bool edit_next_part(struct edit *e, span *ret);

/* Replace the file by what `rewrite` makes of it, or end the program. */
typedef void edit_fn(void *ctx, struct edit *e);
void edit_run(
    struct postconf *pc, const char *name, edit_fn *rewrite, void *ctx);
