/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/words.h - a line of commands as words.
 *
 * "..." and '...' keep blanks, a backslash keeps the next character (as in
 * Heirloom's mailx; s-nail's $'...' as well). What is in quotes is one word
 * even when it is empty.
 */
#pragma once

#include "base/arena.h"

struct words {
	char **all; /* C strings in the arena; all[count] is NULL */
	size_t count;
};

/* A quote that is not closed ends with the line. False: the arena is full. */
MUST_USE bool words_split(span line, struct arena *a, struct words *ret);
/*
 * Cut the last word off a line, quoted as above: the file name behind a
 * message list ("1-3 'my file'"). False: there is none.
 */
MUST_USE bool words_cut_last(span *line, struct arena *a, char **ret_word);
