/* SPDX-License-Identifier: ISC */
/*
 * map/matchlist.h - lists of names and networks: mydestination,
 * relay_domains, mynetworks.
 *
 * The first pattern that matches decides; with '!' in front it decides "no".
 * A /file stands for the patterns in it, read when the list is made. What is
 * found in a type:table pattern matches. A table that cannot answer, a file
 * that cannot be read, and a network that is none are errors: but only when
 * the search comes to them, as in Postfix.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "map/tables.h"

enum matchlist_result { MATCH_NO, MATCH_YES, MATCH_ERROR };

enum matchlist_flags {
	MATCHLIST_PARENTS = 1,  /* x.org matches its subdomains too */
	MATCHLIST_NETWORKS = 2, /* patterns may be networks */
};

enum pattern_kind {
	PATTERN_TEXT,
	PATTERN_NETWORK,
	PATTERN_TABLE, /* type:table */
	PATTERN_BAD,   /* text is what is wrong with it */
};

/* An address or a network. */
struct network {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix;
	uint8_t bytes[16];
};

struct pattern {
	uint8_t kind; /* enum pattern_kind */
	bool negated;
	span text; /* in lower case */
	struct network network;
	struct table *table; /* NULL: there are none here */
};

struct matchlist {
	span name; /* the parameter */
	unsigned flags;
	struct tables *tables; /* NULL: a type:table pattern is an error */
	uint32_t count;
	struct pattern *patterns;
};

/* The content of a file: 0 or a negative errno. */
typedef int read_file_fn(span path, struct buf *out);

/*
 * Spans are borrowed from `value` or lie in the arena. False: the arena is
 * full.
 */
MUST_USE bool matchlist_parse(
    struct matchlist *l, span value, struct arena *a, read_file_fn *read_file);

/* What is wrong with a pattern that gave MATCH_ERROR, for a warning behind
 * the name of the list: "hash:/x: table lookup problem". */
void matchlist_error(const struct pattern *p, struct buf *out);

/* `ret_hit`, when not NULL, is the pattern that decided or went wrong. */
enum matchlist_result matchlist_string(
    const struct matchlist *l, span s, const struct pattern **ret_hit);
enum matchlist_result matchlist_domain(
    const struct matchlist *l, span domain, const struct pattern **ret_hit);
/* A client: by name or by address. */
enum matchlist_result matchlist_client(const struct matchlist *l, span name,
    span addr, const struct pattern **ret_hit);

/* From "192.0.2.1" or "::1"; prefix covers all of it. */
MUST_USE bool network_parse_address(span text, struct network *ret);
/* Whether `addr` lies in `net`. */
bool network_has(const struct network *net, const struct network *addr);
