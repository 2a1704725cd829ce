/* SPDX-License-Identifier: ISC */
/*
 * conf/load.c - typed values: one at a time, or a struct from a table.
 */
#include "conf/conf_internal.h"
#include "conf/value.h"

/* Last letter of the preset: "5d", "${stress?{10}:{300}}s". */
static char preset_unit(const struct param *p)
{
	return p->preset[strlen(p->preset) - 1];
}

/*
 * Where there is no least value, Postfix takes what is below zero for zero:
 * "no limit" mostly.
 */
static bool parse_number(const struct param *p, span value, uint64_t *ret)
{
	span digits = value;

	if (p->min > 0 || !span_skip(&digits, SPAN("-")))
		return conf_parse_number(value, ret);
	if (!conf_parse_number(digits, ret))
		return false;
	*ret = 0;
	return true;
}

static bool parse(const struct param *p, span value, uint64_t *ret)
{
	bool yes = false;

	switch ((enum param_kind)p->kind) {
	case PARAM_STR:
	case PARAM_RAW:
		*ret = value.len;
		return true;
	case PARAM_BOOL:
		if (!conf_parse_bool(value, &yes))
			return false;
		*ret = yes;
		return true;
	case PARAM_INT:
		return parse_number(p, value, ret) && *ret <= INT32_MAX;
	case PARAM_LONG:
		return parse_number(p, value, ret);
	case PARAM_TIME:
		if (!conf_parse_duration(value, preset_unit(p), ret))
			return false;
		*ret /= USEC_SEC;
		return true;
	}
	bug("parameter kind %d", p->kind);
}

enum conf_fit conf_fit(const struct param *p, span value, uint64_t *ret)
{
	if (!parse(p, value, ret))
		return CONF_NO_VALUE;
	if (p->kind == PARAM_BOOL)
		return CONF_FITS;
	if (*ret < p->min)
		return CONF_TOO_SMALL;
	return p->max > 0 && *ret > p->max ? CONF_TOO_LARGE : CONF_FITS;
}

bool conf_convert(const struct param *p, span value, uint64_t *ret)
{
	if (conf_fit(p, value, ret) != CONF_FITS)
		return false;
	if (p->kind == PARAM_TIME)
		*ret *= USEC_SEC;
	return true;
}

static const struct param *must_find(span name, unsigned kinds)
{
	const struct param *p = param_find(name);

	if (!p)
		bug("no parameter \"%.*s\"", PRI(name));
	if (!(kinds & 1u << p->kind))
		bug("parameter \"%.*s\" is of another kind", PRI(name));
	/* Values of others were not checked; and they should say that they
	 * act as soon as they do. */
	if (p->status != PARAM_ACTS && !(kinds & 1u << PARAM_STR))
		bug("parameter \"%.*s\" is loaded, but not registered as "
		    "acting in conf/params.def",
		    PRI(name));
	return p;
}

static uint64_t typed_value(
    struct conf *conf, uint32_t service, const struct param *p)
{
	span name = span_str(p->name);
	span value = conf_value(conf, service, name);
	uint64_t n;

	/* conf_check() has seen to it. */
	if (!conf_convert(p, value, &n))
		bug("unchecked value: %s = %.*s", p->name, PRI(value));
	return n;
}

bool conf_bool(struct conf *conf, uint32_t service, span name)
{
	return typed_value(conf, service, must_find(name, 1u << PARAM_BOOL));
}

uint64_t conf_number(struct conf *conf, uint32_t service, span name)
{
	return typed_value(
	    conf, service, must_find(name, 1u << PARAM_INT | 1u << PARAM_LONG));
}

usec conf_duration(struct conf *conf, uint32_t service, span name)
{
	return typed_value(conf, service, must_find(name, 1u << PARAM_TIME));
}

static void load_field(
    struct conf *conf, uint32_t service, const struct conf_field *f, char *to)
{
	span name = span_str(f->name);

	switch (f->kind) {
	case CONF_KIND_STR:
		(void)must_find(name, 1u << PARAM_STR | 1u << PARAM_RAW);
		*(span *)(void *)to = conf_value(conf, service, name);
		break;
	case CONF_KIND_BOOL:
		*(bool *)(void *)to = conf_bool(conf, service, name);
		break;
	case CONF_KIND_U32:
		(void)must_find(name, 1u << PARAM_INT);
		*(uint32_t *)(void *)to =
		    (uint32_t)conf_number(conf, service, name);
		break;
	case CONF_KIND_U64:
		*(uint64_t *)(void *)to = conf_number(conf, service, name);
		break;
	case CONF_KIND_USEC:
		*(usec *)(void *)to = conf_duration(conf, service, name);
		break;
	}
}

void conf_load(struct conf *conf, uint32_t service,
    const struct conf_field *fields, size_t n, void *ret_struct)
{
	for (size_t i = 0; i < n; i++)
		load_field(conf, service, &fields[i],
		    (char *)ret_struct + fields[i].offset);
}
