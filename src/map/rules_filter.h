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

/*
 * Rules are added in ascending order; one that is left out is never tried.
 * `always`: the rule is to be looked at for every subject, because it says
 * something although the pattern does not match. Returns whether anything is
 * known about the pattern; otherwise, too, it is always looked at.
 */
bool rules_filter_add(struct rules_filter *f, uint32_t rule,
    enum rules_syntax syntax, span pattern, bool always);
/* No more rules come; now it can be asked. */
void rules_filter_seal(struct rules_filter *f);

void rules_filter_scan(struct rules_filter *f, span subject);
/* The first rule from this one on that is to be looked at, or that may match
 * the subject of the scan; UINT32_MAX: there is none. */
uint32_t rules_filter_next(const struct rules_filter *f, uint32_t rule);
/* False: the pattern of this rule cannot match the subject. */
bool rules_filter_may(const struct rules_filter *f, uint32_t rule);
