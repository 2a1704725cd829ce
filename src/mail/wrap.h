/* SPDX-License-Identifier: ISC */
/*
 * mail/wrap.h - words into lines of so many columns.
 *
 *	wrap_init(&w, out, 72)
 *	wrap_prefix(&w, SPAN("> "))      for the lines that begin from now on
 *	wrap_text(&w, span) ...          words, or pieces of one
 *	wrap_blank(&w, 1)                between words; may become a line end
 *	wrap_break(&w)                   the line ends here
 *	wrap_done(&w)
 *
 * Lines break at blanks, and between the characters of scripts that know no
 * blanks; a word that is too long stays whole. Memory does not grow with the
 * text.
 */
#pragma once

#include "base/buf.h"

enum { WRAP_PREFIX_MAX = 128 };

struct wrap {
	struct buf *out;
	size_t width; /* 0: lines are not broken */
	char prefix[WRAP_PREFIX_MAX];
	size_t prefix_len;
	size_t prefix_columns;
	char next_prefix[WRAP_PREFIX_MAX];
	size_t next_prefix_len;
	struct buf word; /* not yet written */
	size_t blanks;   /* not yet written, before the word */
	size_t column;   /* behind the prefix */
	bool in_line;    /* something, if only the prefix, was written */
	bool glued;      /* the beginning of the word was written already */
};

void wrap_init(struct wrap *w, struct buf *out, size_t width);
/*
 * What the next line begins with, and those that follow from it. Cut at
 * WRAP_PREFIX_MAX bytes. Applies to a line in which nothing stands yet.
 */
void wrap_prefix(struct wrap *w, span first, span others);
/* Whole characters. */
void wrap_text(struct wrap *w, span utf8);
void wrap_blank(struct wrap *w, size_t n);
/* Ends the line, even an empty one (whose prefix loses its last blanks). */
void wrap_break(struct wrap *w);
/* What was held back, without a line end. */
void wrap_done(struct wrap *w);
