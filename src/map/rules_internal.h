/* SPDX-License-Identifier: ISC */
/*
 * map/rules_internal.h - what reading a table of regular expressions and
 * looking something up in it share.
 */
#pragma once

#include "map/rules_filter.h"
#include "map/rules_table.h"

#define NO_RULE RULES_NO_OUTER

enum rule_kind { RULE_MATCH, RULE_IF, RULE_ENDIF };

struct rule {
	enum rule_kind kind;
	uint32_t line;
	uint32_t end;   /* of an "if": its "endif", or NO_RULE */
	uint32_t outer; /* the "if" around it, or NO_RULE */
	struct rules_pattern first;
	struct rules_pattern *second; /* or NULL */
	/* With groups: a replacement; without: the value as it is. */
	span value;
};

struct rules_table {
	struct map map;
	const struct rules_engine *engine;
	void *state;
	span type; /* as in warnings */
	span name;
	struct arena arena;
	struct rule *rules;
	uint32_t count;
	uint32_t room;
	struct rules_group *groups;
	uint32_t max_groups;
	struct rules_filter *filter;
	struct buf subject;
	/* Compiled when they were needed, the oldest at `kept_next`: it goes
	 * when another one comes. */
	struct rules_pattern **kept;
	uint32_t kept_next;
	bool try_all;
};

/* The lines of an open text become the table's rules. */
void rules_read(struct rules_table *t, struct rules *rules);
void rules_free_code(
    const struct rules_engine *engine, struct rules_pattern *p);
