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

/* For rules 0 to count - 1. A rule that is neither added nor to be visited is
 * never tried. */
struct rules_filter *rules_filter_new(uint32_t count);
void rules_filter_free(struct rules_filter *f);

/* What the rule's pattern needs; the spans must last until
 * rules_filter_seal(). */
void rules_filter_add(
    struct rules_filter *f, uint32_t rule, const struct rules_literals *l);
/* The rule is to be looked at for every subject. */
void rules_filter_visit(struct rules_filter *f, uint32_t rule);
void rules_filter_seal(struct rules_filter *f);

void rules_filter_scan(struct rules_filter *f, span subject);
/* The first rule from this one on that is to be visited, or that may match
 * the subject of the scan; UINT32_MAX: there is none. */
uint32_t rules_filter_next(const struct rules_filter *f, uint32_t rule);
/* False: the pattern of this rule cannot match the subject. */
bool rules_filter_may(const struct rules_filter *f, uint32_t rule);
