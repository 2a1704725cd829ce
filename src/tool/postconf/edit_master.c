/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/edit_master.c - services of master.cf: whole ones (-M), their
 * fields (-F) and the parameters of their -o (-P).
 *
 * As in main.cf, lines that are not meant pass through as they are. A service
 * that changes is written anew, folded; comments between its lines come to
 * stand before it.
 */
#include <stdlib.h>

#include "conf/setting.h"
#include "tool/postconf/edit.h"
#include "tool/postconf/pattern.h"

struct request {
	const char *text; /* the argument */
	struct pattern pattern;
	size_t field;        /* -F */
	span value;          /* -e; ptr == NULL: none */
	struct entry *entry; /* -M -e: the value, parsed */
};

struct edit_master {
	struct postconf *pc;
	struct request *requests;
	size_t count;
};

#define OPTIONS "-Me, -Fe, -Pe, -X, or -#"

static bool has_blank(span value)
{
	span word = span_word(&value, " \t\r\n");

	return word.len > 0 && value.len > 0;
}

static void parse_field(struct postconf *pc, struct request *r)
{
	r->field = pattern_field(pc, r->pattern.part[2]);
	if (r->field == FIELDS)
		fatal(pc, "-Fe does not accept wild-card field name");
	if ((pc->mode & EDIT_CONF) && r->field < FIELD_COMMAND &&
	    has_blank(r->value))
		fatal(
		    pc, "-Fe does not accept whitespace in non-command field");
}

static void parse_pattern(struct postconf *pc, struct request *r, span pattern)
{
	const char *text = keep_joined(pc, pattern, SPAN_NONE, SPAN_NONE).ptr;
	size_t parts = pc->mode & MASTER_ENTRY ? 2 : 3;

	if (!pattern_parse(text, parts, parts, &r->pattern)) {
		if (pc->mode & MASTER_ENTRY)
			fatal(pc, "-Me, -MX or -M# requires service_name/type");
		if (pc->mode & MASTER_FIELD)
			fatal(pc,
			    "-Fe or -FX requires service_name/type/field_name");
		fatal(pc, "-Pe or -PX requires service_name/type/parameter");
	}
	if (pc->mode & MASTER_FIELD)
		parse_field(pc, r);
	if (!(pc->mode & MASTER_PARAM))
		return;
	if (pattern_is_any(r->pattern.part[2]))
		fatal(pc, "-Pe does not accept wild-card parameter name");
	if ((pc->mode & EDIT_CONF) && has_blank(r->value))
		fatal(pc, "-Pe does not accept whitespace in parameter value");
}

static void parse_request(
    struct postconf *pc, const char *argument, struct request *r)
{
	span text = span_str(argument);
	span pattern = SPAN_NONE;
	const char *wrong;

	*r = (struct request){ .text = argument };
	if (span_find(text, '\n') >= 0)
		fatal(pc, OPTIONS " accept no multi-line input");
	while (text.len > 0 && ascii_is_space(text.ptr[0]))
		text = span_from(text, 1);
	if (text.len > 0 && text.ptr[0] == '#')
		fatal(pc, OPTIONS " accept no comment input");
	if (pc->mode & EDIT_CONF) {
		wrong = conf_split_setting(text, &pattern, &r->value);
		if (wrong)
			fatal(pc, "%s: \"%s\"", wrong, argument);
	} else {
		if (span_find(text, '=') >= 0)
			fatal(pc, "-X or -# requires names without value");
		pattern = text;
	}
	parse_pattern(pc, r, pattern);
}

/* The new service of a -M -e request. */
static const struct entry *new_entry(struct postconf *pc, struct request *r)
{
	const char *wrong;

	if (r->entry)
		return r->entry;
	r->entry = keep_new(pc, 1, sizeof(*r->entry));
	wrong = master_parse(pc, r->value, r->entry);
	if (wrong)
		fatal(pc, "%s: \"%s\"", wrong, r->text);
	return r->entry;
}

/* Where a service's line begins, and what it is. */
struct place {
	span line;
	span name;
	span type;
	uint32_t number;
	bool matched; /* by some request */
	bool changed;
	struct entry entry; /* -F, -P: the service with its changes */
	const struct entry *replacement; /* -M -e */
};

static void split_line(struct postconf *pc, struct edit *e, struct place *p)
{
	span rest = p->line;

	p->number = e->line;
	p->name = span_word(&rest, " \t\r\n");
	p->type = span_word(&rest, " \t\r\n");
	if (p->type.len == 0)
		fatal(pc,
		    "file %s: line %u: specify service name and type on the "
		    "same line",
		    e->path, p->number);
	if (span_find(p->name, '=') >= 0)
		fatal(pc,
		    "file %s: line %u: service name syntax \"%.*s\" is "
		    "unsupported with " OPTIONS,
		    e->path, p->number, ALL(p->name));
	if (span_find(p->type, '=') >= 0 || span_find(p->type, '/') >= 0)
		fatal(pc,
		    "file %s: line %u: service type syntax \"%.*s\" is "
		    "unsupported with " OPTIONS,
		    e->path, p->number, ALL(p->type));
}

/* The whole service, with the lines that follow. */
static void read_entry(struct postconf *pc, struct edit *e, struct place *p)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(ENTRY_MAX);
	const char *wrong;
	span part;

	if (p->changed)
		return;
	buf_put(&text, p->line);
	while (edit_next_part(e, &part))
		buf_put(&text, part);
	wrong = master_parse(pc, buf_span(&text), &p->entry);
	if (wrong)
		fatal(pc, "file %s: line %u: %s", e->path, p->number, wrong);
	p->changed = true;
}

static void apply_part(struct postconf *pc, struct edit *e, struct place *p,
    const struct request *r)
{
	read_entry(pc, e, p);
	if (pc->mode & MASTER_FIELD)
		master_set_field(pc, &p->entry, r->field, r->value);
	else
		master_set_param(pc, &p->entry, r->pattern.part[2], r->value);
}

/*
 * -M -e of "a/b=c d ..." takes the place of the first service that is called
 * a/b, or c/d; further ones go away.
 */
static void apply_entry(struct postconf *pc, struct place *p, struct request *r)
{
	const struct entry *e = new_entry(pc, r);

	if (!pattern_matches_service(&r->pattern, p->name, p->type) &&
	    !(span_eq(e->words[FIELD_SERVICE], p->name) &&
	        span_eq(e->words[FIELD_TYPE], p->type)))
		return;
	p->matched = true;
	if (r->pattern.matches++ == 0)
		p->replacement = e;
}

static void apply(
    struct postconf *pc, struct edit *e, struct place *p, struct request *r)
{
	if ((pc->mode & MASTER_ENTRY) && (pc->mode & EDIT_CONF)) {
		apply_entry(pc, p, r);
		return;
	}
	if (!pattern_matches_service(&r->pattern, p->name, p->type))
		return;
	p->matched = true;
	r->pattern.matches++;
	if (!(pc->mode & (MASTER_ENTRY | COMMENT_OUT)))
		apply_part(pc, e, p, r);
}

static void put_commented(struct edit *e, span line)
{
	buf_putc(&e->out, '#');
	buf_put(&e->out, line);
}

static void put_place(struct postconf *pc, struct edit *e, struct place *p)
{
	if (p->changed)
		p->replacement = &p->entry;
	if (p->replacement)
		master_print_entry(pc, FOLD_LINE, &e->out, p->replacement);
	else if (!p->matched)
		buf_put(&e->out, p->line);
	else if (pc->mode & COMMENT_OUT)
		put_commented(e, p->line);
}

static void finish(struct edit_master *m, struct edit *e)
{
	for (size_t i = 0; i < m->count; i++) {
		struct request *r = &m->requests[i];

		if (r->pattern.matches > 0)
			continue;
		if (!(m->pc->mode & MASTER_ENTRY))
			warn(m->pc, "unmatched service_name/type: \"%s\"",
			    r->text);
		else if (m->pc->mode & EDIT_CONF)
			master_print_entry(
			    m->pc, FOLD_LINE, &e->out, new_entry(m->pc, r));
	}
}

static void rewrite(void *ctx, struct edit *e)
{
	struct edit_master *m = ctx;
	struct place p = { 0 };
	span line;

	while (edit_next_line(e, &line)) {
		if (ascii_is_space(line.ptr[0])) {
			if (!p.matched)
				buf_put(&e->out, line);
			else if (m->pc->mode & COMMENT_OUT)
				put_commented(e, line);
			continue;
		}
		p = (struct place){ .line = line };
		split_line(m->pc, e, &p);
		for (size_t i = 0; i < m->count; i++)
			apply(m->pc, e, &p, &m->requests[i]);
		put_place(m->pc, e, &p);
	}
	finish(m, e);
}

void edit_master(struct postconf *pc, char **arguments)
{
	struct edit_master m = { .pc = pc };

	while (arguments[m.count])
		m.count++;
	m.requests = keep_new(pc, m.count, sizeof(*m.requests));
	for (size_t i = 0; i < m.count; i++)
		parse_request(pc, arguments[i], &m.requests[i]);
	edit_run(pc, "/master.cf", rewrite, &m);
}
