/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/user.c - names that the administrator made up.
 *
 * Such a name is valid where it is set, if some value mentions it ("$name"),
 * if smtpd_restriction_classes lists it, or if it belongs to a table that is
 * configured in main.cf (dbms.c). A name that is mentioned but set nowhere is
 * complained about.
 */
#include "conf/expand.h"
#include "conf/setting.h"
#include "tool/postconf/postconf.h"

/* A name, and the service that mentions it; NULL: main.cf does. */
struct mention {
	span name;
	unsigned flags; /* enum name_flags */
	const struct entry *by;
};

static void tell(
    struct postconf *pc, const struct mention *m, const struct entry *where)
{
	static const char *const files[] = { "main.cf", "master.cf:" };
	span by = m->by ? m->by->space : SPAN("");
	span at = where ? where->space : SPAN("");

	info(pc, "$%.*s in %s%.*s validates %.*s=value in %s%.*s", ALL(m->name),
	    files[m->by != NULL], ALL(by), ALL(m->name), files[where != NULL],
	    ALL(at));
}

/* Where it is set: a service, or NULL for main.cf. */
static void validate(
    struct postconf *pc, const struct mention *m, struct entry *where)
{
	struct hmap *names = where ? &where->valid : &pc->names;

	if (name_find(names, m->name))
		return;
	(void)name_add(pc, names, m->name, m->flags);
	if (pc->verbose)
		tell(pc, m, where);
}

static void remember(struct postconf *pc, struct hmap *names, span name)
{
	if (!name_find(names, name))
		(void)name_add(pc, names, name, NAME_USER);
}

/* Where -o sets it. True when some service does. */
static bool mention_services(struct postconf *pc, const struct mention *m)
{
	bool found = false;

	for (size_t i = 0; i < pc->nentries; i++) {
		struct entry *e = &pc->entries[i];

		if (!e->params || !dict_find(e->params, m->name))
			continue;
		found = true;
		validate(pc, m, e);
	}
	return found;
}

void user_mention(
    struct postconf *pc, span name, unsigned flags, struct entry *scope)
{
	const struct mention m = { name, flags, scope };
	bool is_set = false;

	if (scope && dict_find(scope->params, name)) {
		is_set = true;
		validate(pc, &m, scope);
	} else if (dict_find(&pc->main_cf, name)) {
		is_set = true;
		validate(pc, &m, NULL);
	}
	if (!scope && mention_services(pc, &m))
		is_set = true;
	if (!is_set && !(flags & NAME_DBMS) && !name_find(&pc->names, name))
		warn(pc, "%.*s/%s: undefined parameter: %.*s", ALL(pc->dir),
		    scope ? "master.cf" : "main.cf", ALL(name));
}

struct scan {
	struct postconf *pc;
	struct entry *scope;
};

static void on_name(void *ctx, span name)
{
	const struct scan *s = ctx;

	user_mention(s->pc, name, NAME_USER, s->scope);
}

static void scan_value(struct postconf *pc, span value, struct entry *scope)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(EXPAND_MAX);
	struct scan s = { pc, scope };

	if (span_find(value, '$') >= 0 &&
	    expand_scan(value, on_name, &s, &error) != EXPAND_OK)
		warn(pc, "%.*s", ALL(buf_span(&error)));
}

/* The classes that a namespace declares; the global ones are remembered. */
static void mention_classes(
    struct postconf *pc, struct dict *d, struct entry *scope)
{
	span rest = dict_get(d, SPAN("smtpd_restriction_classes"));
	span class;

	if (!rest.ptr)
		return;
	rest = dict_expand(pc, d, scope ? scope->space.ptr : "mail_dict", rest);
	while ((class = span_word(&rest, ", \t\r\n")).len > 0) {
		if (!scope)
			remember(pc, &pc->classes_seen, class);
		user_mention(pc, class, NAME_USER, scope);
	}
}

/* False: nothing more to look for in its value. */
static bool judge_builtin(struct postconf *pc, struct name *n, struct dict *d,
    struct dict_entry *e, const struct entry *scope)
{
	if (n->flags & NAME_READONLY) {
		warn(pc, "%.*s/%s: read-only parameter assignment: %.*s=%.*s",
		    ALL(pc->dir), scope ? "master.cf" : "main.cf", ALL(e->name),
		    ALL(e->value));
		dict_remove(d, e);
		return false;
	}
	/* Now it is the user's, and listed. */
	if (n->flags & NAME_LEGACY)
		n->flags = (n->flags & ~(unsigned)NAME_CLASSES) | NAME_USER;
	return !(n->flags & NAME_RAW);
}

static void scan_setting(struct postconf *pc, struct dict *d,
    struct dict_entry *e, struct entry *scope)
{
	struct name *n;

	if (scope && name_find(&pc->classes_seen, e->name))
		remember(pc, &scope->valid, e->name);
	n = name_find(&pc->names, e->name);
	if (n && !judge_builtin(pc, n, d, e, scope))
		return;
	scan_value(pc, e->value, scope);
	if (n && (n->flags & (NAME_BUILTIN | NAME_SERVICE)))
		dbms_scan(pc, e->value, scope);
}

static void scan_namespace(
    struct postconf *pc, struct dict *d, struct entry *scope)
{
	mention_classes(pc, d, scope);
	for (struct dict_entry *e = d->first; e; e = e->next)
		if (!e->removed)
			scan_setting(pc, d, e, scope);
}

/*
 * Some defaults mention an old name; setting that must not look unused. What
 * is nonsense about this machine ends the command here, as in Postfix.
 */
static void scan_defaults(struct postconf *pc)
{
	value_check_defaults(pc);
	for (struct hnode *n = hmap_each(&pc->names, NULL); n;
	     n = hmap_each(&pc->names, n)) {
		const struct name *name = CONTAINER_OF(n, struct name, by_name);
		span preset = name->preset;

		if (!(name->flags & NAME_RAW) && preset.ptr &&
		    span_find(preset, '$') >= 0 &&
		    !dict_find(&pc->main_cf, name->name))
			scan_value(pc, preset, NULL);
	}
}

/* An earlier line for the same name and type shares its settings. */
static struct dict *params_of_namesake(const struct postconf *pc, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (pc->entries[k].params &&
		    span_eq(pc->entries[k].space, pc->entries[i].space))
			return pc->entries[k].params;
	return NULL;
}

static void collect_params(struct postconf *pc, size_t i)
{
	struct entry *e = &pc->entries[i];
	span name = SPAN_NONE;
	span value = SPAN_NONE;

	e->params = params_of_namesake(pc, i);
	for (size_t k = FIELDS; k < e->count && word_is_option(e->words[k]);
	     k++) {
		if (!word_wants_value(e->words[k]) || k + 1 == e->count)
			continue;
		k++;
		if (!span_eq(e->words[k - 1], SPAN("-o")) ||
		    conf_split_setting(e->words[k], &name, &value))
			continue;
		if (!e->params) {
			e->params = keep_new(pc, 1, sizeof(*e->params));
			dict_init(e->params);
		}
		dict_set(pc, e->params, name, value);
	}
}

void names_add_user(struct postconf *pc)
{
	for (size_t i = 0; i < pc->nentries; i++)
		collect_params(pc, i);
	for (size_t i = 0; i < pc->nentries; i++)
		if (pc->entries[i].params)
			scan_namespace(
			    pc, pc->entries[i].params, &pc->entries[i]);
	scan_defaults(pc);
	scan_namespace(pc, &pc->main_cf, NULL);
}
