/* SPDX-License-Identifier: ISC */
/*
 * conf/notes.c - what the files say and nobody here does.
 *
 * A warning (report->notes) for what the operator should do something about,
 * a remark (report->remarks) for what he may forget. Each name is told once,
 * where it stands first: a parameter that is overridden in five services is
 * one line. Defaults are never told.
 */
#include "conf/conf_internal.h"

#include <stdarg.h>
#include <stdlib.h>

#include "conf/expand.h"
#include "conf/programs.h"
#include "conf/restrictions.h"

enum { NOTES_ENOUGH = 50000 }; /* bytes */

static const char separators[] = ", \t\r\n";

struct name {
	struct hnode by_name;
	span name;
};

/* A remark about a parameter: it belongs to a group with one reason. */
struct remark {
	const char *reason; /* NULL: an old name */
	span name;
	const char *now; /* of an old name: the new one, or NULL */
};

struct noter {
	struct conf *conf;
	struct conf_report *report;
	struct hmap used;   /* names that some value refers to */
	struct hmap tables; /* "x" of ldap:x: x_server_host is its parameter */
	struct hmap told;
	struct remark *remarks;
	size_t nremarks;
	bool full; /* of warnings */
};

/* ---- sets of names ---- */

static bool has_name(const struct hmap *set, span name)
{
	uint64_t hash = hash_bytes(name);
	struct hnode *n = hmap_first(set, hash);

	for (; n; n = hmap_next(n, hash))
		if (span_eq(CONTAINER_OF(n, struct name, by_name)->name, name))
			return true;
	return false;
}

/* False when it was there. */
static bool put_name(struct hmap *set, span name)
{
	struct name *n;

	if (has_name(set, name))
		return false;
	n = NEW(struct name);
	n->name = name;
	hmap_put(set, &n->by_name, hash_bytes(name));
	return true;
}

static void forget_names(struct hmap *set)
{
	struct hnode *n;

	while ((n = hmap_any(set))) {
		hmap_remove(set, n);
		mem_free(CONTAINER_OF(n, struct name, by_name));
	}
	hmap_done(set);
}

/* ---- what values refer to ---- */

static void use_name(void *ctx, span name)
{
	struct noter *n = ctx;

	(void)put_name(&n->used, name);
}

/* Tables whose parameters may stand in main.cf, as was usual before 2.2. */
static void gather_tables(struct noter *n, span value)
{
	static const span types[] = {
		SPAN_INIT("ldap:"),
		SPAN_INIT("memcache:"),
		SPAN_INIT("mongodb:"),
		SPAN_INIT("mysql:"),
		SPAN_INIT("pgsql:"),
		SPAN_INIT("redis:"),
		SPAN_INIT("sqlite:"),
	};
	span word;

	if (span_find(value, ':') < 0)
		return;
	while ((word = span_word(&value, separators)).len > 0) {
		(void)span_skip(&word, SPAN("proxy:"));
		for (size_t i = 0; i < ARRAY_LEN(types); i++)
			if (span_skip(&word, types[i]) && word.len > 0 &&
			    word.ptr[0] != '/')
				(void)put_name(&n->tables, word);
	}
}

static void gather_value(struct noter *n, span value)
{
	expand_names(value, use_name, n);
	gather_tables(n, value);
}

static void gather(struct noter *n)
{
	span classes =
	    conf_value(n->conf, CONF_MAIN, SPAN("smtpd_restriction_classes"));
	struct hnode *h = NULL;
	span word;

	while ((h = hmap_each(&n->conf->settings, h)))
		gather_value(
		    n, CONTAINER_OF(h, struct setting, by_name)->value);
	for (uint32_t i = 0; i < n->conf->nservices; i++) {
		const struct conf_service *s = &n->conf->services[i];

		for (uint32_t k = 0; k < s->noverrides; k++)
			gather_value(n, s->overrides[k].value);
	}
	while ((word = span_word(&classes, separators)).len > 0)
		use_name(n, word);
}

/* ---- parameters ---- */

/* "TABLE_name" of a table that some value names. */
static bool is_table_param(const struct noter *n, span name)
{
	for (size_t i = 1; n->tables.count > 0 && i < name.len; i++)
		if (name.ptr[i] == '_' &&
		    has_name(&n->tables, span_first(name, i)))
			return true;
	return false;
}

/*
 * "TRANSPORT_suffix", for a service of master.cf: the parameter whose value
 * it overrides for that transport.
 */
static const struct param *transport_param(
    const struct noter *n, span name, const struct program **ret)
{
	for (uint32_t i = 0; i < n->conf->nservices; i++) {
		span rest = name;

		if (span_skip(&rest, n->conf->services[i].name) &&
		    span_skip(&rest, SPAN("_")) &&
		    param_is_transport_suffix(rest)) {
			*ret = program_find(n->conf->services[i].command);
			return param_of_transport(rest);
		}
	}
	return NULL;
}

/* Set to what we do anyway. */
static bool is_harmless(const struct param *p, span value)
{
	return value.len == 0 || span_eq(value, span_str(p->preset)) ||
	    span_eq_nocase(value, SPAN("no")) ||
	    span_eq_nocase(value, SPAN("none"));
}

static void put_remark(struct noter *n, struct remark remark)
{
	n->remarks =
	    mem_resize(n->remarks, n->nremarks + 1, sizeof(*n->remarks));
	n->remarks[n->nremarks++] = remark;
}

/* Thousands of mistakes of one kind need not all be told. */
static bool is_full(struct noter *n)
{
	struct buf *out = &n->report->notes;

	if (out->len < NOTES_ENOUGH)
		return false;
	if (!n->full)
		buf_printf(
		    out, "%.*s: and more of this kind\n", PRI(n->conf->dir));
	n->full = true;
	return true;
}

PRINTF_LIKE(4, 5)
static void warn(
    struct noter *n, uint32_t service, span name, const char *format, ...)
{
	struct buf *out = &n->report->notes;
	va_list ap;
	char text[1024];

	if (is_full(n) || !put_name(&n->told, name))
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	conf_put_place(n->conf, service, name, out);
	buf_printf(out, "%s\n", text);
}

static void note_known(
    struct noter *n, uint32_t service, span name, const struct param *p)
{
	span value = conf_set_value(n->conf, service, name);

	if (p->status == PARAM_MISSING && !is_harmless(p, value))
		warn(n, service, name, "%.*s is not supported: %s", PRI(name),
		    p->note);
	else if (p->status == PARAM_IDLE &&
	    !span_eq(value, span_str(p->preset)) && put_name(&n->told, name))
		put_remark(n, (struct remark){ p->note, name, NULL });
}

/* Old names that act do so because a default refers to them. */
static void note_old(
    struct noter *n, uint32_t service, span name, const struct param_old *old)
{
	if (!old->now)
		warn(n, service, name, "%s is not a parameter any more: %s",
		    old->name, old->note);
	else if (put_name(&n->told, name))
		put_remark(n, (struct remark){ NULL, name, old->now });
}

/* Words of a list of restrictions, or of a class of them. */
static void note_restrictions(struct noter *n, uint32_t service, span name)
{
	span value = conf_set_value(n->conf, service, name);
	span word;

	if (!span_has_suffix_nocase(name, SPAN("_restrictions")) &&
	    (param_find(name) || !has_name(&n->used, name)))
		return;
	while ((word = span_word(&value, separators)).len > 0) {
		const struct old_restriction *old = restriction_find_old(word);

		if (!old || has_name(&n->told, word))
			continue;
		if (old->now) {
			(void)put_name(&n->told, word);
			put_remark(n, (struct remark){ NULL, word, old->now });
		} else if (!is_full(n)) {
			(void)put_name(&n->told, word);
			conf_put_place(
			    n->conf, service, name, &n->report->notes);
			buf_printf(&n->report->notes,
			    "support for restriction \"%s\" %s\n", old->name,
			    old->note);
		}
	}
}

static void note_name(struct noter *n, uint32_t service, span name)
{
	const struct param *p = param_find(name);
	const struct param_old *old = param_find_old(name);
	const struct program *program = NULL;
	span value;

	if (!p)
		p = transport_param(n, name, &program);
	/* A program that is missing is told about itself. */
	if (program && program->fate == PROGRAM_MISSING)
		return;
	if (p) {
		note_known(n, service, name, p);
		return;
	}
	if (old) {
		note_old(n, service, name, old);
		return;
	}
	if (has_name(&n->used, name) || is_table_param(n, name))
		return;
	value = conf_set_value(n->conf, service, name);
	warn(n, service, name, "unused parameter: %.*s=%.*s",
	    PRI(span_first(name, 200)), PRI(span_first(value, 200)));
}

static int by_line(const void *a, const void *b)
{
	const struct setting *const *left = a;
	const struct setting *const *right = b;

	return ((*left)->line > (*right)->line) -
	    ((*left)->line < (*right)->line);
}

static void note_main(struct noter *n)
{
	size_t count = 0;
	const struct setting **all = mem_new(
	    n->conf->settings.count + 1, sizeof(const struct setting *));
	struct hnode *h = NULL;

	while ((h = hmap_each(&n->conf->settings, h)))
		all[count++] = CONTAINER_OF(h, struct setting, by_name);
	qsort(all, count, sizeof(all[0]), by_line);
	for (size_t i = 0; i < count; i++) {
		note_name(n, CONF_MAIN, all[i]->name);
		note_restrictions(n, CONF_MAIN, all[i]->name);
	}
	mem_free(all);
}

static void note_overrides(struct noter *n)
{
	for (uint32_t i = 0; i < n->conf->nservices; i++) {
		const struct conf_service *s = &n->conf->services[i];

		for (uint32_t k = 0; k < s->noverrides; k++) {
			note_name(n, i, s->overrides[k].name);
			note_restrictions(n, i, s->overrides[k].name);
		}
	}
}

/* ---- remarks, a line for each reason ---- */

static int by_reason(const void *a, const void *b)
{
	const struct remark *left = a;
	const struct remark *right = b;
	int r = !!left->reason - !!right->reason;

	if (r == 0 && left->reason)
		r = strcmp(left->reason, right->reason);
	return r ? r : span_cmp(left->name, right->name);
}

static bool same_reason(const struct remark *a, const struct remark *b)
{
	if (!a->reason || !b->reason)
		return a->reason == b->reason;
	return strcmp(a->reason, b->reason) == 0;
}

/* Those from `first` on that have its reason; returns the next one. */
static size_t put_group(struct noter *n, size_t first)
{
	const struct remark *r = n->remarks;
	struct buf *out = &n->report->remarks;
	size_t i = first;

	buf_printf(out, "%.*s/main.cf: %s", PRI(n->conf->dir),
	    r[first].reason ? "without effect here:" : "old names:");
	for (; i < n->nremarks && same_reason(&r[first], &r[i]); i++) {
		buf_printf(
		    out, "%s %.*s", i > first ? "," : "", PRI(r[i].name));
		if (r[i].now)
			buf_printf(out, " (now %s)", r[i].now);
	}
	if (r[first].reason)
		buf_printf(out, " (%s)", r[first].reason);
	buf_putc(out, '\n');
	return i;
}

static void put_remarks(struct noter *n)
{
	if (n->nremarks > 0)
		qsort(
		    n->remarks, n->nremarks, sizeof(n->remarks[0]), by_reason);
	for (size_t i = 0; i < n->nremarks;)
		i = put_group(n, i);
}

/* ---- services ---- */

/* The services with the program of this one. */
static void put_services(
    const struct conf *conf, uint32_t first, struct buf *out)
{
	const struct conf_service *s = conf->services;

	for (uint32_t i = first; i < conf->nservices; i++)
		if (span_eq(s[i].command, s[first].command))
			buf_printf(out, "%s%.*s", i > first ? ", " : "",
			    PRI(s[i].name));
}

static void note_program(struct noter *n, uint32_t i, struct buf *inside)
{
	const struct conf_service *s = &n->conf->services[i];
	const struct program *p = program_find(s->command);
	struct buf *out = &n->report->notes;

	if (p->fate == PROGRAM_INSIDE)
		buf_printf(
		    inside, "%s%s", inside->len > 0 ? ", " : "", p->name);
	if (p->fate != PROGRAM_MISSING || is_full(n))
		return;
	buf_printf(out, "%.*s/master.cf: line %u: %.*s is not supported: %s (",
	    PRI(n->conf->dir), s->line, PRI(span_first(s->command, 100)),
	    p->note);
	put_services(n->conf, i, out);
	buf_put(out, SPAN(")\n"));
}

static void note_smtpd(struct noter *n, const struct conf_service *s)
{
	if (s->type == CONF_INET || !span_eq(s->command, SPAN("smtpd")) ||
	    is_full(n))
		return;
	buf_printf(&n->report->notes,
	    "%.*s/master.cf: line %u: smtpd is not supported here: it listens "
	    "on services of type inet (%.*s)\n",
	    PRI(n->conf->dir), s->line, PRI(s->name));
}

/* The headers that smtp(8) adds for a last hop: "flags=DORX". */
static void note_words(struct noter *n, const struct conf_service *s)
{
	bool adds = span_eq(s->command, SPAN("smtp")) ||
	    span_eq(s->command, SPAN("lmtp"));

	if (s->nargs == 0 || !adds || is_full(n))
		return;
	buf_printf(&n->report->notes,
	    "%.*s/master.cf: line %u: %.*s of %.*s is not supported: let the "
	    "next hop add these headers (%.*s)\n",
	    PRI(n->conf->dir), s->line, PRI(span_first(s->args[0], 100)),
	    PRI(s->command), PRI(s->name));
}

static bool is_verbose(const struct conf *conf)
{
	for (uint32_t i = 0; i < conf->nservices; i++)
		if (conf->services[i].verbose > 0)
			return true;
	return false;
}

/* Each program once, however many services have it. */
static void note_programs(struct noter *n)
{
	CLEANUP(buf_done) struct buf inside = BUF_INIT(1024);
	struct hmap programs;

	hmap_init(&programs);
	for (uint32_t i = 0; i < n->conf->nservices; i++) {
		const struct conf_service *s = &n->conf->services[i];

		note_smtpd(n, s);
		note_words(n, s);
		if (put_name(&programs, s->command))
			note_program(n, i, &inside);
	}
	forget_names(&programs);
	if (is_verbose(n->conf))
		buf_printf(&n->report->remarks,
		    "%.*s/master.cf: without effect here: -v (there is one "
		    "level of logging; record a session with tcpdump)\n",
		    PRI(n->conf->dir));
	if (inside.len > 0)
		buf_printf(&n->report->remarks,
		    "%.*s/master.cf: no process of its own here: %.*s\n",
		    PRI(n->conf->dir), PRI(buf_span(&inside)));
}

void conf_note(struct conf *conf, struct conf_report *report)
{
	struct noter n = { .conf = conf, .report = report };

	hmap_init(&n.used);
	hmap_init(&n.tables);
	hmap_init(&n.told);
	gather(&n);
	note_main(&n);
	note_overrides(&n);
	note_programs(&n);
	put_remarks(&n);
	mem_free(n.remarks);
	forget_names(&n.used);
	forget_names(&n.tables);
	forget_names(&n.told);
}
