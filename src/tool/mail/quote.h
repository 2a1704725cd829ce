/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/quote.h - messages within messages, and the answer to one.
 */
#pragma once

#include "tool/mail/draft.h"

/* Each line behind `prefix`; behind an empty one no blank is left. */
void quote_indented(struct buf *out, const char *prefix, span text);
/* `indentprefix`, or a tab. */
const char *quote_prefix(const struct mua *m);
/* The decoded value of the first of these fields that message i has; NULL ends
 * the names. False: it has none. */
MUST_USE bool quote_field(
    struct mua *m, uint32_t i, const char *const *names, struct buf *out);
/* Append message i as an answer quotes it; `quote` is the variable's value.
 * False: it cannot be read, which was said. */
MUST_USE bool quote_message(
    struct mua *m, uint32_t i, const char *quote, struct buf *out);
/* It was used: it counts as read, and is the current one. */
void quote_touch(struct mua *m, uint32_t i);

/* ---- send.c ---- */

struct recipients;

/* Give a message that stands already to these people (resolved and checked).
 * 0, or 1: not sent, which was said. */
int send_as_is(struct mua *m, struct recipients *r, span message);
/* What the user's aliases make of it, without those that are no addresses. */
void send_resolve(struct mua *m, struct recipients *r);
