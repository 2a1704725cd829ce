/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/msgset.h - message lists: 1 3-5 . $ ^ * + - ` ; :n :u /text name
 * (searches) {n} (threads): everything of POSIX and Heirloom.
 */
#pragma once

#include "base/arena.h"
#include "tool/mail/mua.h"

struct msgset {
	uint32_t *all; /* positions in the folder from 0, ascending (by what is
	                  shown when it is sorted), each once */
	size_t count;
};

enum msgset_flags {
	MSGSET_DELETED = 1, /* deleted ones may be named (undelete) */
	MSGSET_EMPTY = 2,   /* no list: none at all, instead of the current */
};

/*
 * False: it was said what is wrong ("No applicable messages", "Inappropriate
 * message (3)", "7: Invalid message number", ...).
 */
MUST_USE bool msgset_parse(struct mua *m, span text, unsigned flags,
    struct arena *a, struct msgset *ret);
