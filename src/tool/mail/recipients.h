/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/recipients.h - the people of a draft, one by one.
 *
 *	recipients_take(&r, "ana, Bob B. <bob@x>", RECIPIENT_TO)
 *	recipients_check(m, &r, ...)     what cannot be sent to is said and gone
 *	recipients_resolve(m, &r)        aliases
 *
 * What a user types is separated by commas; an item without any of `"\(<` is
 * separated by blanks as well, so that "ana bob" are two and "Bob B. <bob@x>"
 * is one.
 */
#pragma once

#include "base/arena.h"
#include "tool/mail/mua.h"

enum recipient_kind {
	RECIPIENT_TO,
	RECIPIENT_CC,
	RECIPIENT_BCC,
	RECIPIENT_OTHER, /* From, Reply-To, Sender: written, never sent to */
};

struct recipient {
	span full; /* as typed: Bob B. <bob@x> */
	span bare; /* bob@x */
	uint8_t kind;
	/* The user himself in one of his aliases (metoo is not set): named in
	 * the header, but not sent to. */
	bool silent;
};

enum {
	RECIPIENTS_MAX = 100000, /* all of them, aliases resolved */
	RECIPIENTS_ROOM = 64 << 20,
};

struct recipients {
	struct recipient *all;
	size_t count;
	size_t cap;
	size_t wrong; /* that were refused */
	struct arena arena;
};

void recipients_init(struct recipients *r);
/* Idempotent. */
void recipients_done(struct recipients *r);
/* Add what was typed. Too many are refused: `wrong` counts. */
void recipients_take(
    struct recipients *r, span typed, enum recipient_kind kind);
/* Add this one, which borrows what it holds. Too many are refused alike. */
void recipients_append(struct recipients *r, const struct recipient *one);

enum recipient_is {
	RECIPIENT_IS_ADDRESS,
	RECIPIENT_IS_FILE,
	RECIPIENT_IS_PIPE,
	RECIPIENT_IS_OPTION,
};
/* What the bare form looks like, also within quotes. */
enum recipient_is recipient_is(span bare);
/* Of RECIPIENT_IS_PIPE, without the "|". */
span recipient_command(span bare);
/*
 * Drop those that are no addresses, with a sentence each: broken ones, options
 * (-oX) always, files and programs unless `expand`.
 */
void recipients_check(struct mua *m, struct recipients *r, bool expand);
/* Aliases in place of their names, in the order that the manner wants. */
void recipients_resolve(struct mua *m, struct recipients *r);
/*
 * The addresses to be given to sendmail, sorted, each once; files and programs
 * are not among them. In the arena of `r`.
 */
size_t recipients_sorted(struct recipients *r, const char ***ret);

/* Without name and comments: what is between < and >, or the text. In the
 * arena when it is not borrowed. */
span recipient_bare(struct arena *a, span full);
