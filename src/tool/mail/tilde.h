/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/tilde.h - the escapes of a mail that is being written.
 */
#pragma once

#include "tool/mail/draft.h"

enum tilde_result {
	TILDE_TAKEN,    /* done; the mail goes on */
	TILDE_CONTINUE, /* ... and something was shown: "(continue)" */
	TILDE_TEXT,     /* ~~: what stands behind the first is text */
	TILDE_END,      /* ~. the mail is complete */
	TILDE_QUIT,     /* ~q: as two interrupts */
	TILDE_EXIT,     /* ~x: the same, and nothing is saved */
};

/* `line` begins behind the escape character `escape`. */
enum tilde_result tilde_run(
    struct mua *m, struct draft *d, char escape, span line);

/* ---- collect.c, for the escapes ---- */

/* Ask for a field; what stands in `value` can be edited. False: the user
 * gave up (an interrupt, the end of input). */
MUST_USE bool collect_ask(struct mua *m, const char *prompt, struct buf *value);
MUST_USE bool collect_ask_subject(struct mua *m, struct draft *d);
/* Like this for lists of people: only addresses are taken. */
MUST_USE bool collect_ask_people(
    struct mua *m, const struct draft *d, const char *prompt, struct buf *list);
/* Add people to a list; those that are none are said. */
void collect_add_people(
    struct mua *m, const struct draft *d, span typed, struct buf *list);
/* The list of files, one by one. */
void collect_ask_files(struct mua *m, struct draft *d);
/* ~a and the like: "\n" and "\t" in the variable mean what they do in C;
 * shown, too. */
void collect_put_variable(struct mua *m, struct draft *d, const char *name);

/* ---- edit.c ---- */

/* ~e, ~v: with the header when `editheaders` is set. */
void edit_draft(struct mua *m, struct draft *d, bool visual);
