/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/vars.c - see vars.h.
 *
 * Everything is kept in sorted arrays: there are some dozens of each, and
 * they are listed in order more often than anything is added.
 */
#include "tool/mail/vars.h"

#include <stdlib.h>

struct var {
	char *name;
	char *value; /* NULL: fixed as not set */
	bool fixed;
};

struct vars {
	struct var *all;
	size_t count;
	bool lenient; /* "fixed" has lost its meaning */
};

/*
 * What is set at the start: the defaults of POSIX and those that Heirloom's
 * nail.rc has had in all distributions (with "bsdcompat": "& " as prompt).
 * The others start with less: their settings are in files.
 */
enum { H = 1 << MANNER_HEIRLOOM, B = 1 << MANNER_BSD, G = 1 << MANNER_GNU };

static const struct preset {
	const char *name;
	const char *value;
	uint8_t manners;
} presets[] = {
	{ "append", "", H },
	{ "attrlist", "NU  *PM      ", B },
	{ "attrlist", "NU  *HM      ", G },
	{ "ask", "", H | G },
	{ "autocollapse", "", H },
	{ "bsdcompat", "", H | B },
	{ "crt", "", H | G },
	{ "dot", "", H },
	{ "emptybox", "", H },
	{ "escape", "~", H | B | G },
	{ "header", "", H | B | G },
	{ "hold", "", H },
	{ "indentprefix", "> ", H },
	{ "indentprefix", "\t", G },
	{ "keep", "", H },
	{ "markanswered", "", H },
	{ "newmail", "nopoll", H },
	{ "prompt", "? ", G },
	{ "quote", "", H },
	{ "save", "", H | B | G },
	{ "showname", "", H | G },
	{ "showto", "", H },
	{ "toplines", "5", H | B | G },
};

/* Names of s-nail for the same. */
static const char *own_name(const char *name)
{
	static const char *const names[][2] = {
		{ "mta", "sendmail" },
		{ "mta-arguments", "sendmail-arguments" },
		{ "color-disable", "colour-disable" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!strcmp(name, names[i][0]))
			return names[i][1];
	}
	return name;
}

/* An array whose elements begin with a pointer to their name. */
struct sorted {
	const void *all;
	size_t count;
	size_t each; /* bytes of an element */
	int (*order)(span a, span b);
};

/* Where `name` stands, or belongs; *ret_found says which. */
static size_t place(const struct sorted *s, span name, bool *ret_found)
{
	size_t low = 0;
	size_t high = s->count;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const void *at = (const char *)s->all + middle * s->each;
		int order = s->order(span_str(*(char *const *)at), name);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t var_place(const struct vars *v, const char *name, bool *ret_found)
{
	const struct sorted s = { v->all, v->count, sizeof *v->all, span_cmp };

	return place(&s, span_str(own_name(name)), ret_found);
}

static struct var *var_find(const struct vars *v, const char *name)
{
	bool found;
	size_t i = var_place(v, name, &found);

	return found ? &v->all[i] : NULL;
}

static struct var *var_make(struct vars *v, const char *name)
{
	bool found;
	size_t i = var_place(v, name, &found);

	if (found)
		return &v->all[i];
	v->all = mem_resize(v->all, v->count + 1, sizeof *v->all);
	memmove(&v->all[i + 1], &v->all[i], (v->count - i) * sizeof *v->all);
	v->count++;
	v->all[i] = (struct var){ .name = span_dup(span_str(own_name(name))) };
	return &v->all[i];
}

static void var_put(struct var *var, const char *value, bool fixed)
{
	char *old = var->value;

	var->value = span_dup(span_str(value));
	var->fixed = fixed;
	mem_free(old);
}

struct vars *vars_new(void)
{
	struct vars *v = NEW(struct vars);

	vars_preset(v, MANNER_HEIRLOOM);
	return v;
}

void vars_preset(struct vars *v, enum manner manner)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(presets); i++)
		(void)vars_unset(v, presets[i].name);
	for (i = 0; i < ARRAY_LEN(presets); i++) {
		if (presets[i].manners & (1 << manner))
			vars_set(v, presets[i].name, presets[i].value);
	}
}

void vars_free(struct vars **pv)
{
	struct vars *v = *pv;

	*pv = NULL;
	if (!v)
		return;
	for (size_t i = 0; i < v->count; i++) {
		mem_free(v->all[i].name);
		mem_free(v->all[i].value);
	}
	mem_free(v->all);
	mem_free(v);
}

const char *vars_get(const struct vars *v, const char *name)
{
	const struct var *var = var_find(v, name);

	return var ? var->value : getenv(name);
}

bool vars_is_set(const struct vars *v, const char *name)
{
	return vars_get(v, name) != NULL;
}

uint64_t vars_number(const struct vars *v, const char *name, uint64_t otherwise)
{
	uint64_t n;

	return span_to_u64(span_str(vars_get(v, name)), &n) ? n : otherwise;
}

void vars_set(struct vars *v, const char *name, const char *value)
{
	struct var *var = var_make(v, name);

	if (!var->fixed || v->lenient)
		var_put(var, value, false);
}

void vars_fix(struct vars *v, const char *name, const char *value)
{
	var_put(var_make(v, name), value, true);
}

void vars_fix_unset(struct vars *v, const char *name)
{
	struct var *var = var_make(v, name);

	mem_free(var->value);
	var->value = NULL;
	var->fixed = true;
}

void vars_thaw(struct vars *v)
{
	v->lenient = true;
}

bool vars_unset(struct vars *v, const char *name)
{
	struct var *var = var_find(v, name);
	bool was_set = var && var->value;
	size_t i;

	if (!var || (var->fixed && !v->lenient))
		return was_set;
	i = (size_t)(var - v->all);
	mem_free(var->name);
	mem_free(var->value);
	v->count--;
	memmove(&v->all[i], &v->all[i + 1], (v->count - i) * sizeof *v->all);
	return was_set;
}

void vars_each(const struct vars *v, vars_fn *fn, void *ctx)
{
	for (size_t i = 0; i < v->count; i++) {
		if (v->all[i].value)
			fn(ctx, v->all[i].name, v->all[i].value);
	}
}

/* ---- names ---- */

static size_t name_place(const struct names *n, span name, bool *ret_found)
{
	const struct sorted s = { n->all, n->count, sizeof *n->all,
		span_cmp_nocase };

	return place(&s, name, ret_found);
}

void names_done(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		mem_free(n->all[i]);
	mem_free(n->all);
	*n = (struct names){ 0 };
}

void names_add(struct names *n, span name)
{
	bool found;
	size_t i = name_place(n, name, &found);

	if (found)
		return;
	n->all = mem_resize(n->all, n->count + 1, sizeof *n->all);
	memmove(&n->all[i + 1], &n->all[i], (n->count - i) * sizeof *n->all);
	n->count++;
	n->all[i] = span_dup(name);
}

bool names_drop(struct names *n, span name)
{
	bool found;
	size_t i = name_place(n, name, &found);

	if (!found)
		return false;
	mem_free(n->all[i]);
	n->count--;
	memmove(&n->all[i], &n->all[i + 1], (n->count - i) * sizeof *n->all);
	return true;
}

bool names_has(const struct names *n, span name)
{
	bool found;

	(void)name_place(n, name, &found);
	return found;
}

/* ---- dicts ---- */

static size_t entry_place(const struct dict *d, span name, bool *ret_found)
{
	const struct sorted s = { d->all, d->count, sizeof *d->all, span_cmp };

	return place(&s, name, ret_found);
}

static void entry_done(struct dict_entry *e)
{
	for (size_t i = 0; i < e->count; i++)
		mem_free(e->values[i]);
	mem_free(e->values);
	mem_free(e->name);
}

void dict_done(struct dict *d)
{
	for (size_t i = 0; i < d->count; i++)
		entry_done(&d->all[i]);
	mem_free(d->all);
	*d = (struct dict){ 0 };
}

struct dict_entry *dict_find(const struct dict *d, span name)
{
	bool found;
	size_t i = entry_place(d, name, &found);

	return found ? &d->all[i] : NULL;
}

struct dict_entry *dict_make(struct dict *d, span name)
{
	bool found;
	size_t i = entry_place(d, name, &found);

	if (found)
		return &d->all[i];
	d->all = mem_resize(d->all, d->count + 1, sizeof *d->all);
	memmove(&d->all[i + 1], &d->all[i], (d->count - i) * sizeof *d->all);
	d->count++;
	d->all[i] = (struct dict_entry){ .name = span_dup(name) };
	return &d->all[i];
}

void dict_add(struct dict_entry *e, span value)
{
	/* Room for twice as many, whenever the count is a power of two. */
	if ((e->count & (e->count - 1)) == 0)
		e->values = mem_resize(
		    e->values, e->count ? 2 * e->count : 1, sizeof(char *));
	e->values[e->count++] = span_dup(value);
}

void dict_clear(struct dict_entry *e)
{
	for (size_t i = 0; i < e->count; i++)
		mem_free(e->values[i]);
	mem_free(e->values);
	e->values = NULL;
	e->count = 0;
}

bool dict_drop(struct dict *d, span name)
{
	bool found;
	size_t i = entry_place(d, name, &found);

	if (!found)
		return false;
	entry_done(&d->all[i]);
	d->count--;
	memmove(&d->all[i], &d->all[i + 1], (d->count - i) * sizeof *d->all);
	return true;
}
