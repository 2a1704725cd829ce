/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/show_internal.h - shared by show.c and the commands that show.
 */
#pragma once

#include "mail/parts.h"
#include "tool/mail/show.h"

struct showing {
	struct mua *m;
	enum show_as how;
	bool as_is; /* nothing is decoded */
	/* May be NULL: text is ready; false: enough. */
	bool (*flush)(struct showing *s);
	/* inside: */
	struct buf status;
	struct buf x_status;
	unsigned viewers; /* that were asked for in this message */
	bool is_simple;   /* out: see render.h */
};

/* Append message i, without its From_ line. 0 or a negative errno, which was
 * said. */
MUST_USE int show_render(struct showing *s, uint32_t i, struct buf *out);
/* The same as it is in the folder, not even harmless: but the fields that are
 * not shown are missing, and the status is what we know. */
MUST_USE int show_raw(struct showing *s, uint32_t i, struct buf *out);
/* Each part of message i that has no parts. 0 or a negative errno, which was
 * said. */
typedef void show_leaf_fn(void *ctx, const struct part *p);
MUST_USE int show_each_leaf(
    struct mua *m, uint32_t i, show_leaf_fn *fn, void *ctx);
/* The From_ line, harmless, with its end. */
void show_put_from_line(struct mua *m, uint32_t i, struct buf *out);
