/* SPDX-License-Identifier: ISC */
/*
 * map/rules_filter.h - which rules of a large table may match at all.
 *
 * A rule whose pattern needs some text is not tried where the subject does
 * not contain it. One pass over the subject finds all that may match,
 * however many rules there are.
 */
#pragma once

#include "map/rules_literal.h"

struct rules_filter;

struct rules_filter *rules_filter_new(void);
void rules_filter_free(struct rules_filter *f);

#define RULES_NO_OUTER UINT32_MAX

struct rules_filter_rule {
	uint32_t number;
	/* The "if" around it, added before; or RULES_NO_OUTER. What that one
	 * needs, the rule needs too. */
	uint32_t outer;
	enum rules_syntax syntax;
	span pattern;
	/* It says something where the pattern does not match: it is looked
	 * at for every subject. */
	bool negated;
};

/*
 * Rules are added in ascending order; one that is left out is never tried.
 * False: nothing is known about this one, and so it is always looked at.
 */
bool rules_filter_add(
    struct rules_filter *f, const struct rules_filter_rule *rule);
/* No more rules come; now it can be asked. */
void rules_filter_seal(struct rules_filter *f);

void rules_filter_scan(struct rules_filter *f, span subject);
/* The first rule from this one on that is to be looked at, or that may match
 * the subject of the scan; UINT32_MAX: there is none. */
uint32_t rules_filter_next(const struct rules_filter *f, uint32_t rule);
/* False: the pattern of this rule cannot match the subject, or an "if" around
 * the rule cannot. */
bool rules_filter_may(const struct rules_filter *f, uint32_t rule);
