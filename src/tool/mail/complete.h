/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/complete.h - what the word before the cursor could become.
 */
#pragma once

#include "base/arena.h"
#include "tool/mail/term.h"

struct completion {
	const char *insert; /* what all of them have in common; with a blank
	                       behind it if there is one only */
	const char **all;
	size_t count;
};

/*
 * Commands first, then by command: variables, aliases, files and folders.
 * Everything lives in the arena. False: there is none.
 */
MUST_USE bool complete_word(struct mua *m, span before, enum term_kind kind,
    struct arena *a, struct completion *ret);
