/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/aliases.c - the user's aliases, and who the user is.
 *
 * An alias may name others. How deep is limited, and so is how many people
 * come of it in all: ten aliases that each name the next one ten times are
 * 10^10 addresses. A name within its own alias, or with a backslash in front,
 * is an address.
 *
 * The order of the result is visible in the header. Heirloom's mailx puts each
 * name it resolves in front of those before, bsd-mailx sorts them.
 */
#include <stdlib.h>

#include "tool/mail/draft.h"
#include "tool/mail/recipients.h"

enum { DEPTH_MAX = 25 };

struct resolver {
	struct mua *m;
	struct recipients *from;
	struct recipients to; /* borrows what it holds from `from` */
	bool metoo;
	bool too_deep;
};

/* Up to the "@" when all networks are one. */
static bool is_same(const struct mua *m, span a, span b)
{
	if (vars_is_set(m->vars, "allnet")) {
		a = span_cut(&a, '@');
		b = span_cut(&b, '@');
	}
	return span_eq_nocase(a, b);
}

static bool is_among(const struct mua *m, const char *variable, span addr)
{
	struct recipients r;
	bool found = false;

	recipients_init(&r);
	recipients_take(
	    &r, span_str(vars_get(m->vars, variable)), RECIPIENT_OTHER);
	for (size_t i = 0; i < r.count && !found; i++)
		found = is_same(m, r.all[i].bare, addr);
	recipients_done(&r);
	return found;
}

bool draft_is_me(const struct mua *m, span addr)
{
	if (is_same(m, span_str(m->user), addr))
		return true;
	for (size_t i = 0; i < m->alternates.count; i++)
		if (is_same(m, span_str(m->alternates.all[i]), addr))
			return true;
	return is_among(m, "from", addr) || is_among(m, "replyto", addr) ||
	    is_among(m, "sender", addr);
}

/* ---- resolving ---- */

static void keep(struct resolver *s, const struct recipient *one)
{
	struct recipient kept = *one;

	/* \name is name. */
	if (span_skip(&kept.bare, SPAN("\\")))
		(void)span_skip(&kept.full, SPAN("\\"));
	recipients_append(&s->to, &kept);
}

static void resolve_alias(struct resolver *s, const struct dict_entry *alias,
    uint8_t kind, unsigned depth);

static void resolve_value(struct resolver *s, const struct dict_entry *alias,
    const struct recipient *one, unsigned depth)
{
	struct recipient copy = *one;
	const struct dict_entry *next = NULL;

	if (!span_eq(one->bare, span_str(alias->name)))
		next = dict_find(&s->m->aliases, one->bare);
	if (next) {
		resolve_alias(s, next, one->kind, depth + 1);
		return;
	}
	copy.silent = alias->count > 1 && !s->metoo &&
	    is_same(s->m, one->bare, span_str(s->m->user));
	keep(s, &copy);
}

static void resolve_alias(struct resolver *s, const struct dict_entry *alias,
    uint8_t kind, unsigned depth)
{
	bool backwards = s->m->manner == MANNER_HEIRLOOM;

	if (depth > DEPTH_MAX) {
		s->too_deep = true;
		return;
	}
	for (size_t i = 0; i < alias->count && !s->too_deep && !s->to.wrong;
	     i++) {
		size_t at = backwards ? alias->count - 1 - i : i;
		size_t before = s->from->count;

		recipients_take(
		    s->from, span_str(alias->values[at]), RECIPIENT_OTHER);
		while (s->from->count > before) {
			struct recipient one = s->from->all[--s->from->count];

			one.kind = kind;
			resolve_value(s, alias, &one, depth);
		}
	}
}

static int compare(const void *a, const void *b)
{
	const struct recipient *x = a;
	const struct recipient *y = b;

	if (x->kind != y->kind)
		return x->kind - y->kind;
	return span_cmp_nocase(x->bare, y->bare);
}

static void sort_unique(struct recipients *r)
{
	size_t kept = 0;

	if (r->count == 0)
		return;
	qsort(r->all, r->count, sizeof(*r->all), compare);
	for (size_t i = 0; i < r->count; i++)
		if (kept == 0 || compare(&r->all[kept - 1], &r->all[i]) != 0)
			r->all[kept++] = r->all[i];
	r->count = kept;
}

static void reverse(struct recipients *r)
{
	for (size_t i = 0, j = r->count; i + 1 < j; i++) {
		struct recipient one = r->all[i];

		r->all[i] = r->all[--j];
		r->all[j] = one;
	}
}

void recipients_resolve(struct mua *m, struct recipients *r)
{
	struct resolver s = { m, r, { 0 }, vars_is_set(m->vars, "metoo"),
		false };
	size_t n = r->count;

	for (size_t i = 0; i < n; i++) {
		struct recipient one = r->all[i];
		const struct dict_entry *alias =
		    dict_find(&m->aliases, one.bare);

		if (alias && one.kind != RECIPIENT_OTHER)
			resolve_alias(&s, alias, one.kind, 0);
		else
			keep(&s, &one);
	}
	if (s.too_deep)
		mua_error(
		    m, "Expanding alias to depth larger than %d", DEPTH_MAX);
	if (s.to.wrong)
		mua_error(m, "More than %d recipients", RECIPIENTS_MAX);
	mem_free(r->all);
	r->all = s.to.all;
	r->count = s.to.count;
	r->cap = s.to.cap;
	r->wrong += s.to.wrong + s.too_deep;
	if (m->manner == MANNER_HEIRLOOM)
		reverse(r);
	else if (m->manner == MANNER_BSD)
		sort_unique(r);
}
