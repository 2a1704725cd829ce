/* SPDX-License-Identifier: ISC */
/*
 * map/rules_literal.h - text that must stand in whatever a pattern matches.
 *
 * "/^(foo|bar)[0-9]+@example\.com$/" cannot match where there is neither
 * "foo" nor "bar", or no "@example.com". Each such choice is a set; each set
 * alone is a necessary condition. All is in lower case: it is compared with
 * the subject in lower case, whether the pattern knows case or not.
 */
#pragma once

#include "base/arena.h"

enum rules_syntax {
	RULES_OPAQUE, /* nothing can be said: no set */
	RULES_ERE,    /* the C library's extended regular expressions */
	RULES_PCRE,
};

enum { RULES_SETS = 8, RULES_SHORTEST = 2 };

/* One of these stands in the subject. */
struct rules_literal_set {
	uint32_t count;
	const span *any; /* each has RULES_SHORTEST bytes or more */
};

/* Each of these holds; count == 0: nothing is known. */
struct rules_literals {
	uint32_t count;
	struct rules_literal_set sets[RULES_SETS];
};

/*
 * The sets lie in the arena. The pattern must be one that compiles;
 * otherwise the result is of no use, but harmless.
 */
void rules_literals_find(enum rules_syntax syntax, span pattern,
    struct arena *a, struct rules_literals *ret);
