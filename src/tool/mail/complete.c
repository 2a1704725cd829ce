/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/complete.c - see complete.h.
 */
#include "tool/mail/complete.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/width.h"
#include "tool/mail/commands.h"

enum { MAX_CHOICES = 2000 };

struct finder {
	struct mua *m;
	struct arena *a;
	span begun; /* the word so far */
	const char **all;
	size_t count;
};

static void offer(struct finder *f, const char *choice)
{
	if (!span_has_prefix(span_str(choice), f->begun) ||
	    f->count == MAX_CHOICES)
		return;
	for (size_t i = 0; i < f->count; i++) {
		if (!strcmp(f->all[i], choice))
			return;
	}
	f->all[f->count] = arena_cstr(f->a, span_str(choice));
	if (f->all[f->count])
		f->count++;
}

static void offer_commands(struct finder *f)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++) {
		if (ascii_is_alpha(c->name[0]))
			offer(f, c->name);
	}
	for (size_t i = 0; i < f->m->command_aliases.count; i++)
		offer(f, f->m->command_aliases.all[i].name);
}

static void offer_variable(void *ctx, const char *name, const char *value)
{
	(void)value;
	offer(ctx, name);
}

static void offer_variables(struct finder *f)
{
	static const char *const known[] = { "allnet", "append", "ask",
		"askbcc", "askcc", "asksub", "autoprint", "bang", "bsdcompat",
		"cmd", "crt", "debug", "dot", "emptystart", "escape", "flipr",
		"folder", "from", "header", "history-file", "hold", "ignore",
		"ignoreeof", "indentprefix", "keep", "keepsave",
		"line-editor-disable", "metoo", "newmail", "onehop",
		"outfolder", "page", "prompt", "quiet", "record", "save",
		"screen", "sendwait", "showto", "sign", "Sign", "toplines" };

	vars_each(f->m->vars, offer_variable, f);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		offer(f, known[i]);
}

static void offer_entries(struct finder *f, const struct dict *d)
{
	for (size_t i = 0; i < d->count; i++)
		offer(f, d->all[i].name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* To us, to a shell and to a terminal: what others made in a directory is not
 * always what one wants to have typed. */
static bool means_itself(span name)
{
	static const span odd = SPAN_INIT(" \"'\\`$&|;<>()*?[]{}");
	CLEANUP(buf_done) struct buf shown = BUF_INIT(8192);

	for (size_t i = 0; i < name.len; i++) {
		if (span_find(odd, name.ptr[i]) >= 0)
			return false;
	}
	width_harmless(&shown, name, HARMLESS_LINE, false);
	return span_eq(buf_span(&shown), name);
}

/* Names in the directory that the word names, as they would be written. */
static void offer_files(struct finder *f)
{
	CLEANUP(buf_done) struct buf dir = BUF_INIT(4096);
	CLEANUP(buf_done) struct buf name = BUF_INIT(8192);
	ssize_t slash = span_rfind(f->begun, '/');
	bool in_folder = f->begun.len && f->begun.ptr[0] == '+';
	span head = span_first(f->begun, (size_t)(slash + 1));
	const struct dirent *e;
	struct stat st;
	DIR *d;

	if (slash < 0 && in_folder)
		head = span_first(f->begun, 1);
	if (memchr(head.len ? head.ptr : "", '*', head.len) ||
	    (head.len && !mua_expand_name(f->m, head, &dir)))
		return;
	d = opendir(head.len ? buf_cstr(&dir) : ".");
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !means_itself(span_str(e->d_name)))
			continue;
		buf_clear(&name);
		buf_put(&name, head);
		buf_put(&name, span_str(e->d_name));
		if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 &&
		    S_ISDIR(st.st_mode))
			buf_putc(&name, '/');
		if (!name.failed)
			offer(f, buf_cstr(&name));
	}
	if (d)
		(void)closedir(d);
}

/* ---- which ---- */

static bool is_one_of(const char *name, const char *const *all)
{
	for (size_t i = 0; all[i]; i++) {
		if (!strcmp(name, all[i]))
			return true;
	}
	return false;
}

static void offer_arguments(struct finder *f, const char *command)
{
	static const char *const variables[] = { "set", "unset", "varshow",
		NULL };
	static const char *const people[] = { "mail", "Mail", "alias", "group",
		"unalias", "ungroup", "resend", "Resend", "redirect",
		"Redirect", "bounce", "forward", "Forward", "fwd", "Fwd",
		NULL };
	static const char *const commands[] = { "help", "?", NULL };
	static const char *const macros[] = { "call", "xcall", "undef",
		"undefine", NULL };

	if (is_one_of(command, variables))
		offer_variables(f);
	else if (is_one_of(command, people))
		offer_entries(f, &f->m->aliases);
	else if (is_one_of(command, commands))
		offer_commands(f);
	else if (is_one_of(command, macros))
		offer_entries(f, &f->m->macros);
	else if (!strcmp(command, "account"))
		offer_entries(f, &f->m->accounts);
	else {
		offer_entries(f, &f->m->shortcuts);
		offer_files(f);
	}
}

static void offer_for(struct finder *f, span before, enum term_kind kind)
{
	static const char letters[] = "0123456789$^.:/-+*'\",;(`";
	span rest = before;
	span name = span_word(&rest, " \t");
	const struct command *c;
	size_t n = 0;

	if (kind == TERM_HEADER) {
		offer_entries(f, &f->m->aliases);
	} else if (kind != TERM_COMMAND) {
		offer_files(f);
	} else if (f->begun.ptr == name.ptr || !name.len) {
		offer_commands(f);
	} else {
		while (n < name.len && !strchr(letters, name.ptr[n]))
			n++;
		c = n ? command_find(span_first(name, n)) : NULL;
		if (c)
			offer_arguments(f, c->name);
	}
}

static span last_word(span before)
{
	size_t n = before.len;

	while (n > 0 && before.ptr[n - 1] != ' ' && before.ptr[n - 1] != '\t' &&
	    before.ptr[n - 1] != ',')
		n--;
	return span_from(before, n);
}

/* How much longer all are than what stands there; only whole characters. */
static size_t common(const struct finder *f)
{
	size_t n = strlen(f->all[0]);

	for (size_t i = 1; i < f->count; i++) {
		size_t same = 0;

		while (same < n && f->all[i][same] == f->all[0][same])
			same++;
		n = same;
	}
	while (n > f->begun.len && (f->all[0][n] & 0xc0) == 0x80)
		n--;
	return n;
}

bool complete_word(struct mua *m, span before, enum term_kind kind,
    struct arena *a, struct completion *ret)
{
	CLEANUP(buf_done) struct buf insert = BUF_INIT(8192);
	struct finder f = { .m = m, .a = a, .begun = last_word(before) };
	size_t n;

	f.all = arena_alloc(a, MAX_CHOICES, sizeof *f.all);
	if (!f.all)
		return false;
	offer_for(&f, before, kind);
	if (f.count == 0)
		return false;
	qsort(f.all, f.count, sizeof *f.all, by_name);
	n = common(&f);
	buf_put(
	    &insert, span_from(span_first(span_str(f.all[0]), n), f.begun.len));
	if (f.count == 1 && (n == 0 || f.all[0][n - 1] != '/'))
		buf_putc(&insert, ' ');
	*ret = (struct completion){ .all = f.all, .count = f.count };
	ret->insert = arena_cstr(a, buf_span(&insert));
	return ret->insert != NULL;
}
