/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/cmd_macro.c - macros and accounts: lines of commands under a
 * name; and files of them.
 */
#include <stdio.h>

#include "tool/mail/box.h"
#include "tool/mail/commands.h"
#include "tool/mail/show.h"

enum { MAX_LIST = 64 << 20, MAX_LINE = 4 << 20, MAX_LINES = 100000 };

/* The lines up to "}" go into the entry: 0 or 1. */
static int read_lines(
    struct mua *m, struct dict *d, span name, const char *what)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(MAX_LINE);
	struct dict_entry *e = dict_make(d, name);

	dict_clear(e);
	while (e->count < MAX_LINES) {
		buf_clear(&line);
		if (!source_next(m, &line))
			break;
		if (span_eq(span_trim(buf_span(&line)), SPAN("}")))
			return 0;
		dict_add(e, buf_span(&line));
	}
	mua_error(m, "Unterminated %s definition: \"%.*s\".", what, PRI(name));
	(void)dict_drop(d, name);
	return 1;
}

/* Skip the lines of one that cannot be kept. */
static void skip_lines(struct mua *m)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(MAX_LINE);

	do {
		buf_clear(&line);
	} while (source_next(m, &line) &&
	    !span_eq(span_trim(buf_span(&line)), SPAN("}")));
}

static void put_lines(
    struct buf *out, const struct dict *d, const char *command)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct dict_entry *e = &d->all[i];

		buf_printf(
		    out, "%s%s %s {\n", out->len ? "\n" : "", command, e->name);
		for (size_t j = 0; j < e->count; j++)
			buf_printf(out, "%s\n", e->values[j]);
		buf_put(out, SPAN("}\n"));
	}
}

static int list(struct mua *m, const struct dict *d, const char *command)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(MAX_LIST);

	put_lines(&out, d, command);
	return show_page(m, buf_span(&out));
}

static bool opens(const struct call *c)
{
	return c->words.count == 2 && !strcmp(c->words.all[1], "{");
}

int cmd_define(struct mua *m, const struct call *c)
{
	span name;

	if (c->words.count == 0) {
		mua_error(m, "Missing macro name to define.");
		return 1;
	}
	if (!opens(c)) {
		mua_error(m, "Syntax is: define <name> {");
		return 1;
	}
	name = span_str(c->words.all[0]);
	if (dict_find(&m->macros, name)) {
		skip_lines(m);
		mua_error(
		    m, "A macro named \"%s\" already exists.", c->words.all[0]);
		return 1;
	}
	return read_lines(m, &m->macros, name, "macro");
}

int cmd_defines(struct mua *m, const struct call *c)
{
	(void)c;
	return list(m, &m->macros, "define");
}

int cmd_undefine(struct mua *m, const struct call *c)
{
	if (c->words.count == 0) {
		mua_error(m, "Missing macro name to undef.");
		return 1;
	}
	for (size_t i = 0; i < c->words.count; i++)
		(void)dict_drop(&m->macros, span_str(c->words.all[i]));
	return 0;
}

int cmd_call(struct mua *m, const struct call *c)
{
	const struct dict_entry *e;

	if (c->words.count == 0) {
		mua_error(m, "Syntax is: call <name>");
		return 1;
	}
	e = dict_find(&m->macros, span_str(c->words.all[0]));
	if (!e) {
		mua_error(m, "Undefined macro called: \"%s\"", c->words.all[0]);
		return 1;
	}
	return source_lines(m, e->values, e->count);
}

/* ---- accounts ---- */

/* In the form without braces: "account name var=value ...". */
static void keep_settings(struct mua *m, const struct call *c)
{
	struct dict_entry *e =
	    dict_make(&m->accounts, span_str(c->words.all[0]));

	dict_clear(e);
	for (size_t i = 1; i < c->words.count; i++) {
		CLEANUP(buf_done) struct buf line = BUF_INIT(MAX_LINE);

		buf_put(&line, SPAN("set \""));
		for (const char *p = c->words.all[i]; *p; p++) {
			if (*p == '"')
				buf_putc(&line, '\\');
			buf_putc(&line, *p);
		}
		buf_putc(&line, '"');
		dict_add(e, buf_span(&line));
	}
}

/* What says how a folder is left. */
static const char *const at_quit[] = { "hold", "keepsave", "append", "emptybox",
	"keep" };

static unsigned get_flags(const struct mua *m)
{
	unsigned flags = 0;

	for (size_t i = 0; i < ARRAY_LEN(at_quit); i++)
		flags |= (unsigned)vars_is_set(m->vars, at_quit[i]) << i;
	return flags;
}

static void set_flags(struct mua *m, unsigned flags)
{
	for (size_t i = 0; i < ARRAY_LEN(at_quit); i++) {
		if (flags & 1U << i)
			vars_set(m->vars, at_quit[i], NULL);
		else
			(void)vars_unset(m->vars, at_quit[i]);
	}
}

static int use_account(struct mua *m, const char *name)
{
	const struct dict_entry *e = dict_find(&m->accounts, span_str(name));
	unsigned before = get_flags(m);
	unsigned now;
	int r;

	if (!e) {
		(void)printf("Account %s does not exist.\n", name);
		return 1;
	}
	if (source_lines(m, e->values, e->count))
		return 1;
	/* Another inbox, perhaps; at the start it is opened later. */
	if (!m->is_reading || m->is_loading || !m->box || !m->box->folder)
		return 0;
	/* The one that is left is so by its own settings. */
	now = get_flags(m);
	set_flags(m, before);
	r = box_change(m, NULL);
	set_flags(m, now);
	if (r == 0)
		show_arrival(m);
	return r != 0;
}

int cmd_account(struct mua *m, const struct call *c)
{
	if (c->words.count == 0)
		return list(m, &m->accounts, "account");
	if (opens(c))
		return read_lines(
		    m, &m->accounts, span_str(c->words.all[0]), "account");
	if (c->words.count == 1)
		return use_account(m, c->words.all[0]);
	if (!strcmp(c->words.all[1], "{")) {
		mua_error(m, "Syntax is: account <name> {");
		return 1;
	}
	keep_settings(m, c);
	return 0;
}

int cmd_unaccount(struct mua *m, const struct call *c)
{
	int r = 0;

	for (size_t i = 0; i < c->words.count; i++) {
		if (!dict_drop(&m->accounts, span_str(c->words.all[i]))) {
			(void)printf(
			    "Account %s does not exist.\n", c->words.all[i]);
			r = 1;
		}
	}
	return r;
}

/* ---- files ---- */

int cmd_source(struct mua *m, const struct call *c)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);

	if (!call_has_words(c, 1, 1) ||
	    !mua_expand_name(m, span_str(c->words.all[0]), &path))
		return 1;
	return source_file(m, buf_cstr(&path), true);
}
