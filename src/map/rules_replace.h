/* SPDX-License-Identifier: ISC */
/*
 * map/rules_replace.h - the parts of a replacement text: "sent to $1@${2}".
 */
#pragma once

#include "base/span.h"

enum replace_part {
	REPLACE_END,
	REPLACE_TEXT,
	REPLACE_NAME,        /* $name */
	REPLACE_BRACED_NAME, /* ${name}, $(name) */
	REPLACE_CUT_OFF,     /* the closing brace is missing */
};

/* The next part, stepped over; "$$" is the text "$". A name may be empty:
 * that is an error. */
enum replace_part replace_next(span *rest, span *ret);

/* The number, as atoi() would read it: huge ones wrap around. Digits only. */
size_t replace_index(span digits);
