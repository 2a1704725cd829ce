/* SPDX-License-Identifier: ISC */
/*
 * map/rules_read.c - the lines of a table of regular expressions.
 *
 * Each pattern is compiled at once, so that a line that is wrong is warned
 * about when the table is opened.
 */
#include "map/rules_internal.h"
#include "map/rules_replace.h"

enum { MAX_WHY = 4096, MAX_VALUE = 1 << 30 };

/* A table that is being read. */
struct reading {
	struct rules_table *t;
	const struct rules_engine *engine;
	struct rules *rules;
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
		rules_warn(r->rules,
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
		    r->rules, "ignoring obsolete regexp option \"%c\"", flag);
		return true;
	}
	rules_warn(
	    r->rules, "unknown regexp option \"%c\": skipping this rule", flag);
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
		rules_warn(r->rules, "no regexp: skipping this rule");
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
		rules_warn(r->rules, "%.*s", PRI(buf_span(&why)));
	buf_done(&why);
	return ok;
}

/* --- replacements --- */

static bool take_name(struct reading *r, span name, size_t *max)
{
	size_t index;

	for (size_t i = 0; i < name.len; i++) {
		if (ascii_is_digit(name.ptr[i]))
			continue;
		rules_warn(r->rules, "non-numeric replacement index \"%.*s\"",
		    PRI(name));
		return false;
	}
	index = rules_replace_index(name);
	if (index == 0)
		rules_warn(r->rules, "%s replacement index \"%.*s\"",
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
	rules_warn_plain(r->rules, buf_span(&line));
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
	enum rules_part part;
	span rest = text;
	bool ok = true;
	span s;

	*ret_max = 0;
	while ((part = rules_replace_next(&rest, &s)) != PART_END) {
		if (part == PART_TEXT) {
			buf_put(plain, s);
			continue;
		}
		if (part == PART_CUT_OFF)
			warn_about_text(r, "truncated macro reference", text);
		if (part == PART_CUT_OFF || (part == PART_BRACED_NAME && !ok))
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
	else if (max > 0 && (r->rules->setup->flags & MAP_NO_SUBSTITUTION))
		wrong = "regular expression substitution is not allowed";
	if (wrong)
		rules_warn(r->rules, "%s: skipping this rule", wrong);
	rule->value = arena_dup(&r->t->arena, max ? text : buf_span(&plain));
	rule->first.groups = (uint32_t)max;
	buf_done(&plain);
	return !wrong;
}

/* --- lines --- */

static void add_to_filter(struct reading *r, struct rule *rule, uint32_t i)
{
	struct rules_pattern *p = &rule->first;
	const struct rules_filter_rule one = {
		.number = i,
		.outer = rule->outer,
		.syntax = r->engine->syntax(p->options),
		.pattern = p->text,
		.negated = p->negated,
	};

	if (rules_filter_add(r->t->filter, &one) && !p->negated &&
	    r->engine->lazy)
		rules_free_code(r->engine, p);
}

static uint32_t add_rule(struct reading *r, const struct rule *rule)
{
	struct rules_table *t = r->t;

	if (t->count == t->room) {
		t->room = t->room ? t->room * 2 : 16;
		t->rules = mem_resize(t->rules, t->room, sizeof(*t->rules));
	}
	t->rules[t->count] = *rule;
	t->rules[t->count].line = r->rules->number;
	t->rules[t->count].end = NO_RULE;
	t->rules[t->count].outer = rules_if_top(r->rules, NO_RULE);
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
		rules_warn(r->rules,
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
	bool ok = rules_value(r->rules, &text, &content);

	if (!ok)
		rules_warn(r->rules, "%.*s: skipping this rule",
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
		rules_warn(r->rules, "no replacement text: using empty string");
	if (!take_value(r, &rule, line))
		return;
	if (!compile_rule(r, &rule)) {
		rules_free_code(r->engine, &rule.first);
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
		rules_warn(r->rules,
		    "ignoring extra text after IF statement: \"%.*s\"",
		    PRI(line));
		rules_warn(r->rules,
		    "do not prepend whitespace to statements between IF and "
		    "ENDIF");
	}
	if (compile(r, &rule.first, &groups))
		rules_if_push(r->rules, add_rule(r, &rule));
}

static void take_endif(struct reading *r, span line)
{
	const struct rule rule = { .kind = RULE_ENDIF };
	uint32_t index;

	if (r->rules->depth == 0) {
		rules_warn(r->rules, "ignoring ENDIF without matching IF");
		return;
	}
	rules_skip_space(&line);
	if (line.len > 0)
		rules_warn(r->rules, "ignoring extra text after ENDIF");
	index = add_rule(r, &rule);
	r->t->rules[rules_if_pop(r->rules)].end = index;
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
		rules_warn(r->rules, "ignoring unrecognized request");
}

void rules_read(struct rules_table *t, struct rules *rules)
{
	struct reading r = { .t = t, .engine = t->engine, .rules = rules };
	span line;

	while (rules_next(rules, &line)) {
		line = rules_trim_end(line);
		if (line.len > 0)
			take_line(&r, line);
	}
	rules_warn_open_ifs(rules);
	rules_filter_seal(t->filter);
	t->groups = mem_new((size_t)t->max_groups + 1, sizeof(*t->groups));
}
