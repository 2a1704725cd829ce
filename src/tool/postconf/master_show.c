/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/master_show.c - services (-M), their fields (-F) and the
 * parameters that -o sets (-P).
 */
#include <stdlib.h>

#include "tool/postconf/pattern.h"

enum { LINE_LIMIT = 80, INDENT = 4 };

/* A line in the making: columns, and where to break it. */
struct layout {
	struct postconf *pc;
	struct buf *out;
	unsigned mode;
	size_t width;
};

static void put(struct layout *l, span text)
{
	buf_put(l->out, text);
	l->width += text.len;
}

static void new_line(struct layout *l)
{
	buf_put(l->out, SPAN("\n    "));
	l->width = INDENT;
}

static bool has_blank(span word)
{
	for (size_t i = 0; i < word.len; i++)
		if (span_find(SPAN(" \t\r\n"), word.ptr[i]) >= 0)
			return true;
	return false;
}

static void put_braced(struct layout *l, span word)
{
	bool braces = has_blank(word);

	if (braces)
		put(l, SPAN("{"));
	put(l, word);
	if (braces)
		put(l, SPAN("}"));
}

/* Before an item of that width: a blank, or a new line when folding. */
static void separate(struct layout *l, size_t width)
{
	if (l->width <= INDENT)
		return;
	if (!(l->mode & FOLD_LINE) || l->width + 1 + width < LINE_LIMIT)
		put(l, SPAN(" "));
	else
		new_line(l);
}

/* The value of the option at `at`, or ptr == NULL when it takes none. */
static span option_value(struct layout *l, const struct entry *e, size_t at)
{
	span value;

	if (!word_wants_value(e->words[at]) || at + 1 == e->count)
		return SPAN_NONE;
	value = e->words[at + 1];
	if (span_eq(e->words[at], SPAN("-o")) && (l->mode & SHOW_EVAL))
		value = value_expand(l->pc, l->mode, value, e);
	return value;
}

/*
 * The command's options and words. An option with a value has a line of its
 * own when folding; `extra` is what the reckoning of its width adds.
 */
static void put_arguments(struct layout *l, const struct entry *e, size_t extra)
{
	size_t i = FIELDS;

	for (; i < e->count && word_is_option(e->words[i]); i++) {
		span option = e->words[i];
		span value = option_value(l, e, i);

		if (!value.ptr) {
			separate(l, option.len);
			put(l, option);
			continue;
		}
		l->width = LINE_LIMIT;
		separate(l, option.len + value.len + extra);
		put(l, option);
		put(l, SPAN(" "));
		put_braced(l, value);
		l->width = LINE_LIMIT;
		i++;
	}
	for (; i < e->count; i++) {
		separate(l, e->words[i].len);
		put_braced(l, e->words[i]);
	}
}

static void put_json_line(struct postconf *pc, span key, span text)
{
	buf_put(&pc->out, SPAN("{\""));
	print_quoted_json(&pc->out, key);
	buf_put(&pc->out, SPAN("\": \""));
	print_quoted_json(&pc->out, text);
	buf_put(&pc->out, SPAN("\"}\n"));
}

static void put_columns(struct layout *l, const struct entry *e)
{
	static const size_t columns[FIELDS] = { 0, 11, 17, 25, 33, 41, 49, 57 };

	for (size_t i = 0; i < FIELDS; i++) {
		if (l->width > 0)
			put(l, SPAN(" "));
		while (!(l->mode & SHOW_JSON) && l->width > 0 &&
		    l->width < columns[i])
			put(l, SPAN(" "));
		put(l, e->words[i]);
	}
}

void master_print_entry(
    struct postconf *pc, unsigned mode, struct buf *out, const struct entry *e)
{
	struct layout l = { pc, out, mode, 0 };

	put_columns(&l, e);
	put_arguments(&l, e, 3);
	buf_putc(out, '\n');
}

static void show_entry(struct postconf *pc, const struct entry *e)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(ENTRY_MAX);
	struct layout l = { pc, &line, pc->mode, 0 };

	if (!(pc->mode & SHOW_JSON)) {
		master_print_entry(pc, pc->mode, &pc->out, e);
		return;
	}
	put_columns(&l, e);
	put_arguments(&l, e, 0);
	put_json_line(pc, e->space, buf_span(&line));
}

static span field_key(struct postconf *pc, const struct entry *e, size_t field)
{
	return keep_joined(
	    pc, e->space, SPAN("/"), span_str(field_name(field)));
}

static void put_field(struct layout *l, const struct entry *e, size_t field)
{
	span value = e->words[field];

	if (l->width > 0 && l->width + value.len > LINE_LIMIT)
		new_line(l);
	put(l, value);
	if (field == FIELD_COMMAND)
		put_arguments(l, e, 1);
}

static void show_field(struct postconf *pc, const struct entry *e, size_t field)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(ENTRY_MAX);
	struct layout l = { pc, &pc->out, pc->mode, 0 };

	if (pc->mode & SHOW_JSON) {
		l.out = &line;
		put_field(&l, e, field);
		put_json_line(pc, field_key(pc, e, field), buf_span(&line));
		return;
	}
	if (!(pc->mode & HIDE_NAME))
		put(&l, field_key(pc, e, field));
	if (!(pc->mode & (HIDE_NAME | HIDE_VALUE)))
		put(&l, SPAN(" = "));
	if (!(pc->mode & HIDE_VALUE))
		put_field(&l, e, field);
	buf_putc(&pc->out, '\n');
}

/* Among all parameters (-PP) there are some that are not to be expanded. */
static bool is_left_alone(
    struct postconf *pc, span name, span value, const struct entry *e)
{
	const struct name *n = name_find(&pc->names, name);

	return (pc->mode & MASTER_MERGED) &&
	    ((n && (n->flags & NAME_RAW)) || !value_can_expand(pc, value, e));
}

static void show_param(
    struct postconf *pc, const struct entry *e, span name, span value)
{
	span key = keep_joined(pc, e->space, SPAN("/"), name);

	if (pc->mode & HIDE_VALUE) {
		print_line(pc, key);
		return;
	}
	if ((pc->mode & SHOW_EVAL) && !is_left_alone(pc, name, value, e))
		value = value_expand(pc, pc->mode, value, e);
	if (pc->mode & SHOW_JSON)
		put_json_line(pc, key, value);
	else if (pc->mode & HIDE_NAME)
		print_line(pc, value);
	else
		print_line(pc, keep_joined(pc, key, SPAN(" = "), value));
}

/* Patterns: each service is shown once for each of them that matches. */

struct patterns {
	struct pattern *items;
	size_t count;
};

static struct patterns parse_patterns(
    struct postconf *pc, char **texts, size_t max, const char *complaint)
{
	struct patterns all = { NULL, 0 };

	while (texts[all.count])
		all.count++;
	all.items = keep_new(pc, all.count + 1, sizeof(*all.items));
	for (size_t i = 0; i < all.count; i++)
		if (!pattern_parse(texts[i], 1, max, &all.items[i]))
			fatal(pc, "%s", complaint);
	return all;
}

static void warn_unmatched(struct postconf *pc, const struct patterns *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].matches == 0)
			warn(pc, "unmatched request: \"%s\"",
			    all->items[i].text);
}

void master_show_entries(struct postconf *pc, char **texts)
{
	struct patterns all = parse_patterns(
	    pc, texts, 2, "-M option requires service_name[/type]");

	for (size_t i = 0; i < pc->nentries; i++) {
		if (all.count == 0)
			show_entry(pc, &pc->entries[i]);
		for (size_t k = 0; k < all.count; k++) {
			if (!pattern_matches(&all.items[k], &pc->entries[i]))
				continue;
			all.items[k].matches++;
			show_entry(pc, &pc->entries[i]);
		}
	}
	warn_unmatched(pc, &all);
}

static void show_fields(
    struct postconf *pc, const struct entry *e, size_t field)
{
	if (field < FIELDS) {
		show_field(pc, e, field);
		return;
	}
	for (size_t i = 0; i < FIELDS; i++)
		show_field(pc, e, i);
}

void master_show_fields(struct postconf *pc, char **texts)
{
	struct patterns all = parse_patterns(
	    pc, texts, 3, "-F option requires service_name[/type[/field]]");
	size_t *fields = keep_new(pc, all.count + 1, sizeof(*fields));

	for (size_t k = 0; k < all.count; k++)
		fields[k] = pattern_field(pc, all.items[k].part[2]);
	for (size_t i = 0; i < pc->nentries; i++) {
		if (all.count == 0)
			show_fields(pc, &pc->entries[i], FIELDS);
		for (size_t k = 0; k < all.count; k++) {
			if (!pattern_matches(&all.items[k], &pc->entries[i]))
				continue;
			all.items[k].matches++;
			show_fields(pc, &pc->entries[i], fields[k]);
		}
	}
	warn_unmatched(pc, &all);
}

/* What main.cf and the service say together (-PP). */
static struct dict *merged_params(
    struct postconf *pc, const struct entry *e, unsigned classes)
{
	struct dict *all = keep_new(pc, 1, sizeof(*all));

	dict_init(all);
	for (struct hnode *n = hmap_each(&pc->names, NULL); n;
	     n = hmap_each(&pc->names, n)) {
		const struct name *name = CONTAINER_OF(n, struct name, by_name);

		if (!classes || (name->flags & classes))
			dict_set(pc, all, name->name,
			    value_find(pc, pc->mode, name->name, e));
	}
	if (!e->params)
		return all;
	for (const struct dict_entry *p = e->params->first; p; p = p->next)
		if (!p->removed && !dict_find(all, p->name))
			dict_set(pc, all, p->name, p->value);
	return all;
}

static int by_name(const void *a, const void *b)
{
	const struct dict_entry *const *x = a;
	const struct dict_entry *const *y = b;

	return span_cmp((*x)->name, (*y)->name);
}

static void show_all_params(
    struct postconf *pc, const struct entry *e, const struct dict *params)
{
	size_t count = 0;
	const struct dict_entry **list = keep_new(
	    pc, params->by_name.count + 1, sizeof(const struct dict_entry *));

	for (const struct dict_entry *p = params->first; p; p = p->next)
		if (!p->removed)
			list[count++] = p;
	qsort(list, count, sizeof(const struct dict_entry *), by_name);
	for (size_t i = 0; i < count; i++)
		show_param(pc, e, list[i]->name, list[i]->value);
}

static void show_matching_params(struct postconf *pc, const struct entry *e,
    const struct dict *params, struct pattern *p)
{
	span value;

	if (!pattern_matches(p, e))
		return;
	if (pattern_is_any(p->part[2])) {
		show_all_params(pc, e, params);
		p->matches++;
		return;
	}
	value = dict_get(params, p->part[2]);
	if (!value.ptr)
		return;
	show_param(pc, e, p->part[2], value);
	p->matches++;
}

void master_show_params(struct postconf *pc, char **texts)
{
	struct patterns all = parse_patterns(
	    pc, texts, 3, "-P option requires service_name[/type[/parameter]]");
	bool merged = pc->mode & MASTER_MERGED;
	unsigned classes = all.count > 0 ? 0 : pc->classes;

	for (size_t i = 0; i < pc->nentries; i++) {
		const struct entry *e = &pc->entries[i];
		const struct dict *params =
		    merged ? merged_params(pc, e, classes) : e->params;

		if (!params)
			continue;
		if (all.count == 0)
			show_all_params(pc, e, params);
		for (size_t k = 0; k < all.count; k++)
			show_matching_params(pc, e, params, &all.items[k]);
	}
	warn_unmatched(pc, &all);
}
