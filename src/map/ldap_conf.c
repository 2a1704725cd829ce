/* SPDX-License-Identifier: ISC */
/*
 * map/ldap_conf.c - the parameters of an LDAP table: ldap_table(5).
 */
#include "map/ldap_internal.h"

enum {
	MAX_URLS = 64 * 1024,
	MAX_NAMES = 64 * 1024,
	/* Each level takes a piece of the stack. */
	MAX_RECURSION = 5000,
};

#define SEPARATORS ", \t\r\n"

static const char *text(struct ldap_table *t, const char *name)
{
	return source_conf_str(&t->conf, name, "").ptr;
}

/* --- servers --- */

static bool is_scheme(const LDAPURLDesc *url, const char *scheme)
{
	return span_eq_nocase(span_str(url->lud_scheme), span_str(scheme));
}

/* False: it is no URL. */
static bool check_url(struct ldap_table *t, const char *word)
{
	struct ldap_server *s = &t->server;
	LDAPURLDesc *url;
	int r = ldap_url_parse(word, &url);

	if (r != LDAP_URL_SUCCESS) {
		map_warn_plain(&t->map,
		    "dict_ldap_open: error parsing URL %s: %d: %s; skipping",
		    word, r, ldap_err2string(r));
		return false;
	}
	if (!is_scheme(url, "ldap") && s->version != LDAP_VERSION3) {
		map_warn_plain(&t->map,
		    "dict_ldap_open: URL scheme %s requires protocol version "
		    "3",
		    url->lud_scheme);
		s->version = LDAP_VERSION3;
	}
	s->tls |= is_scheme(url, "ldaps");
	ldap_free_urldesc(url);
	return true;
}

static void add_server(struct ldap_table *t, span word, int port)
{
	struct buf url = BUF_INIT(MAX_URLS);

	if (span_find(word, ':') >= 0 && ldap_is_ldap_url(word.ptr))
		buf_put(&url, word);
	else if (span_rfind(word, ':') >= 0)
		buf_printf(&url, "ldap://%.*s", PRI(word));
	else
		buf_printf(&url, "ldap://%.*s:%d", PRI(word), port);
	if (check_url(t, buf_cstr(&url))) {
		if (t->urls.len)
			buf_putc(&t->urls, ' ');
		buf_put(&t->urls, buf_span(&url));
		t->server.url_count++;
	}
	buf_done(&url);
}

static void read_servers(struct ldap_table *t)
{
	struct source_conf *c = &t->conf;
	span hosts = source_conf_str_needed(c, "server_host", "localhost");
	int port = source_conf_int(c, "server_port", LDAP_PORT, 0, 0);

	for (;;) {
		span word = span_word(&hosts, SEPARATORS);

		if (!word.len)
			break;
		add_server(t, word, port);
	}
	t->server.urls = buf_cstr(&t->urls);
	if (!t->server.url_count)
		source_conf_fail(c, "no usable server in server_host");
}

static void read_version(struct ldap_table *t)
{
	int version = source_conf_int(&t->conf, "version", 2, 2, 0);

	t->server.version = version;
	if (version == LDAP_VERSION2 || version == LDAP_VERSION3)
		return;
	map_warn_plain(&t->map,
	    "dict_ldap_open: %.*s Unknown version %d, using 2.",
	    PRI(ldap_source(t)), version);
	t->server.version = LDAP_VERSION2;
}

/* --- words with a meaning --- */

struct word {
	const char *name;
	int meaning;
};

static const struct word scopes[] = {
	{ "one", LDAP_SCOPE_ONELEVEL },
	{ "base", LDAP_SCOPE_BASE },
	{ "sub", LDAP_SCOPE_SUBTREE },
};

static const struct word binds[] = {
	{ "no", LDAP_BIND_NONE },
	{ "none", LDAP_BIND_NONE },
	{ "yes", LDAP_BIND_SIMPLE },
	{ "simple", LDAP_BIND_SIMPLE },
	{ "sasl", LDAP_BIND_SASL },
};

static bool find_word(const struct word *words, size_t n, span s, int *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (span_eq_nocase(s, span_str(words[i].name))) {
			*ret = words[i].meaning;
			return true;
		}
	}
	return false;
}

static void read_scope(struct ldap_table *t)
{
	span s = source_conf_str_needed(&t->conf, "scope", "sub");

	if (find_word(scopes, ARRAY_LEN(scopes), s, &t->scope))
		return;
	map_warn_plain(&t->map,
	    "dict_ldap_open: %.*s: Unrecognized value %.*s specified for "
	    "scope; using sub",
	    PRI(ldap_source(t)), PRI(s));
	t->scope = LDAP_SCOPE_SUBTREE;
}

static void read_bind(struct ldap_table *t)
{
	struct ldap_server *s = &t->server;
	span bind = source_conf_str_needed(&t->conf, "bind", "yes");
	int meaning = LDAP_BIND_NONE;

	if (!find_word(binds, ARRAY_LEN(binds), bind, &meaning))
		source_conf_fail(&t->conf,
		    "%.*s: unsupported parameter value: bind = %.*s",
		    PRI(ldap_source(t)), PRI(bind));
	s->bind = (enum ldap_bind)meaning;
	s->bind_dn = text(t, "bind_dn");
	s->bind_pw = text(t, "bind_pw");
	s->sasl_mechs = text(t, "sasl_mechs");
	s->sasl_realm = text(t, "sasl_realm");
	s->sasl_authz = text(t, "sasl_authz_id");
	s->sasl_minssf =
	    (uint32_t)source_conf_int(&t->conf, "sasl_minssf", 0, 0, 4096);
}

static void read_tls(struct ldap_table *t)
{
	struct ldap_server *s = &t->server;
	struct source_conf *c = &t->conf;

	s->start_tls = source_conf_bool(c, "start_tls", false);
	if (s->start_tls && s->version < LDAP_VERSION3) {
		map_warn_plain(&t->map,
		    "dict_ldap_open: %.*s start_tls requires protocol "
		    "version 3",
		    PRI(ldap_source(t)));
		s->version = LDAP_VERSION3;
	}
	s->tls |= s->start_tls;
	s->tls_require_cert = source_conf_bool(c, "tls_require_cert", false);
	s->tls_ca_cert_file = text(t, "tls_ca_cert_file");
	s->tls_ca_cert_dir = text(t, "tls_ca_cert_dir");
	s->tls_cert = text(t, "tls_cert");
	s->tls_key = text(t, "tls_key");
	s->tls_cipher_suite = text(t, "tls_cipher_suite");
}

/* --- what is asked for --- */

static void read_templates(struct ldap_table *t)
{
	struct source_conf *c = &t->conf;
	bool dynamic = true;

	t->search_base = source_conf_str(c, "search_base", "");
	t->query_filter =
	    source_conf_str(c, "query_filter", "(mailacceptinggeneralid=%s)");
	t->result_format = source_conf_str(c, "result_format", NULL);
	if (!t->result_format.ptr)
		t->result_format =
		    source_conf_str_needed(c, "result_filter", "%s");
	db_common_template(
	    &t->common, c, t->search_base, DB_QUERY, &t->dynamic_base);
	db_common_template(&t->common, c, t->query_filter, DB_QUERY, &dynamic);
	db_common_template(&t->common, c, t->result_format, DB_RESULT, NULL);
	if (!dynamic)
		map_warn_plain(&t->map,
		    "dict_ldap_open: %.*s: Fixed query_filter %.*s is "
		    "probably useless",
		    PRI(ldap_source(t)), PRI(t->query_filter));
	db_common_domains(&t->common, c);
}

/* Into one run of strings; how many. */
static uint32_t add_attrs(
    struct ldap_table *t, const char *name, const char *preset)
{
	span list = source_conf_str(&t->conf, name, preset);
	uint32_t n = 0;

	for (;; n++) {
		span word = span_word(&list, SEPARATORS);

		if (!word.len)
			return n;
		buf_put(&t->attrs.text, word);
		buf_putc(&t->attrs.text, '\0');
	}
}

static void read_attrs(struct ldap_table *t)
{
	struct ldap_attrs *a = &t->attrs;
	char *rest;

	a->terminal = add_attrs(t, "terminal_result_attribute", "");
	a->leaf = add_attrs(t, "leaf_result_attribute", "");
	a->ordinary = a->terminal + a->leaf +
	    add_attrs(t, "result_attribute", "maildrop");
	a->count = a->ordinary + add_attrs(t, "special_result_attribute", "");
	if (a->text.failed)
		source_conf_fail(&t->conf, "too many attributes");
	a->names = mem_new((size_t)a->count + 1, sizeof(*a->names));
	rest = a->text.data;
	for (uint32_t i = 0; i < a->count && !a->text.failed; i++) {
		a->names[i] = rest;
		rest += strlen(rest) + 1;
	}
}

static void read_limits(struct ldap_table *t)
{
	struct source_conf *c = &t->conf;
	int timeout = source_conf_int(c, "timeout", 10, 0, 0);
	int expansion = source_conf_int(c, "expansion_limit", 0, 0, 0);
	int recursion = source_conf_int(c, "recursion_limit", 1000, 1, 0);

	/* None would be for ever. */
	t->timeout = (usec)(timeout > 0 ? timeout : 100) * USEC_SEC;
	t->expansion_limit = (uint32_t)expansion;
	t->size_limit =
	    (uint32_t)source_conf_int(c, "size_limit", expansion, 0, 0);
	t->recursion_limit = (uint32_t)MIN(recursion, (int)MAX_RECURSION);
}

static void read_rest(struct ldap_table *t)
{
	struct ldap_server *s = &t->server;
	struct source_conf *c = &t->conf;

	s->dereference = source_conf_int(c, "dereference", 0, 0, 0);
	if (s->dereference < 0 || s->dereference > 3) {
		map_warn_plain(&t->map,
		    "dict_ldap_open: %.*s Unrecognized value %d specified "
		    "for dereference; using 0",
		    PRI(ldap_source(t)), s->dereference);
		s->dereference = 0;
	}
	s->chase_referrals = source_conf_bool(c, "chase_referrals", false);
	s->debuglevel = source_conf_int(c, "debuglevel", 0, 0, 0);
	if (source_conf_bool(c, "cache", false))
		map_warn_plain(&t->map, "dict_ldap_open: %.*s ignoring cache",
		    PRI(ldap_source(t)));
}

bool ldap_conf_read(struct ldap_table *t)
{
	buf_init(&t->urls, MAX_URLS);
	buf_init(&t->attrs.text, MAX_NAMES);
	read_version(t);
	read_servers(t);
	read_scope(t);
	read_templates(t);
	read_attrs(t);
	read_bind(t);
	read_limits(t);
	read_tls(t);
	read_rest(t);
	return source_conf_ok(&t->conf);
}

void ldap_conf_done(struct ldap_table *t)
{
	buf_done(&t->urls);
	buf_done(&t->attrs.text);
	mem_free(t->attrs.names);
	db_common_done(&t->common);
	source_conf_done(&t->conf);
}
