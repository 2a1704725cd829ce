/* SPDX-License-Identifier: ISC */
/*
 * map/rules_table.c - tables of regular expressions.
 *
 * Looking up means: the filter says in one pass which patterns may match;
 * then those rules are gone through in order, together with those of which
 * the filter knows nothing, and negated ones, which say something when they
 * do not match. All others are not looked at.
 *
 * An "if" that is not true leads to its "endif", or, when it has none, to the
 * end of the table. One that cannot be true is not looked at: so rules within
 * ask for it (`outer`).
 */
#include "map/rules_internal.h"
#include "map/rules_replace.h"

enum { MAX_KEY = 1 << 26, MAX_WHY = 4096, KEPT = 1024 };

/* --- opening and closing --- */

void rules_free_code(const struct rules_engine *engine, struct rules_pattern *p)
{
	if (p->code)
		engine->free_code(p->code);
	p->code = NULL;
}

static struct rules_table *new_table(
    const struct rules_engine *engine, const struct map_setup *s)
{
	struct rules_table *t = NEW(struct rules_table);

	t->engine = engine;
	t->state = engine->begin ? engine->begin() : NULL;
	t->filter = rules_filter_new();
	arena_init(&t->arena, SIZE_MAX);
	buf_init(&t->subject, MAX_KEY);
	t->type = arena_dup(&t->arena, s->type);
	t->name = arena_dup(&t->arena, s->name);
	return t;
}

struct map *rules_table_open(
    const struct rules_engine *engine, const struct map_setup *s)
{
	struct rules_table *t = new_table(engine, s);
	struct map *m = &t->map;
	struct rules rules;

	if (rules_open(&rules, s, m)) {
		rules_read(t, &rules);
	} else {
		mem_free(m->path);
		rules_table_close(m);
		m = NULL;
	}
	rules_done(&rules);
	return m;
}

void rules_table_close(struct map *m)
{
	struct rules_table *t = CONTAINER_OF(m, struct rules_table, map);

	for (uint32_t i = 0; i < t->count; i++) {
		rules_free_code(t->engine, &t->rules[i].first);
		if (t->rules[i].second)
			rules_free_code(t->engine, t->rules[i].second);
	}
	if (t->engine->end)
		t->engine->end(t->state);
	rules_filter_free(t->filter);
	mem_free(t->rules);
	mem_free(t->groups);
	mem_free(t->kept);
	buf_done(&t->subject);
	arena_done(&t->arena);
	mem_free(t);
}

void rules_table_try_all(struct map *m)
{
	CONTAINER_OF(m, struct rules_table, map)->try_all = true;
}

/* --- lookup --- */

static void warn_match(struct rules_table *t, const struct rule *rule, span why)
{
	struct buf line = BUF_INIT(1 << 21);

	buf_put(&line, t->type);
	buf_put(&line, SPAN(" map "));
	buf_put(&line, t->name);
	buf_printf(&line, ", line %u: ", rule->line);
	buf_put(&line, why);
	t->map.host->warn(t->map.host->ctx, buf_span(&line));
	buf_done(&line);
}

static bool compile_now(
    struct rules_table *t, struct rules_pattern *p, struct buf *why)
{
	struct rules_pattern **place;
	uint32_t groups;

	if (!t->engine->compile(p, &groups, why))
		return false;
	if (!t->kept)
		t->kept = mem_new(KEPT, sizeof(struct rules_pattern *));
	place = &t->kept[t->kept_next++ % KEPT];
	if (*place)
		rules_free_code(t->engine, *place);
	*place = p;
	return true;
}

static enum rules_match run(
    struct rules_table *t, const struct rule *rule, struct rules_pattern *p)
{
	struct buf why = BUF_INIT(MAX_WHY);
	enum rules_match match = RULES_ERROR;

	if (p->code || compile_now(t, p, &why))
		match = t->engine->match(
		    t->state, p, buf_span(&t->subject), t->groups, &why);
	if (match == RULES_ERROR)
		warn_match(t, rule, buf_span(&why));
	buf_done(&why);
	return match;
}

/* Whether the condition of the rule's pattern holds. */
static enum rules_match is_true(
    struct rules_table *t, const struct rule *rule, struct rules_pattern *p)
{
	uint32_t i = (uint32_t)(rule - t->rules);
	enum rules_match match = RULES_NO;

	if (p != &rule->first || t->try_all || rules_filter_may(t->filter, i))
		match = run(t, rule, p);
	if (match == RULES_ERROR || !p->negated)
		return match;
	return match == RULES_YES ? RULES_NO : RULES_YES;
}

static enum rules_match try_rule(struct rules_table *t, struct rule *rule)
{
	enum rules_match match = is_true(t, rule, &rule->first);

	if (match == RULES_YES && rule->second)
		match = is_true(t, rule, rule->second);
	return match;
}

static void put_value(
    struct rules_table *t, const struct rule *rule, struct buf *value)
{
	span subject = buf_span(&t->subject);
	span rest = rule->value;
	enum rules_part part;
	span s;

	if (rule->first.groups == 0) {
		buf_put(value, rule->value);
		return;
	}
	while ((part = rules_replace_next(&rest, &s)) != PART_END) {
		if (part != PART_TEXT) {
			const struct rules_group *g =
			    &t->groups[rules_replace_index(s)];

			s = g->end > g->from
			    ? span_of(subject.ptr + g->from, g->end - g->from)
			    : SPAN_NONE;
		}
		buf_put(value, s);
	}
}

/* An "if" around the rule that was not looked at, since it cannot be true. */
static const struct rule *false_if(
    const struct rules_table *t, const struct rule *rule)
{
	for (uint32_t i = rule->outer; i != NO_RULE; i = t->rules[i].outer)
		if (!t->rules[i].first.negated &&
		    !rules_filter_may(t->filter, i))
			return &t->rules[i];
	return NULL;
}

/* The first rule from this one on that is to be tried, or NO_RULE. */
static uint32_t next_rule(const struct rules_table *t, uint32_t i)
{
	const struct rule *outer;

	while (!t->try_all) {
		i = rules_filter_next(t->filter, i);
		if (i == NO_RULE)
			break;
		outer = false_if(t, &t->rules[i]);
		if (!outer)
			break;
		if (outer->end == NO_RULE)
			return NO_RULE;
		i = outer->end + 1;
	}
	return i;
}

/* A key ends at its first NUL, as it does for the C library. */
static bool take_subject(struct rules_table *t, span key)
{
	ssize_t nul = span_find(key, '\0');

	buf_clear(&t->subject);
	buf_put(&t->subject, nul < 0 ? key : span_first(key, (size_t)nul));
	(void)buf_cstr(&t->subject);
	if (!t->subject.failed && !t->try_all)
		rules_filter_scan(t->filter, buf_span(&t->subject));
	return !t->subject.failed;
}

enum map_answer rules_table_find(struct map *m, span key, struct buf *value)
{
	struct rules_table *t = CONTAINER_OF(m, struct rules_table, map);

	if (!take_subject(t, key))
		return MAP_RETRY;
	for (uint32_t i = next_rule(t, 0); i < t->count;
	     i = next_rule(t, i + 1)) {
		struct rule *rule = &t->rules[i];
		enum rules_match match;

		if (rule->kind == RULE_ENDIF)
			continue;
		match = try_rule(t, rule);
		if (match == RULES_ERROR)
			return MAP_RETRY;
		if (rule->kind == RULE_IF && match == RULES_NO)
			i = rule->end;
		else if (rule->kind == RULE_MATCH && match == RULES_YES) {
			put_value(t, rule, value);
			return MAP_FOUND;
		}
		if (i == NO_RULE)
			break; /* an "if" without an end */
	}
	return MAP_NONE;
}
