/* SPDX-License-Identifier: ISC */
/*
 * map/rules_table.h - tables of regular expressions: what regexp and pcre
 * have in common, which is nearly all.
 *
 *	/pattern/flags value with $1
 *	!/pattern/flags value
 *	if [!]/pattern/flags
 *	...
 *	endif
 */
#pragma once

#include "map/rules.h"
#include "map/rules_literal.h"

/* Where a group matched; end <= from: nowhere, or nothing. */
struct rules_group {
	size_t from;
	size_t end;
};

struct rules_pattern {
	span text; /* a NUL follows */
	unsigned options;
	bool negated;
	uint32_t groups; /* how many the rule asks for */
	void *code;      /* NULL: to be compiled when it is needed */
};

enum rules_match { RULES_NO, RULES_YES, RULES_ERROR };

/* What is different between them. */
struct rules_engine {
	unsigned options; /* without a flag */
	/* The flag's bits, which it turns over; 0: there is no such flag. */
	unsigned (*option)(char flag);
	/* Flags that are accepted with a warning and do nothing. */
	const char *obsolete;
	/* "/x/!/y/ value": if x matches, and y does not. */
	bool second_pattern;
	/* Compiled patterns are large: do not keep those that are rarely
	 * tried until they are needed. */
	bool lazy;
	/* A backslash at the end of the line closes the pattern. */
	bool ends_at_backslash;
	const char *not_closed;   /* "skipping" or "ignoring" (this rule) */
	const char *out_of_range; /* "out-of-range" or "out of range" */

	/* How the literals of a pattern with these options are found. */
	enum rules_syntax (*syntax)(unsigned options);
	void *(*begin)(void);
	void (*end)(void *state);
	/* Fill in p->code; `ret_groups` is how many there are in it. False:
	 * `why`. */
	bool (*compile)(
	    struct rules_pattern *p, uint32_t *ret_groups, struct buf *why);
	/* The subject ends with a NUL. groups[1 to p->groups] is set when it
	 * matches. RULES_ERROR: `why`. */
	enum rules_match (*match)(void *state, const struct rules_pattern *p,
	    span subject, struct rules_group *groups, struct buf *why);
	void (*free_code)(void *code);
};

/* For struct map_type. */
struct map *rules_table_open(
    const struct rules_engine *engine, const struct map_setup *s);
enum map_answer rules_table_find(struct map *m, span key, struct buf *value);
void rules_table_close(struct map *m);
/* For tests: try every rule from now on. */
void rules_table_try_all(struct map *m);
