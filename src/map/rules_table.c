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
#include "map/rules_table.h"

#include "map/rules_filter.h"
#include "map/rules_replace.h"

enum { MAX_KEY = 1 << 26, MAX_WHY = 4096, MAX_VALUE = 1 << 30, KEPT = 1024 };

#define NO_RULE UINT32_MAX

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

/* A table that is being read. */
struct reading {
	struct rules_table *t;
	const struct rules_engine *engine;
	struct rules rules;
};

/* --- patterns --- */

/* The text between delimiters; a backslash protects what follows it. */
static bool cut_delimited(struct reading *r, span *line, span *ret)
{
	char delimiter = line->ptr[0];
	span text = span_from(*line, 1);
	size_t i = 0;

	while (i < text.len && text.ptr[i] != delimiter)
		i += text.ptr[i] == '\\' ? 2 : 1;
	if (i > text.len && r->engine->ends_at_backslash)
		i = text.len - 1;
	if (i >= text.len) {
		rules_warn(&r->rules,
		    "no closing regexp delimiter \"%c\": %s this rule",
		    delimiter, r->engine->not_closed);
		return false;
	}
	*ret = span_first(text, i);
	*line = span_from(text, i + 1);
	return true;
}

static bool take_flag(struct reading *r, char flag, unsigned *options)
{
	unsigned bits = r->engine->option(flag);

	*options ^= bits;
	if (bits)
		return true;
	if (strchr(r->engine->obsolete, flag)) {
		rules_warn(
		    &r->rules, "ignoring obsolete regexp option \"%c\"", flag);
		return true;
	}
	rules_warn(&r->rules,
	    "unknown regexp option \"%c\": skipping this rule", flag);
	return false;
}

static bool ends_flags(const struct reading *r, char c)
{
	return ascii_is_space(c) || (c == '!' && r->engine->second_pattern);
}

static bool cut_pattern(
    struct reading *r, span *line, struct rules_pattern *ret)
{
	span text;

	*ret = (struct rules_pattern){ .options = r->engine->options };
	ret->negated = rules_negated(line);
	if (line->len == 0) {
		rules_warn(&r->rules, "no regexp: skipping this rule");
		return false;
	}
	if (!cut_delimited(r, line, &text))
		return false;
	while (line->len > 0 && !ends_flags(r, line->ptr[0])) {
		if (!take_flag(r, line->ptr[0], &ret->options))
			return false;
		*line = span_from(*line, 1);
	}
	ret->text = span_of(arena_cstr(&r->t->arena, text), text.len);
	return true;
}

static bool compile(
    struct reading *r, struct rules_pattern *p, uint32_t *ret_groups)
{
	struct buf why = BUF_INIT(MAX_WHY);
	bool ok = r->engine->compile(p, ret_groups, &why);

	if (!ok)
		rules_warn(&r->rules, "%.*s", PRI(buf_span(&why)));
	buf_done(&why);
	return ok;
}

static void free_code(
    const struct rules_engine *engine, struct rules_pattern *p)
{
	if (p->code)
		engine->free_code(p->code);
	p->code = NULL;
}

/* --- replacements --- */

static bool take_name(struct reading *r, span name, size_t *max)
{
	size_t index;

	for (size_t i = 0; i < name.len; i++) {
		if (ascii_is_digit(name.ptr[i]))
			continue;
		rules_warn(&r->rules, "non-numeric replacement index \"%.*s\"",
		    PRI(name));
		return false;
	}
	index = replace_index(name);
	if (index == 0)
		rules_warn(&r->rules, "%s replacement index \"%.*s\"",
		    r->engine->out_of_range, PRI(name));
	*max = MAX(*max, index);
	return index > 0;
}

static void warn_about_text(struct reading *r, const char *what, span text)
{
	struct buf line = BUF_INIT(1 << 21);

	buf_printf(&line, "%s: \"", what);
	buf_put(&line, text);
	buf_putc(&line, '"');
	rules_warn_plain(&r->rules, buf_span(&line));
	buf_done(&line);
}

/*
 * The largest index in the text, and the text without "$$" for when there is
 * none. After an error only plain names are still looked at, as in Postfix:
 * so the warnings are the same.
 */
static bool scan_replacement(
    struct reading *r, span text, size_t *ret_max, struct buf *plain)
{
	enum replace_part part;
	span rest = text;
	bool ok = true;
	span s;

	*ret_max = 0;
	while ((part = replace_next(&rest, &s)) != REPLACE_END) {
		if (part == REPLACE_TEXT) {
			buf_put(plain, s);
			continue;
		}
		if (part == REPLACE_CUT_OFF)
			warn_about_text(r, "truncated macro reference", text);
		if (part == REPLACE_CUT_OFF ||
		    (part == REPLACE_BRACED_NAME && !ok))
			return false;
		if (s.len == 0) {
			warn_about_text(r, "empty macro name", text);
			return false;
		}
		ok &= take_name(r, s, ret_max);
	}
	return ok;
}

/* What can be wrong with a replacement, apart from too few groups. */
static bool check_replacement(struct reading *r, struct rule *rule, span text)
{
	struct buf plain = BUF_INIT(MAX_VALUE);
	const char *wrong = NULL;
	size_t max = 0;

	if (!scan_replacement(r, text, &max, &plain))
		wrong = "bad replacement syntax";
	else if (max > 0 && rule->first.negated)
		wrong = "$number found in negative match replacement text";
	else if (max > 0 && (r->rules.setup->flags & MAP_NO_SUBSTITUTION))
		wrong = "regular expression substitution is not allowed";
	if (wrong)
		rules_warn(&r->rules, "%s: skipping this rule", wrong);
	rule->value = arena_dup(&r->t->arena, max ? text : buf_span(&plain));
	rule->first.groups = (uint32_t)max;
	buf_done(&plain);
	return !wrong;
}

/* --- lines --- */

static void add_to_filter(struct reading *r, struct rule *rule, uint32_t i)
{
	struct rules_pattern *p = &rule->first;
	bool known = rules_filter_add(r->t->filter, i,
	    r->engine->syntax(p->options), p->text, p->negated);

	if (known && !p->negated && r->engine->lazy)
		free_code(r->engine, p);
}

static uint32_t add_rule(struct reading *r, const struct rule *rule)
{
	struct rules_table *t = r->t;

	if (t->count == t->room) {
		t->room = t->room ? t->room * 2 : 16;
		t->rules = mem_resize(t->rules, t->room, sizeof(*t->rules));
	}
	t->rules[t->count] = *rule;
	t->rules[t->count].line = r->rules.number;
	t->rules[t->count].end = NO_RULE;
	t->rules[t->count].outer = rules_if_top(&r->rules, NO_RULE);
	if (rule->kind != RULE_ENDIF)
		add_to_filter(r, &t->rules[t->count], t->count);
	return t->count++;
}

static bool compile_rule(struct reading *r, struct rule *rule)
{
	uint32_t groups;

	if (!compile(r, &rule->first, &groups))
		return false;
	if (rule->first.groups > groups) {
		rules_warn(&r->rules,
		    "out of range replacement index \"%d\": "
		    "skipping this rule",
		    (int)rule->first.groups);
		return false;
	}
	return !rule->second || compile(r, rule->second, &groups);
}

/* `text` is what follows the patterns. */
static bool take_value(struct reading *r, struct rule *rule, span text)
{
	struct buf content = BUF_INIT(MAX_VALUE);
	bool ok = rules_value(&r->rules, &text, &content);

	if (!ok)
		rules_warn(&r->rules, "%.*s: skipping this rule",
		    PRI(buf_span(&content)));
	ok = ok && check_replacement(r, rule, text);
	buf_done(&content);
	return ok;
}

static bool cut_second(struct reading *r, span *line, struct rule *rule)
{
	if (!r->engine->second_pattern || line->len == 0 || line->ptr[0] != '!')
		return true;
	rule->second = arena_new(&r->t->arena, struct rules_pattern);
	return cut_pattern(r, line, rule->second);
}

static void take_match(struct reading *r, span line)
{
	struct rule rule = { .kind = RULE_MATCH };

	if (!cut_pattern(r, &line, &rule.first) || !cut_second(r, &line, &rule))
		return;
	rules_skip_space(&line);
	if (line.len == 0)
		rules_warn(
		    &r->rules, "no replacement text: using empty string");
	if (!take_value(r, &rule, line))
		return;
	if (!compile_rule(r, &rule)) {
		free_code(r->engine, &rule.first);
		return;
	}
	r->t->max_groups = MAX(r->t->max_groups, rule.first.groups);
	(void)add_rule(r, &rule);
}

static void take_if(struct reading *r, span line)
{
	struct rule rule = { .kind = RULE_IF };
	uint32_t groups;

	rules_skip_space(&line);
	if (!cut_pattern(r, &line, &rule.first))
		return;
	rules_skip_space(&line);
	if (line.len > 0) {
		rules_warn(&r->rules,
		    "ignoring extra text after IF statement: \"%.*s\"",
		    PRI(line));
		rules_warn(&r->rules,
		    "do not prepend whitespace to statements between IF and "
		    "ENDIF");
	}
	if (compile(r, &rule.first, &groups))
		rules_if_push(&r->rules, add_rule(r, &rule));
}

static void take_endif(struct reading *r, span line)
{
	const struct rule rule = { .kind = RULE_ENDIF };
	uint32_t index;

	if (r->rules.depth == 0) {
		rules_warn(&r->rules, "ignoring ENDIF without matching IF");
		return;
	}
	rules_skip_space(&line);
	if (line.len > 0)
		rules_warn(&r->rules, "ignoring extra text after ENDIF");
	index = add_rule(r, &rule);
	r->t->rules[rules_if_pop(&r->rules)].end = index;
}

static void take_line(struct reading *r, span line)
{
	if (!ascii_is_alnum(line.ptr[0]))
		take_match(r, line);
	else if (rules_statement(&line, SPAN("IF")))
		take_if(r, line);
	else if (rules_statement(&line, SPAN("ENDIF")))
		take_endif(r, line);
	else
		rules_warn(&r->rules, "ignoring unrecognized request");
}

/* --- opening and closing --- */

static void read_all(struct reading *r)
{
	struct rules_table *t = r->t;
	span line;

	while (rules_next(&r->rules, &line)) {
		line = rules_trim_end(line);
		if (line.len > 0)
			take_line(r, line);
	}
	rules_warn_open_ifs(&r->rules);
	rules_filter_seal(t->filter);
	t->groups = mem_new((size_t)t->max_groups + 1, sizeof(*t->groups));
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
	struct reading r = { .t = new_table(engine, s), .engine = engine };
	struct map *m = &r.t->map;

	if (rules_open(&r.rules, s, m)) {
		read_all(&r);
	} else {
		mem_free(m->path);
		rules_table_close(m);
		m = NULL;
	}
	rules_done(&r.rules);
	return m;
}

void rules_table_close(struct map *m)
{
	struct rules_table *t = CONTAINER_OF(m, struct rules_table, map);

	for (uint32_t i = 0; i < t->count; i++) {
		free_code(t->engine, &t->rules[i].first);
		if (t->rules[i].second)
			free_code(t->engine, t->rules[i].second);
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
		free_code(t->engine, *place);
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
	enum replace_part part;
	span s;

	if (rule->first.groups == 0) {
		buf_put(value, rule->value);
		return;
	}
	while ((part = replace_next(&rest, &s)) != REPLACE_END) {
		if (part != REPLACE_TEXT) {
			const struct rules_group *g =
			    &t->groups[replace_index(s)];

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
