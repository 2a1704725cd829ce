/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/match.h - which messages are from ana, or about /lunch.
 *
 *	ana@example.org	the address of the sender, or its name, as it is
 *	/lunch		within the subject; with searchheaders also /to:bob
 *	@to,cc@bob	within one of these fields; @body@ and @text@ too
 */
#pragma once

#include "base/arena.h"
#include "tool/mail/box.h"

enum match_kind {
	MATCH_SENDER,
	MATCH_FIELDS,
	MATCH_BODY,
	MATCH_HEADER,
	MATCH_MESSAGE,
	MATCH_ID,
};

struct match_rule {
	enum match_kind kind;
	span text;   /* as typed; empty for MATCH_ID */
	span fields; /* names, by commas */
	span wanted; /* what to find; folded except for MATCH_SENDER */
};

/* False: the arena is full. "/" alone is what was looked for before. */
MUST_USE bool match_rule(
    struct mua *m, span word, struct arena *a, struct match_rule *ret);
/* The message that message `i` answers; false: it does not say. */
MUST_USE bool match_parent(
    struct mua *m, uint32_t i, struct arena *a, struct match_rule *ret);

struct matcher;
struct matcher *match_open(
    struct mua *m, const struct match_rule *rules, size_t nrules);
/* Whether one of the rules fits. */
bool match_message(struct matcher *mt, uint32_t i);
void match_close(struct matcher **pmt);

/* Whether `text` holds `folded`, without case. `scratch` is overwritten. */
bool match_text(struct buf *scratch, span text, span folded);
/* Append it folded to the arena. */
MUST_USE bool match_fold(span text, struct arena *a, span *ret);
