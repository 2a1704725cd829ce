/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/term.h - where lines come from and how wide the screen is.
 *
 * Standard input on a terminal is edited (libedit); anything else is read as
 * it is, so that the rest of it is left to programs that we start.
 */
#pragma once

#include "tool/mail/mua.h"

struct term;

/* Where a term is NULL, as in tests of parsers, there is no terminal. */
struct term *term_new(struct mua *m);
void term_free(struct term **pt);

/* Both ends are a terminal, or the user says so (-i is not this: set
 * interactive, -I). */
bool term_is_interactive(const struct term *t);
bool term_in_is_tty(const struct term *t);
bool term_out_is_tty(const struct term *t);
bool term_is_utf8(const struct term *t);
bool term_has_colour(const struct term *t);
size_t term_columns(const struct term *t); /* as of now; $COLUMNS, 80 */
size_t term_rows(const struct term *t);    /* $LINES, 24 */
/* Lines of a summary, from `screen` or the height. */
size_t term_screen(const struct term *t);

/* The variable line-editor-disable was set or unset. */
void term_reconsider(struct term *t);
/* What was typed, numbered. */
void term_history(const struct term *t, FILE *out);

enum term_kind {
	TERM_COMMAND, /* history and completion of commands */
	TERM_HEADER,  /* "Subject: ", "To: ": with `preset` to be edited */
	TERM_BODY,    /* a line of a mail: no history */
	TERM_ANSWER,  /* a question: yes/no, a file name */
};

enum term_result {
	TERM_EOF = 0,
	TERM_LINE = 1,
	/* negative: -EINTR (SIGINT), or another errno */
};

/*
 * One line without its end, appended. The prompt appears on a terminal only.
 * `preset` may be NULL.
 */
MUST_USE int term_line(struct term *t, enum term_kind kind, const char *prompt,
    const char *preset, struct buf *out);

/* Whether SIGINT came since the last call of term_calm(), or SIGHUP. */
bool term_interrupted(void);
/*
 * SIGHUP, or SIGTERM where somebody types: nobody is there any more, and
 * term_line() gives -EIO from now on.
 */
bool term_hung_up(void);
void term_calm(void);
/* While a child has the terminal: SIGINT and SIGQUIT are his. */
void term_lend(struct term *t);
void term_take_back(struct term *t);
