/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/value.c - what a parameter is worth.
 *
 * In this order: what is known of a service (its name, its program), its -o,
 * main.cf, the default. With -d only defaults count, with -n only the rest.
 */
#include <stdlib.h>
#include <unistd.h>

#include "conf/expand.h"
#include "conf/networks.h"
#include "tool/postconf/postconf.h"

/* What main.cf alone makes of it; ptr == NULL: it is not set there. */
static span main_value(struct postconf *pc, const char *name)
{
	span value = dict_get(&pc->main_cf, span_str(name));

	return value.ptr ? dict_expand(pc, &pc->main_cf, "mail_dict", value)
	                 : value;
}

/* A parameter that decides on another one's default. */
static span chosen(struct postconf *pc, const char *name)
{
	span value = main_value(pc, name);

	if (value.ptr && !(pc->mode & SHOW_DEFS))
		return value;
	value = span_str(param_find(span_str(name))->preset);
	return value_expand(pc, pc->mode, value, NULL);
}

static span default_myhostname(struct postconf *pc)
{
	char host[256] = "";
	span domain;

	if (pc->myhostname.ptr)
		return pc->myhostname;
	(void)gethostname(host, sizeof(host) - 1);
	pc->myhostname = keep(pc, span_str(host));
	if (span_find(pc->myhostname, '.') >= 0)
		return pc->myhostname;
	domain = main_value(pc, "mydomain");
	if (!domain.ptr)
		domain = SPAN("localdomain");
	pc->myhostname = keep_joined(pc, pc->myhostname, SPAN("."), domain);
	return pc->myhostname;
}

static span default_mydomain(struct postconf *pc)
{
	span host;
	ssize_t dot;

	if (pc->mydomain.ptr)
		return pc->mydomain;
	host = main_value(pc, "myhostname");
	if (!host.ptr)
		host = default_myhostname(pc);
	dot = span_find(host, '.');
	pc->mydomain =
	    dot < 0 ? SPAN("localdomain") : span_from(host, (size_t)dot + 1);
	return pc->mydomain;
}

static void check_words(
    struct postconf *pc, const char *what, span text, const char *const *known)
{
	span rest = text;
	span word;

	while ((word = span_word(&rest, ", \t\r\n")).len > 0) {
		size_t i = 0;

		while (known[i] && !span_eq(word, span_str(known[i])))
			i++;
		if (!known[i])
			fatal(pc, "unknown %s value \"%.*s\" in \"%.*s\"", what,
			    ALL(word), ALL(text));
	}
}

/* What decides on the default of mynetworks. */
struct choice {
	span interfaces;
	span style;
	span protocols;
};

static struct choice choose(struct postconf *pc)
{
	static const char *const styles[] = { "class", "subnet", "host", NULL };
	static const char *const families[] = { "all", "ipv4", "ipv6", NULL };
	struct choice c;

	c.interfaces = chosen(pc, "inet_interfaces");
	c.style = chosen(pc, "mynetworks_style");
	c.protocols = chosen(pc, "inet_protocols");
	check_words(pc, "inet_protocols", c.protocols, families);
	check_words(pc, "mynetworks mask style", c.style, styles);
	return c;
}

void value_check_defaults(struct postconf *pc)
{
	if (!dict_find(&pc->main_cf, SPAN("mydomain")))
		(void)default_mydomain(pc);
	if (!dict_find(&pc->main_cf, SPAN("myhostname")))
		(void)default_myhostname(pc);
	if (!dict_find(&pc->main_cf, SPAN("mynetworks")))
		(void)choose(pc);
}

static span default_mynetworks(struct postconf *pc)
{
	CLEANUP(buf_done) struct buf list = BUF_INIT(EXPAND_MAX);
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	struct choice c;

	if (pc->mynetworks.ptr)
		return pc->mynetworks;
	c = choose(pc);
	if (conf_networks(c.interfaces, c.protocols, c.style, &list, &error) !=
	    CONF_OK)
		fatal(pc,
		    "config variable inet_interfaces: host not found: %.*s",
		    ALL(buf_span(&error)));
	/* As in Postfix, a blank follows each network. */
	if (list.len > 0)
		buf_putc(&list, ' ');
	pc->mynetworks = keep(pc, buf_span(&list));
	return pc->mynetworks;
}

static span default_process_name(struct postconf *pc)
{
	span name = span_str(pc->program);

	return span_from(name, (size_t)(span_rfind(name, '/') + 1));
}

static span default_process_id(struct postconf *pc)
{
	CLEANUP(buf_done) struct buf id = BUF_INIT(32);

	buf_put_u64(&id, (uint64_t)getpid());
	return keep(pc, buf_span(&id));
}

static span default_config_directory(struct postconf *pc)
{
	return keep(pc, span_str(conf_preset_dir()));
}

static const struct {
	span name;
	span (*make)(struct postconf *pc);
} computed[] = {
	{ SPAN_INIT("config_directory"), default_config_directory },
	{ SPAN_INIT("mydomain"), default_mydomain },
	{ SPAN_INIT("myhostname"), default_myhostname },
	{ SPAN_INIT("mynetworks"), default_mynetworks },
	{ SPAN_INIT("process_id"), default_process_id },
	{ SPAN_INIT("process_name"), default_process_name },
};

span value_default(struct postconf *pc, const struct name *n)
{
	for (size_t i = 0; i < ARRAY_LEN(computed); i++)
		if (span_eq(computed[i].name, n->name))
			return computed[i].make(pc);
	return n->preset;
}

/* What no setting can change. */
static span service_fact(const struct entry *scope, span name)
{
	span command = scope->words[FIELD_COMMAND];

	if (span_eq(name, SPAN("service_name")))
		return scope->words[FIELD_SERVICE];
	if (span_eq(name, SPAN("process_name")))
		return span_from(
		    command, (size_t)(span_rfind(command, '/') + 1));
	return SPAN_NONE;
}

static span set_value(
    const struct postconf *pc, span name, const struct entry *scope)
{
	span value = SPAN_NONE;

	if (scope)
		value = service_fact(scope, name);
	if (!value.ptr && scope && scope->params)
		value = dict_get(scope->params, name);
	return value.ptr ? value : dict_get(&pc->main_cf, name);
}

span value_find(
    struct postconf *pc, unsigned mode, span name, const struct entry *scope)
{
	const struct name *n;
	span value = SPAN_NONE;

	if (!(mode & SHOW_DEFS))
		value = set_value(pc, name, scope);
	if (value.ptr || (mode & SHOW_NONDEF))
		return value;
	n = name_find(&pc->names, name);
	return n ? value_default(pc, n) : SPAN_NONE;
}

struct scope {
	struct postconf *pc;
	unsigned mode;
	const struct entry *entry;
};

static span look_up(void *ctx, span name)
{
	const struct scope *s = ctx;

	return value_find(s->pc, s->mode, name, s->entry);
}

bool value_can_expand(
    struct postconf *pc, span value, const struct entry *scope)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(EXPAND_MAX);
	CLEANUP(buf_done) struct buf error = BUF_INIT(EXPAND_MAX);
	struct scope s = { pc, pc->mode & ~(unsigned)SHOW_NONDEF, scope };

	return expand_text(value, look_up, &s, &out, &error) == EXPAND_OK;
}

span value_expand(
    struct postconf *pc, unsigned mode, span value, const struct entry *scope)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(EXPAND_MAX);
	CLEANUP(buf_done) struct buf error = BUF_INIT(EXPAND_MAX);
	struct scope s = { pc, mode & ~(unsigned)SHOW_NONDEF, scope };

	if (span_find(value, '$') < 0)
		return value;
	if (expand_text(value, look_up, &s, &out, &error) != EXPAND_OK) {
		warn(pc, "%.*s", ALL(buf_span(&error)));
		fatal(pc, "macro processing error");
	}
	return keep(pc, buf_span(&out));
}
