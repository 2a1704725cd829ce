/* SPDX-License-Identifier: ISC */
/*
 * conf/restrictions.h - names of access restrictions that Postfix gave up, or
 * spells in another way today. The old spellings act like the new ones.
 */
#pragma once

#include "base/span.h"

struct old_restriction {
	const char *name;
	const char *now;  /* today's spelling, or NULL */
	const char *note; /* without one: what happened, and what to write */
};

/* NULL for all others. */
const struct old_restriction *restriction_find_old(span name);
