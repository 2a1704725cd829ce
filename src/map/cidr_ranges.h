/* SPDX-License-Identifier: ISC */
/*
 * map/cidr_ranges.h - which rule comes first for an address.
 *
 * Ranges of addresses, each with the number of the rule it belongs to, are
 * added in any order; after cidr_ranges_seal() a search finds the lowest
 * number among the ranges that hold an address, in logarithmic time.
 */
#pragma once

#include "base/base.h"

/* IPv4 in the low 32 bits. */
struct cidr_addr {
	uint64_t high;
	uint64_t low;
};

/* Both ends belong to it. */
struct cidr_range {
	struct cidr_addr first;
	struct cidr_addr last;
};

struct cidr_ranges {
	/* Until sealed. */
	struct cidr_entry *entries;
	size_t count;
	size_t room;
	/* Then: rule[i] holds from start[i] to before start[i + 1]. */
	struct cidr_addr *start;
	uint32_t *rule;
	size_t pieces;
};

#define CIDR_NO_RULE UINT32_MAX

/* <0, 0, >0. */
int cidr_addr_cmp(struct cidr_addr a, struct cidr_addr b);
/* n + 1 and n - 1; there must be such an address. */
struct cidr_addr cidr_addr_next(struct cidr_addr a);
struct cidr_addr cidr_addr_prev(struct cidr_addr a);

void cidr_ranges_add(
    struct cidr_ranges *r, struct cidr_range range, uint32_t rule);
void cidr_ranges_seal(struct cidr_ranges *r);
/* CIDR_NO_RULE: there is none. */
uint32_t cidr_ranges_find(const struct cidr_ranges *r, struct cidr_addr a);
void cidr_ranges_done(struct cidr_ranges *r);
