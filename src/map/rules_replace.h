/* SPDX-License-Identifier: ISC */
/*
 * map/rules_replace.h - the parts of a replacement text: "sent to $1@${2}".
 */
#pragma once

#include "base/span.h"

enum rules_part {
	PART_END,
	PART_TEXT,
	PART_NAME,        /* $name */
	PART_BRACED_NAME, /* ${name}, $(name) */
	PART_CUT_OFF,     /* the closing brace is missing */
};

/* The next part, stepped over; "$$" is the text "$". A name may be empty:
 * that is an error. */
enum rules_part rules_replace_next(span *rest, span *ret);

/* The number, as atoi() would read it: huge ones wrap around. Digits only. */
size_t rules_replace_index(span digits);
