/* SPDX-License-Identifier: ISC */
/*
 * conf/words.h - the words of a list in main.cf.
 */
#pragma once

#include "base/span.h"

/*
 * The next word between commas and blanks; "{ a, b }" is one word, braces
 * included. Empty: no more.
 */
span words_next(span *rest);
