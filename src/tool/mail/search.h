/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/search.h - searches in message lists, in the words of IMAP's
 * SEARCH (RFC 3501 6.4.4): (or from ana not seen), (since 1-Feb-2020 text x).
 */
#pragma once

#include "base/arena.h"
#include "tool/mail/box.h"

struct search;

/*
 * `spec` with its outer parentheses; "()" is the one before. False: it was
 * said what is wrong. It lives in the arena.
 */
MUST_USE bool search_parse(
    struct mua *m, span spec, struct arena *a, struct search **ret);
/* Around the questions: memory for what is read. */
void search_open(struct search *s);
bool search_matches(struct search *s, uint32_t i);
void search_close(struct search *s);
