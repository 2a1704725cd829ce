/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/render.h - a message as text for people.
 *
 * Fields are decoded, parts have a line "Part 1.2:" and their own fields in
 * front, text is UTF-8, of alternatives the plain one is taken, HTML becomes
 * text, other content is listed. Nothing is started and nothing read here but
 * by the callbacks; what comes out is harmless to a terminal. Memory: the
 * largest part, decoded, and what was not flushed yet.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "mail/parts.h"

struct render {
	struct buf *out;
	void *ctx;
	/* Whether a field is shown. */
	bool (*has_field)(void *ctx, span name);
	/* May be NULL. Show a part (`content` is decoded) in another way; false:
	 * not this one. */
	bool (*view)(void *ctx, const struct part *p, span content,
	    struct buf *ret_text);
	/* May be NULL: a lot is in `out`, which may be emptied. False: enough. */
	bool (*flush)(void *ctx);

	size_t columns;        /* for what is wrapped */
	bool all_alternatives; /* not only the best one */
	bool as_is;            /* nothing is decoded, and there are no parts */
	bool only_text;        /* the first text, no fields: for quoting */
	/* "Status: RO" and the like, with line ends; or empty. */
	span status;
	span x_status;
	/* out: */
	bool is_over; /* flush() said so */
	/* It has no parts, and its text ends where its lines do. */
	bool is_simple;
	char last; /* the last byte that was flushed */
};

/* A message without its From_ line. */
void render_message(struct render *r, span message);
/* Its fields, and the empty line behind them. */
void render_header(struct render *r, span header, bool is_top);
