/* SPDX-License-Identifier: ISC */
/*
 * conf/check.c - is every value one that the daemons can work with?
 *
 * Everything that is set is expanded, and every parameter that acts is
 * converted, once for main.cf and once for each service with overrides. What
 * is wrong stops us here, with the place, the value and a remedy; after this,
 * a typed value cannot fail (conf/load.c). What is merely useless becomes a
 * note.
 */
#include "conf/conf_internal.h"

#include "conf/expand.h"

struct checker {
	struct conf *conf;
	struct conf_report *report;
	struct hmap mentioned; /* names that some value refers to */
};

struct mention {
	struct hnode by_name;
	span name;
};

/* Where the value of a parameter for a service stands. */
static void put_place(
    struct checker *c, uint32_t service, span name, struct buf *out)
{
	const struct setting *s = conf_setting(c->conf, name);

	if (conf_override_of(c->conf, service, name))
		buf_printf(out, "%.*s/master.cf: line %u: ", PRI(c->conf->dir),
		    conf_service(c->conf, service)->line);
	else if (s)
		buf_printf(
		    out, "%.*s/main.cf, line %u: ", PRI(c->conf->dir), s->line);
	else
		buf_printf(out, "%.*s/main.cf: default of ", PRI(c->conf->dir));
}

static void put_remedy(const struct param *p, struct buf *out)
{
	static const char *const shapes[] = {
		[PARAM_STR] = "a text",
		[PARAM_RAW] = "a text",
		[PARAM_BOOL] = "yes or no",
		[PARAM_INT] = "a whole number",
		[PARAM_LONG] = "a whole number",
		[PARAM_TIME] = "a number with s, m, h, d or w behind it",
	};
	bool text = p->kind == PARAM_STR || p->kind == PARAM_RAW;
	const char *unit = p->kind == PARAM_TIME ? "s" : "";

	buf_printf(out, "; write %s", shapes[p->kind]);
	if (text && p->min > 0)
		buf_printf(out, " that is not empty");
	else if (!text && p->min > 0)
		buf_printf(
		    out, ", at least %llu%s", (unsigned long long)p->min, unit);
	if (p->max > 0)
		buf_printf(out, ", at most %llu%s%s",
		    (unsigned long long)p->max, unit,
		    text ? " characters" : "");
}

static const char *complaint(const struct param *p)
{
	switch ((enum param_kind)p->kind) {
	case PARAM_BOOL:
		return "bad boolean configuration";
	case PARAM_INT:
	case PARAM_LONG:
		return "bad numerical configuration";
	case PARAM_TIME:
		return "bad time configuration";
	case PARAM_STR:
	case PARAM_RAW:
		return "bad string length";
	}
	bug("parameter kind %d", p->kind);
}

static bool check_param(
    struct checker *c, uint32_t service, const struct param *p)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(CONF_VALUE_MAX);
	CLEANUP(buf_done) struct buf why = BUF_INIT(1024);
	struct buf *error = &c->report->error;
	span name = span_str(p->name);
	uint64_t n;

	if (!conf_put_value(c->conf, service, name, &value, &why)) {
		put_place(c, service, name, error);
		buf_printf(error, "%s: %.*s", p->name, PRI(buf_span(&why)));
		return false;
	}
	if (p->status != PARAM_ACTS || conf_convert(p, buf_span(&value), &n))
		return true;
	put_place(c, service, name, error);
	buf_printf(error, "%s: %s = %.*s", complaint(p), p->name,
	    PRI(span_first(buf_span(&value), 200)));
	put_remedy(p, error);
	return false;
}

/*
 * Those that act, whether they are set or get their value from others. What
 * is set was checked before, so that a mistake is told where it stands.
 */
static bool check_params(struct checker *c, uint32_t service)
{
	size_t n;
	const struct param *all = params_all(&n);

	for (size_t i = 0; i < n; i++)
		if (all[i].status == PARAM_ACTS &&
		    !check_param(c, service, &all[i]))
			return false;
	return true;
}

/* A name that is set must expand, and convert if the registry has it. */
static bool check_set(struct checker *c, uint32_t service, span name)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(CONF_VALUE_MAX);
	CLEANUP(buf_done) struct buf why = BUF_INIT(1024);
	const struct param *p = param_find(name);

	if (p)
		return check_param(c, service, p);
	if (conf_put_value(c->conf, service, name, &value, &why))
		return true;
	put_place(c, service, name, &c->report->error);
	buf_printf(
	    &c->report->error, "%.*s: %.*s", PRI(name), PRI(buf_span(&why)));
	return false;
}

static bool check_services(struct checker *c)
{
	for (uint32_t i = 0; i < c->conf->nservices; i++) {
		const struct conf_service *s = &c->conf->services[i];

		for (uint32_t k = 0; k < s->noverrides; k++)
			if (!check_set(c, i, s->overrides[k].name))
				return false;
		if (s->noverrides > 0 && !check_params(c, i))
			return false;
	}
	return true;
}

static bool is_mentioned(const struct checker *c, span name)
{
	uint64_t hash = hash_bytes(name);
	struct hnode *n = hmap_first(&c->mentioned, hash);

	for (; n; n = hmap_next(n, hash))
		if (span_eq(
		        CONTAINER_OF(n, struct mention, by_name)->name, name))
			return true;
	return false;
}

static void mention(void *ctx, span name)
{
	struct checker *c = ctx;
	struct mention *m;

	if (is_mentioned(c, name))
		return;
	m = NEW(struct mention);
	m->name = name;
	hmap_put(&c->mentioned, &m->by_name, hash_bytes(name));
}

static void forget_mentions(struct checker *c)
{
	struct hnode *n;

	while ((n = hmap_any(&c->mentioned))) {
		hmap_remove(&c->mentioned, n);
		mem_free(CONTAINER_OF(n, struct mention, by_name));
	}
	hmap_done(&c->mentioned);
}

static void gather_mentions(struct checker *c)
{
	span classes =
	    conf_value(c->conf, CONF_MAIN, SPAN("smtpd_restriction_classes"));
	struct hnode *n = NULL;
	span word;

	while ((n = hmap_each(&c->conf->settings, n)))
		expand_names(CONTAINER_OF(n, struct setting, by_name)->value,
		    mention, c);
	for (uint32_t i = 0; i < c->conf->nservices; i++) {
		const struct conf_service *s = &c->conf->services[i];

		for (uint32_t k = 0; k < s->noverrides; k++)
			expand_names(s->overrides[k].value, mention, c);
	}
	while ((word = span_word(&classes, ", \t\r\n")).len > 0)
		mention(c, word);
}

/* TRANSPORT_suffix, for a service of master.cf. */
static bool is_transport_param(const struct checker *c, span name)
{
	for (uint32_t i = 0; i < c->conf->nservices; i++) {
		span rest = name;

		if (span_skip(&rest, c->conf->services[i].name) &&
		    span_skip(&rest, SPAN("_")) &&
		    param_is_transport_suffix(rest))
			return true;
	}
	return false;
}

/* A parameter that we do not serve, set to what we do anyway. */
static bool is_harmless(const struct param *p, span value)
{
	return value.len == 0 || span_eq(value, span_str(p->preset)) ||
	    span_eq_nocase(value, SPAN("no")) ||
	    span_eq_nocase(value, SPAN("none"));
}

/* Something was written for this name: is it any use? */
static void note_use(struct checker *c, uint32_t service, span name)
{
	CLEANUP(buf_done) struct buf place = BUF_INIT(1024);
	const struct param *p = param_find(name);
	span value = conf_set_value(c->conf, service, name);

	put_place(c, service, name, &place);
	if (p && p->status == PARAM_MISSING && !is_harmless(p, value))
		buf_printf(&c->report->notes, "%.*s%s is not supported: %s\n",
		    PRI(buf_span(&place)), p->name, p->note);
	else if (!p && !is_mentioned(c, name) && !is_transport_param(c, name))
		buf_printf(&c->report->notes,
		    "%.*sunused parameter: %.*s=%.*s\n", PRI(buf_span(&place)),
		    PRI(name), PRI(span_first(value, 200)));
}

static void note_services(struct checker *c)
{
	for (uint32_t i = 0; i < c->conf->nservices; i++) {
		const struct conf_service *s = &c->conf->services[i];

		for (uint32_t k = 0; k < s->noverrides; k++)
			note_use(c, i, s->overrides[k].name);
	}
}

static bool check_settings(struct checker *c)
{
	struct hnode *n = NULL;

	while ((n = hmap_each(&c->conf->settings, n))) {
		span name = CONTAINER_OF(n, struct setting, by_name)->name;

		if (!check_set(c, CONF_MAIN, name))
			return false;
		note_use(c, CONF_MAIN, name);
	}
	return true;
}

bool conf_check(struct conf *conf, struct conf_report *report)
{
	struct checker c = { .conf = conf, .report = report };
	bool ok;

	hmap_init(&c.mentioned);
	gather_mentions(&c);
	ok = check_settings(&c) && check_params(&c, CONF_MAIN) &&
	    check_services(&c);
	if (ok)
		note_services(&c);
	forget_mentions(&c);
	return ok;
}
