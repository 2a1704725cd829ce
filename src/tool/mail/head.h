/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/head.h - the header of a draft: as it is sent, shown and edited.
 *
 * A new line in a value can never begin a new field: control characters become
 * blanks here, wherever the value came from.
 */
#pragma once

#include "tool/mail/draft.h"
#include "tool/mail/recipients.h"

enum head_style {
	HEAD_SEND, /* encoded, with commas */
	HEAD_EDIT, /* UTF-8, with commas: for an editor */
	HEAD_SHOW, /* UTF-8; without commas unless `fullnames` is set */
};

/* A field with those of one kind: HEAD_PEOPLE("To", &r, RECIPIENT_TO). */
struct head_people {
	const char *name;
	const struct recipients *all;
	enum recipient_kind kind;
};
#define HEAD_PEOPLE(...) ((struct head_people){ __VA_ARGS__ })

/* `To: a, b` with its line end, folded; nothing if there is nobody. */
void head_write_people(struct mua *m, struct buf *out, struct head_people who,
    enum head_style style);
/* The same from what was typed. */
void head_write_typed(struct mua *m, struct buf *out, const char *name,
    span typed, enum head_style style);
/* `Subject: text` */
void head_write_text(struct mua *m, struct buf *out, const char *name,
    span utf8, enum head_style style);
/* If there is one; "RE: " becomes "Re: ". */
void head_write_subject(struct mua *m, const struct draft *d,
    enum head_style style, struct buf *out);
void head_write_references(struct buf *out, span references);
void head_write_date(struct buf *out, const char *name);
/* "Message-ID: " where `hostname` or the sender's address allow one. */
void head_write_id(struct mua *m, struct buf *out, const char *name, span from);

/* To, Cc, Subject: what a reply begins with on the screen; with an empty line
 * unless `open`. */
void head_show(
    struct mua *m, const struct draft *d, bool open, struct buf *out);
/* All that ~p shows, or an editor gets (without an empty line behind it). */
void head_write_all(struct mua *m, const struct draft *d, enum head_style style,
    struct buf *out);
/*
 * Take the fields in front of `text` into the draft (after an editor, -t);
 * `keep`: also those that we do not know, else "Ignoring header field".
 * What is left of `text` is the body.
 */
void head_extract(struct mua *m, struct draft *d, span *text, bool keep);
/* The fields that the user gave (d->fields) which the draft has a place for:
 * recipients are added, others replace. False: one is no field, as was said. */
MUST_USE bool head_settle(struct mua *m, struct draft *d);

/* `from` of the draft, or the variable. */
span head_from(const struct mua *m, const struct draft *d);
/* The sets to choose from: sendcharsets. */
span head_charsets(const struct mua *m);
/* Letters and digits that nobody can guess. */
void head_random(struct buf *out, size_t n);
