/* SPDX-License-Identifier: ISC */
/*
 * conf/check.c - is every value one that the daemons can work with?
 *
 * Everything that is set is expanded and, if it is a parameter, converted; so
 * is what acts by default; once for main.cf and once for each service with
 * overrides. What
 * is wrong stops us here, with the place, the value and a remedy; after this,
 * a typed value cannot fail (conf/load.c). What is merely useless is told by
 * conf/notes.c.
 */
#include "conf/conf_internal.h"

#include "conf/special.h"
#include "conf/value.h"

struct checker {
	struct conf *conf;
	struct conf_report *report;
};

void conf_put_place(
    const struct conf *conf, uint32_t service, span name, struct buf *out)
{
	const struct setting *s = conf_setting(conf, name);

	buf_put(out, conf->dir);
	if (conf_override_of(conf, service, name))
		buf_printf(out,
		    "/master.cf: line %u: ", conf_service(conf, service)->line);
	else if (s)
		buf_printf(out, "/main.cf, line %u: ", s->line);
	else
		buf_printf(out, "/main.cf: by its default: ");
}

static void put_place(
    struct checker *c, uint32_t service, span name, struct buf *out)
{
	conf_put_place(c->conf, service, name, out);
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

/* Not a value of this kind: in the words of Postfix. */
static void put_no_value(const struct param *p, span value, struct buf *out)
{
	const char *kind = p->kind == PARAM_BOOL ? "boolean" : "numerical";
	span digits = value;
	uint64_t n;

	if ((p->kind == PARAM_INT || p->kind == PARAM_LONG) &&
	    span_skip(&digits, SPAN("-")) && conf_parse_number(digits, &n))
		buf_printf(out, "invalid %s parameter value %.*s < %llu",
		    p->name, PRI(value), (unsigned long long)p->min);
	else if (p->kind == PARAM_TIME)
		buf_printf(out, "parameter %s: bad time value or unit: %.*s",
		    p->name, PRI(value));
	else
		buf_printf(out, "bad %s configuration: %s = %.*s", kind,
		    p->name, PRI(value));
}

static void put_out_of_range(
    const struct param *p, span value, uint64_t n, struct buf *out)
{
	bool small = n < p->min;
	unsigned long long is = n;
	unsigned long long limit = small ? p->min : p->max;
	char sign = small ? '<' : '>';

	if (p->kind == PARAM_TIME)
		buf_printf(out, "invalid %s: %llu (%s %llu)", p->name, is,
		    small ? "min" : "max", limit);
	else if (p->kind == PARAM_INT || p->kind == PARAM_LONG)
		buf_printf(out, "invalid %s parameter value %llu %c %llu",
		    p->name, is, sign, limit);
	else
		buf_printf(out, "bad string length %llu %c %llu: %s = %.*s", is,
		    sign, limit, p->name, PRI(value));
}

static bool check_special(
    struct checker *c, uint32_t service, span name, span value)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT(2048);

	if (special_check(name, value, &why))
		return true;
	put_place(c, service, name, &c->report->error);
	buf_put(&c->report->error, buf_span(&why));
	return false;
}

static bool check_param(
    struct checker *c, uint32_t service, const struct param *p)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(CONF_VALUE_MAX);
	CLEANUP(buf_done) struct buf why = BUF_INIT(1024);
	struct buf *error = &c->report->error;
	span name = span_str(p->name);
	enum conf_fit fit;
	uint64_t n;

	if (!conf_put_value(c->conf, service, name, &value, &why)) {
		put_place(c, service, name, error);
		buf_printf(error, "%s: %.*s", p->name, PRI(buf_span(&why)));
		return false;
	}
	if (p->status != PARAM_ACTS &&
	    !conf_set_value(c->conf, service, name).ptr)
		return true;
	fit = conf_fit(p, buf_span(&value), &n);
	if (fit == CONF_FITS)
		return check_special(c, service, name, buf_span(&value));
	put_place(c, service, name, error);
	if (fit == CONF_NO_VALUE)
		put_no_value(p, span_first(buf_span(&value), 200), error);
	else
		put_out_of_range(
		    p, span_first(buf_span(&value), 200), n, error);
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

static bool check_settings(struct checker *c)
{
	struct hnode *n = NULL;

	while ((n = hmap_each(&c->conf->settings, n)))
		if (!check_set(c, CONF_MAIN,
		        CONTAINER_OF(n, struct setting, by_name)->name))
			return false;
	return true;
}

bool conf_check(struct conf *conf, struct conf_report *report)
{
	struct checker c = { .conf = conf, .report = report };

	return check_settings(&c) && check_params(&c, CONF_MAIN) &&
	    check_services(&c);
}
