/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/cmd_state.c - commands that set what the others go by: variables,
 * aliases, lists of header fields, short names of folders.
 */
#include <stdio.h>

#include "base/buf.h"
#include "tool/mail/commands.h"
#include "tool/mail/show.h"
#include "tool/mail/term.h"

enum { MAX_LIST = 64 << 20 };

/* ---- set, unset ---- */

struct var_list {
	struct buf *out;
	bool bsd;
};

static void put_var(void *ctx, const char *name, const char *value)
{
	struct var_list *l = ctx;

	if (l->bsd)
		buf_printf(l->out, "%s\t%s\n", name, value);
	else if (*value)
		buf_printf(l->out, "%s=\"%s\"\n", name, value);
	else
		buf_printf(l->out, "%s\n", name);
}

static int list_vars(struct mua *m)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(MAX_LIST);
	struct var_list l = { .out = &out };

	l.bsd =
	    vars_is_set(m->vars, "bsdcompat") || vars_is_set(m->vars, "bsdset");
	vars_each(m->vars, put_var, &l);
	return show_page(m, buf_span(&out));
}

static int unset_one(struct mua *m, const char *name)
{
	if (vars_unset(m->vars, name) || source_is_active(m))
		return 0;
	(void)printf("\"%s\": undefined variable\n", name);
	return 1;
}

/* What changes something at once. */
static void react(struct mua *m, const char *name)
{
	if (!strcmp(name, "line-editor-disable") && !m->is_loading)
		term_reconsider(m->term);
}

/* "name", "name=value" or "noname": 0 or 1. */
static int set_one(struct mua *m, char *word)
{
	char *value = strchr(word, '=');
	int r;

	if (value)
		*value++ = '\0';
	if (!*word) {
		(void)puts("Non-null variable name required");
		return 1;
	}
	if (word[0] == 'n' && word[1] == 'o' && word[2]) {
		r = unset_one(m, word + 2);
		react(m, word + 2);
		return r;
	}
	vars_set(m->vars, word, value);
	react(m, word);
	return 0;
}

int cmd_set(struct mua *m, const struct call *c)
{
	int r = 0;

	if (c->words.count == 0)
		return list_vars(m);
	for (size_t i = 0; i < c->words.count; i++)
		r |= set_one(m, c->words.all[i]);
	return r;
}

int cmd_unset(struct mua *m, const struct call *c)
{
	int r = 0;

	if (!call_has_words(c, 1, SIZE_MAX))
		return 1;
	for (size_t i = 0; i < c->words.count; i++) {
		r |= unset_one(m, c->words.all[i]);
		react(m, c->words.all[i]);
	}
	return r;
}

int cmd_varshow(struct mua *m, const struct call *c)
{
	int r = 0;

	for (size_t i = 0; i < c->words.count; i++) {
		const char *value = vars_get(m->vars, c->words.all[i]);

		if (!value) {
			(void)printf("# \"%s\": not set\n", c->words.all[i]);
			r = 1;
		} else {
			(void)printf("set %s=\"%s\"\n", c->words.all[i], value);
		}
	}
	return r;
}

/* ---- the environment ---- */

static int put_environ(struct mua *m, char *word)
{
	char *value = strchr(word, '=');

	if (!value || value == word) {
		(void)printf("\"%s\": no \"name=value\"\n", word);
		return 1;
	}
	*value++ = '\0';
	vars_set(m->vars, word, value);
	return setenv(word, value, 1) == 0 ? 0 : 1;
}

int cmd_setenv(struct mua *m, const struct call *c)
{
	int r = 0;

	for (size_t i = 0; i < c->words.count; i++)
		r |= put_environ(m, c->words.all[i]);
	return r;
}

int cmd_unsetenv(struct mua *m, const struct call *c)
{
	for (size_t i = 0; i < c->words.count; i++) {
		(void)vars_unset(m->vars, c->words.all[i]);
		(void)unsetenv(c->words.all[i]);
	}
	return 0;
}

int cmd_environ(struct mua *m, const struct call *c)
{
	struct call rest = *c;
	const char *what = c->words.count ? c->words.all[0] : "";

	if (c->words.count) {
		rest.words.all++;
		rest.words.count--;
	}
	if (!strcmp(what, "set"))
		return cmd_setenv(m, &rest);
	if (!strcmp(what, "unset"))
		return cmd_unsetenv(m, &rest);
	/* Variables and environment are looked up together here. */
	if (!strcmp(what, "link") || !strcmp(what, "unlink"))
		return 0;
	(void)puts("Syntax is: environ set|unset name[=value] ...");
	return 1;
}

/* ---- dictionaries ---- */

/* Lines of "name\t value value": the last that came first, as ever. */
static void put_alias(struct buf *out, const struct dict_entry *e)
{
	buf_printf(out, "%s\t", e->name);
	for (size_t i = e->count; i > 0; i--)
		buf_printf(out, " %s", e->values[i - 1]);
	buf_putc(out, '\n');
}

int cmd_alias(struct mua *m, const struct call *c)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(MAX_LIST);
	struct dict_entry *e;

	if (c->words.count == 0) {
		for (size_t i = 0; i < m->aliases.count; i++)
			put_alias(&out, &m->aliases.all[i]);
		return show_page(m, buf_span(&out));
	}
	if (c->words.count == 1) {
		e = dict_find(&m->aliases, span_str(c->words.all[0]));
		if (!e) {
			(void)printf("\"%s\": not a group\n", c->words.all[0]);
			return 0;
		}
		put_alias(&out, e);
		return show_page(m, buf_span(&out));
	}
	e = dict_make(&m->aliases, span_str(c->words.all[0]));
	for (size_t i = 1; i < c->words.count; i++)
		dict_add(e, span_str(c->words.all[i]));
	return 0;
}

int cmd_unalias(struct mua *m, const struct call *c)
{
	if (c->words.count == 0) {
		(void)puts("Must specify alias or group to remove");
		return 1;
	}
	for (size_t i = 0; i < c->words.count; i++)
		(void)dict_drop(&m->aliases, span_str(c->words.all[i]));
	return 0;
}

int cmd_shortcut(struct mua *m, const struct call *c)
{
	struct dict_entry *e;

	if (c->words.count == 0) {
		for (size_t i = 0; i < m->shortcuts.count; i++) {
			e = &m->shortcuts.all[i];
			(void)printf("%s=%s\n", e->name, e->values[0]);
		}
		return 0;
	}
	if (c->words.count != 2) {
		mua_error(m, "%s",
		    c->words.count == 1 ? "expansion name for shortcut missing"
		                        : "too many arguments");
		return 1;
	}
	e = dict_make(&m->shortcuts, span_str(c->words.all[0]));
	dict_clear(e);
	dict_add(e, span_str(c->words.all[1]));
	return 0;
}

int cmd_unshortcut(struct mua *m, const struct call *c)
{
	int r = 0;

	if (c->words.count == 0) {
		mua_error(m, "need shortcut names to remove");
		return 1;
	}
	for (size_t i = 0; i < c->words.count; i++) {
		if (!dict_drop(&m->shortcuts, span_str(c->words.all[i]))) {
			mua_error(m, "%s: no such shortcut", c->words.all[i]);
			r = 1;
		}
	}
	return r;
}

static void print_command_alias(const struct dict_entry *e)
{
	(void)printf("commandalias %s", e->name);
	for (size_t i = 0; i < e->count; i++)
		(void)printf(" %s", e->values[i]);
	(void)putchar('\n');
}

int cmd_commandalias(struct mua *m, const struct call *c)
{
	struct dict *d = &m->command_aliases;
	struct dict_entry *e;

	if (c->words.count == 0) {
		for (size_t i = 0; i < d->count; i++)
			print_command_alias(&d->all[i]);
		return 0;
	}
	if (c->words.count == 1) {
		e = dict_find(d, span_str(c->words.all[0]));
		if (!e) {
			(void)printf(
			    "No such command alias: %s\n", c->words.all[0]);
			return 1;
		}
		print_command_alias(e);
		return 0;
	}
	e = dict_make(d, span_str(c->words.all[0]));
	dict_clear(e);
	for (size_t i = 1; i < c->words.count; i++)
		dict_add(e, span_str(c->words.all[i]));
	return 0;
}

int cmd_uncommandalias(struct mua *m, const struct call *c)
{
	if (c->words.count == 1 && !strcmp(c->words.all[0], "*")) {
		dict_done(&m->command_aliases);
		return 0;
	}
	for (size_t i = 0; i < c->words.count; i++)
		(void)dict_drop(&m->command_aliases, span_str(c->words.all[i]));
	return 0;
}

/* ---- lists of names ---- */

int cmd_alternates(struct mua *m, const struct call *c)
{
	struct names *n = &m->alternates;

	if (c->words.count == 0) {
		for (size_t i = 0; i < n->count; i++)
			(void)printf("%s ", n->all[i]);
		if (n->count)
			(void)putchar('\n');
		return 0;
	}
	names_done(n);
	for (size_t i = 0; i < c->words.count; i++)
		names_add(n, span_str(c->words.all[i]));
	return 0;
}

static int pick(struct names *n, const struct words *w, const char *which)
{
	if (w->count == 0 && n->count == 0)
		(void)printf("No fields currently being %s.\n", which);
	for (size_t i = 0; w->count == 0 && i < n->count; i++)
		(void)puts(n->all[i]);
	for (size_t i = 0; i < w->count; i++) {
		for (char *p = w->all[i]; *p; p++)
			*p = ascii_lower(*p);
		names_add(n, span_str(w->all[i]));
	}
	return 0;
}

static int unpick(struct names *n, const struct words *w, const char *which)
{
	if (n->count == 0)
		(void)printf("No fields currently being %s.\n", which);
	for (size_t i = 0; i < w->count; i++)
		(void)names_drop(n, span_str(w->all[i]));
	return 0;
}

int cmd_ignore(struct mua *m, const struct call *c)
{
	return pick(&m->ignored, &c->words, "ignored");
}

int cmd_retain(struct mua *m, const struct call *c)
{
	return pick(&m->retained, &c->words, "retained");
}

int cmd_save_ignore(struct mua *m, const struct call *c)
{
	return pick(&m->save_ignored, &c->words, "ignored");
}

int cmd_save_retain(struct mua *m, const struct call *c)
{
	return pick(&m->save_retained, &c->words, "retained");
}

int cmd_forward_ignore(struct mua *m, const struct call *c)
{
	return pick(&m->forward_ignored, &c->words, "ignored");
}

int cmd_forward_retain(struct mua *m, const struct call *c)
{
	return pick(&m->forward_retained, &c->words, "retained");
}

int cmd_unignore(struct mua *m, const struct call *c)
{
	return unpick(&m->ignored, &c->words, "ignored");
}

int cmd_unretain(struct mua *m, const struct call *c)
{
	return unpick(&m->retained, &c->words, "retained");
}

int cmd_unsave_ignore(struct mua *m, const struct call *c)
{
	return unpick(&m->save_ignored, &c->words, "ignored");
}

int cmd_unsave_retain(struct mua *m, const struct call *c)
{
	return unpick(&m->save_retained, &c->words, "retained");
}

int cmd_unforward_ignore(struct mua *m, const struct call *c)
{
	return unpick(&m->forward_ignored, &c->words, "ignored");
}

int cmd_unforward_retain(struct mua *m, const struct call *c)
{
	return unpick(&m->forward_retained, &c->words, "retained");
}

/* s-nail's name for the six lists in one. */
int cmd_headerpick(struct mua *m, const struct call *c)
{
	struct {
		const char *context;
		struct names *retain;
		struct names *ignore;
	} lists[] = {
		{ "type", &m->retained, &m->ignored },
		{ "save", &m->save_retained, &m->save_ignored },
		{ "forward", &m->forward_retained, &m->forward_ignored },
	};
	struct words rest = c->words;

	if (rest.count < 2) {
		(void)puts("Syntax is: headerpick type|save|forward "
		           "retain|ignore field ...");
		return 1;
	}
	rest.all += 2;
	rest.count -= 2;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		if (strcmp(c->words.all[0], lists[i].context) != 0)
			continue;
		if (!strcmp(c->words.all[1], "retain"))
			return pick(lists[i].retain, &rest, "retained");
		if (!strcmp(c->words.all[1], "ignore"))
			return pick(lists[i].ignore, &rest, "ignored");
	}
	/* "top" and what one may define oneself there. */
	return 0;
}
