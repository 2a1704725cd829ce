/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/lines.h - lines that are edited on the terminal.
 *
 * lines_edit.c does it with libedit; lines_plain.c stands in where that
 * library is missing: there are no editors then, and term.c reads what the
 * terminal itself lets one edit.
 */
#pragma once

#include "tool/mail/term.h"

struct lines;

/* NULL: lines cannot be edited here (a "dumb" terminal). */
struct lines *lines_new(struct mua *m);
/* Saves the history if there is a file for it. */
void lines_free(struct lines **pl);
/*
 * The terminal shall be as editing wants it, also between two lines; or it is
 * others' again: then the caller makes it as it was.
 */
void lines_hold(struct lines *l, bool on);
/* As term_line(). */
MUST_USE int lines_get(struct lines *l, enum term_kind kind, const char *prompt,
    const char *preset, struct buf *out);
void lines_history(const struct lines *l, FILE *out);

/*
 * The next byte of the terminal, for the editor: 1, 0 at the end, -EINTR
 * (SIGINT, SIGHUP, and *ret_what tells of the others).
 */
enum term_event { TERM_BYTE, TERM_RESIZED, TERM_STOP };
MUST_USE int term_byte(char *ret, enum term_event *ret_what);
/* What the end of input is: 0, or -EIO if it is the terminal that is gone. */
MUST_USE int term_end(void);
/* Stop as ^Z says; returns when we go on. */
void term_stop(void);
