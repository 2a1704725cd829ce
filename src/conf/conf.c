/* SPDX-License-Identifier: ISC */
/*
 * conf/conf.c - a snapshot and its values.
 *
 * Where a value comes from, first match wins:
 *
 *	the service's -o in master.cf
 *	main.cf
 *	computed here: names of machine, process and service, mynetworks
 *	the registry's default
 *
 * Names are kept unexpanded and expanded when asked for, with the service's
 * own overrides visible inside main.cf values (so that "-o mynetworks=..."
 * reaches every restriction that mentions it). What was handed out once is
 * kept, so that a value costs one look-up from then on and lives as long as
 * the snapshot.
 */
#include "conf/conf_internal.h"

#include <errno.h>
#include <unistd.h>

#include "conf/expand.h"
#include "conf/value.h"

struct conf *conf_new(span dir)
{
	struct conf *conf = NEW(struct conf);

	conf->refs = 1;
	arena_init(&conf->arena, CONF_ARENA_MAX);
	hmap_init(&conf->settings);
	hmap_init(&conf->memos);
	conf->dir = arena_dup(&conf->arena, dir);
	return conf;
}

struct conf *conf_ref(struct conf *conf)
{
	conf->refs++;
	return conf;
}

void conf_unref(struct conf **conf_at)
{
	struct conf *conf = STEAL(*conf_at);

	if (!conf || --conf->refs > 0)
		return;
	hmap_done(&conf->settings);
	hmap_done(&conf->memos);
	arena_done(&conf->arena);
	mem_free(conf);
}

void conf_report_done(struct conf_report *report)
{
	buf_done(&report->error);
	buf_done(&report->notes);
	buf_done(&report->remarks);
}

static void *must(void *p)
{
	if (!p)
		bug("configuration larger than %d bytes", CONF_ARENA_MAX);
	return p;
}

static struct setting *find_setting(const struct conf *conf, span name)
{
	uint64_t hash = hash_bytes(name);
	struct hnode *n;

	for (n = hmap_first(&conf->settings, hash); n; n = hmap_next(n, hash)) {
		struct setting *s = CONTAINER_OF(n, struct setting, by_name);

		if (span_eq(s->name, name))
			return s;
	}
	return NULL;
}

const struct setting *conf_setting(const struct conf *conf, span name)
{
	return find_setting(conf, name);
}

const struct setting *conf_set(
    struct conf *conf, span name, span value, uint32_t line)
{
	struct setting *old = find_setting(conf, name);
	struct setting *s = must(arena_new(&conf->arena, struct setting));

	s->name = arena_dup(&conf->arena, name);
	s->value = arena_dup(&conf->arena, value);
	s->line = line;
	if (old)
		hmap_remove(&conf->settings, &old->by_name);
	hmap_put(&conf->settings, &s->by_name, hash_bytes(s->name));
	return old;
}

uint32_t conf_services(const struct conf *conf)
{
	return conf->nservices;
}

const struct conf_service *conf_service(const struct conf *conf, uint32_t i)
{
	return i < conf->nservices ? &conf->services[i] : NULL;
}

uint32_t conf_transport(const struct conf *conf, span name)
{
	for (uint32_t i = 0; i < conf->nservices; i++) {
		if (conf->services[i].type == CONF_UNIX &&
		    span_eq(conf->services[i].name, name))
			return i;
	}
	return CONF_MAIN;
}

span conf_dir(const struct conf *conf)
{
	return conf->dir;
}

const struct conf_address *conf_addresses(
    const struct conf *conf, uint32_t *ret_count)
{
	*ret_count = conf->naddresses;
	return conf->addresses;
}

const struct conf_override *conf_override_of(
    const struct conf *conf, uint32_t service, span name)
{
	const struct conf_service *s = conf_service(conf, service);

	for (uint32_t i = s ? s->noverrides : 0; i-- > 0;)
		if (span_eq(s->overrides[i].name, name))
			return &s->overrides[i];
	return NULL;
}

span conf_set_value(const struct conf *conf, uint32_t service, span name)
{
	const struct conf_override *o = conf_override_of(conf, service, name);
	const struct setting *s;

	if (o)
		return o->value;
	s = find_setting(conf, name);
	return s ? s->value : SPAN_NONE;
}

/* The values that no file and no table knows. */

static void put_myhostname(struct conf *conf, uint32_t service, struct buf *out)
{
	span domain;

	buf_put(out, conf->hostname);
	if (span_find(conf->hostname, '.') >= 0)
		return;
	/* Not $mydomain: its default would ask for us. */
	domain = conf_set_value(conf, service, SPAN("mydomain"));
	buf_putc(out, '.');
	buf_put(out, domain.len > 0 ? domain : SPAN("localdomain"));
}

static void put_mydomain(struct conf *conf, uint32_t service, struct buf *out)
{
	CLEANUP(buf_done) struct buf host = BUF_INIT(CONF_VALUE_MAX);
	CLEANUP(buf_done) struct buf error = BUF_INIT(256);
	ssize_t dot = -1;

	if (conf_put_value(conf, service, SPAN("myhostname"), &host, &error))
		dot = span_find(buf_span(&host), '.');
	if (dot < 0)
		buf_put(out, SPAN("localdomain"));
	else
		buf_put(out, span_from(buf_span(&host), (size_t)dot + 1));
}

/* The name of the program; commands see their own. */
static void put_process_name(
    struct conf *conf, uint32_t service, struct buf *out)
{
	const struct conf_service *s = conf_service(conf, service);

	buf_put(out, s ? s->command : span_str(program_invocation_short_name));
}

static void put_process_id(
    struct conf *conf UNUSED, uint32_t service UNUSED, struct buf *out)
{
	buf_put_u64(out, (uint64_t)getpid());
}

static void put_service_name(
    struct conf *conf, uint32_t service, struct buf *out)
{
	const struct conf_service *s = conf_service(conf, service);

	if (s)
		buf_put(out, s->name);
}

static void put_config_directory(
    struct conf *conf, uint32_t service UNUSED, struct buf *out)
{
	buf_put(out, conf->dir);
}

static const struct {
	span name;
	void (*put)(struct conf *conf, uint32_t service, struct buf *out);
} computed[] = {
	{ SPAN_INIT("config_directory"), put_config_directory },
	{ SPAN_INIT("mydomain"), put_mydomain },
	{ SPAN_INIT("myhostname"), put_myhostname },
	{ SPAN_INIT("mynetworks"), conf_put_networks },
	{ SPAN_INIT("process_id"), put_process_id },
	{ SPAN_INIT("process_name"), put_process_name },
	{ SPAN_INIT("service_name"), put_service_name },
};

/*
 * "myhostname = mx.$mydomain" without a mydomain asks for itself: empty, as
 * in Postfix.
 */
static bool put_computed(
    struct conf *conf, uint32_t service, span name, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(computed); i++) {
		unsigned bit = 1u << i;

		if (!span_eq(computed[i].name, name))
			continue;
		if (conf->computing & bit)
			return true;
		conf->computing |= bit;
		computed[i].put(conf, service, out);
		conf->computing &= ~bit;
		return true;
	}
	return false;
}

span conf_raw_value(
    struct conf *conf, uint32_t service, span name, struct arena *scratch)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(CONF_VALUE_MAX);
	span value = conf_set_value(conf, service, name);
	const struct param *p;

	if (value.ptr)
		return value;
	if (put_computed(conf, service, name, &text))
		return arena_dup(scratch, buf_span(&text));
	p = param_find(name);
	return p ? span_str(p->preset) : SPAN_NONE;
}

struct scope {
	struct conf *conf;
	uint32_t service;
	struct arena scratch;
};

static span look_up(void *ctx, span name)
{
	struct scope *scope = ctx;

	return conf_raw_value(
	    scope->conf, scope->service, name, &scope->scratch);
}

int conf_expand(struct conf *conf, uint32_t service, span text, struct buf *out,
    struct buf *error)
{
	struct scope scope = { .conf = conf, .service = service };
	enum expand_result r;

	if (span_find(text, '$') < 0) {
		buf_put(out, text);
		return CONF_OK;
	}
	arena_init(&scope.scratch, (size_t)16 * CONF_VALUE_MAX);
	r = expand_text(text, look_up, &scope, out, error);
	arena_done(&scope.scratch);
	return r == EXPAND_OK ? CONF_OK : CONF_BAD;
}

bool conf_put_value(struct conf *conf, uint32_t service, span name,
    struct buf *out, struct buf *error)
{
	const struct param *p = param_find(name);
	struct arena scratch;
	span raw;
	bool ok = true;

	arena_init(&scratch, CONF_VALUE_MAX);
	raw = conf_raw_value(conf, service, name, &scratch);
	if (p && p->kind == PARAM_RAW)
		buf_put(out, raw);
	else
		ok = conf_expand(conf, service, raw, out, error) == CONF_OK;
	arena_done(&scratch);
	return ok;
}

static struct memo *find_memo(
    const struct conf *conf, uint32_t service, span name, uint64_t hash)
{
	struct hnode *n;

	for (n = hmap_first(&conf->memos, hash); n; n = hmap_next(n, hash)) {
		struct memo *m = CONTAINER_OF(n, struct memo, by_name);

		if (m->service == service && span_eq(m->name, name))
			return m;
	}
	return NULL;
}

static bool is_known(const struct conf *conf, uint32_t service, span name)
{
	return conf_set_value(conf, service, name).ptr || param_find(name);
}

/*
 * A value that does not expand was refused when the files were read; here
 * it is empty.
 */
static struct memo *make_memo(
    struct conf *conf, uint32_t service, span name, uint64_t hash)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT(CONF_VALUE_MAX);
	CLEANUP(buf_done) struct buf error = BUF_INIT(1024);
	struct memo *m = must(arena_new(&conf->arena, struct memo));

	m->service = service;
	m->name = arena_dup(&conf->arena, name);
	if (is_known(conf, service, name)) {
		if (!conf_put_value(conf, service, name, &value, &error))
			buf_clear(&value);
		m->value = arena_dup(&conf->arena, buf_span(&value));
	}
	hmap_put(&conf->memos, &m->by_name, hash);
	return m;
}

span conf_value(struct conf *conf, uint32_t service, span name)
{
	uint64_t hash = hash_bytes(name);
	struct memo *m = find_memo(conf, service, name, hash);

	if (!m)
		m = make_memo(conf, service, name, hash);
	return m->value;
}

span conf_transport_value(struct conf *conf, span transport, span suffix)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(1024);
	const struct param *p = param_of_transport(suffix);
	span value;

	buf_printf(&name, "%.*s_%.*s", PRI(transport), PRI(suffix));
	value = conf_value(conf, CONF_MAIN, buf_span(&name));
	if (value.ptr || !p)
		return value;
	return conf_value(conf, CONF_MAIN, span_str(p->name));
}

bool conf_has_family(struct conf *conf, uint8_t family)
{
	span list = conf_value(conf, CONF_MAIN, SPAN("inet_protocols"));
	span want = family == 6 ? SPAN("ipv6") : SPAN("ipv4");
	span word;

	while ((word = span_word(&list, ", \t\r\n")).len > 0)
		if (span_eq_nocase(word, want) ||
		    span_eq_nocase(word, SPAN("all")))
			return true;
	return false;
}
