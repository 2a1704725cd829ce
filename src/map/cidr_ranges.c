/* SPDX-License-Identifier: ISC */
/*
 * map/cidr_ranges.c - which rule comes first for an address.
 *
 * The ends of all ranges cut the line of addresses into pieces. The ranges
 * are laid on it in the order of their rules, and each takes the pieces that
 * nobody took before; `next` leads over those that are taken, with its paths
 * made shorter while it is followed (union-find). What remains is an array
 * for binary search; neighbours with the same rule become one piece.
 */
#include "map/cidr_ranges.h"

#include <stdlib.h>

struct cidr_entry {
	struct cidr_range range;
	uint32_t rule;
};

/* --- addresses --- */

int cidr_addr_cmp(struct cidr_addr a, struct cidr_addr b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	if (a.low != b.low)
		return a.low < b.low ? -1 : 1;
	return 0;
}

struct cidr_addr cidr_addr_next(struct cidr_addr a)
{
	a.low++;
	a.high += a.low == 0;
	return a;
}

struct cidr_addr cidr_addr_prev(struct cidr_addr a)
{
	a.high -= a.low == 0;
	a.low--;
	return a;
}

static bool is_last_of_all(struct cidr_addr a)
{
	return a.high == UINT64_MAX && a.low == UINT64_MAX;
}

static int compare_addresses(const void *a, const void *b)
{
	return cidr_addr_cmp(
	    *(const struct cidr_addr *)a, *(const struct cidr_addr *)b);
}

static int compare_rules(const void *a, const void *b)
{
	const struct cidr_entry *x = a;
	const struct cidr_entry *y = b;

	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* --- building --- */

void cidr_ranges_add(
    struct cidr_ranges *r, struct cidr_range range, uint32_t rule)
{
	if (r->count == r->room) {
		r->room = r->room ? r->room * 2 : 16;
		r->entries =
		    mem_resize(r->entries, r->room, sizeof(*r->entries));
	}
	r->entries[r->count++] = (struct cidr_entry){ range, rule };
}

/* The piece that holds `a`; nothing lies before the first. */
static size_t piece_of(const struct cidr_ranges *r, struct cidr_addr a)
{
	size_t low = 0;
	size_t n = r->pieces;

	while (n > 1) {
		size_t half = n / 2;

		if (cidr_addr_cmp(r->start[low + half], a) <= 0)
			low += half;
		n -= half;
	}
	return low;
}

static void cut_into_pieces(struct cidr_ranges *r)
{
	size_t n = 0;
	size_t kept = 1;

	r->start = mem_new(1 + 2 * r->count, sizeof(*r->start));
	n++; /* address zero */
	for (size_t i = 0; i < r->count; i++) {
		const struct cidr_range *range = &r->entries[i].range;

		r->start[n++] = range->first;
		if (!is_last_of_all(range->last))
			r->start[n++] = cidr_addr_next(range->last);
	}
	qsort(r->start, n, sizeof(*r->start), compare_addresses);
	for (size_t i = 1; i < n; i++)
		if (cidr_addr_cmp(r->start[i], r->start[kept - 1]) != 0)
			r->start[kept++] = r->start[i];
	r->pieces = kept;
}

/* The first piece from i on that is free. */
static uint32_t first_free(uint32_t *next, uint32_t i)
{
	while (next[i] != i) {
		next[i] = next[next[i]];
		i = next[i];
	}
	return i;
}

static void give_pieces(struct cidr_ranges *r)
{
	uint32_t *next = mem_new(r->pieces + 1, sizeof(*next));

	r->rule = mem_new(r->pieces, sizeof(*r->rule));
	for (uint32_t i = 0; i <= r->pieces; i++)
		next[i] = i;
	for (size_t i = 0; i < r->pieces; i++)
		r->rule[i] = CIDR_NO_RULE;
	for (size_t i = 0; i < r->count; i++) {
		const struct cidr_entry *e = &r->entries[i];
		size_t last = piece_of(r, e->range.last);
		uint32_t at = (uint32_t)piece_of(r, e->range.first);

		while ((at = first_free(next, at)) <= last) {
			r->rule[at] = e->rule;
			next[at] = at + 1;
		}
	}
	mem_free(next);
}

static void join_neighbours(struct cidr_ranges *r)
{
	size_t kept = 1;

	for (size_t i = 1; i < r->pieces; i++) {
		if (r->rule[i] == r->rule[kept - 1])
			continue;
		r->start[kept] = r->start[i];
		r->rule[kept++] = r->rule[i];
	}
	r->pieces = kept;
	r->start = mem_resize(r->start, kept, sizeof(*r->start));
	r->rule = mem_resize(r->rule, kept, sizeof(*r->rule));
}

void cidr_ranges_seal(struct cidr_ranges *r)
{
	if (r->count >= UINT32_MAX / 2)
		bug("%zu ranges", r->count);
	if (r->count)
		qsort(r->entries, r->count, sizeof(*r->entries), compare_rules);
	cut_into_pieces(r);
	give_pieces(r);
	join_neighbours(r);
	mem_free(r->entries);
	r->entries = NULL;
	r->count = 0;
	r->room = 0;
}

uint32_t cidr_ranges_find(const struct cidr_ranges *r, struct cidr_addr a)
{
	return r->rule[piece_of(r, a)];
}

void cidr_ranges_done(struct cidr_ranges *r)
{
	mem_free(r->entries);
	mem_free(r->start);
	mem_free(r->rule);
	*r = (struct cidr_ranges){ 0 };
}
