/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/condition.h - what stands behind "if".
 */
#pragma once

#include "tool/mail/mua.h"
#include "tool/mail/words.h"

/*
 * "receive", "send", "terminal" (a beginning is enough), "true", "false", a
 * number, "$name" (set and not empty), "-n w", "-z w", "a == b" and the other
 * comparisons of s-nail, "!", "&&", "||", "[ ... ]", "[[ ... ]]". 0, or 1: it
 * is no condition, which was said.
 */
MUST_USE int condition_holds(
    struct mua *m, const struct words *words, bool *ret);
