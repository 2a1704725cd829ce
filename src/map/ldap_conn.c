/* SPDX-License-Identifier: ISC */
/*
 * map/ldap_conn.c - connections to LDAP servers.
 *
 * Tables with the same server, credentials and TLS settings share one. What
 * TLS needs from files is read when the table is opened and kept in a
 * context, so that a connection made later, behind the sandbox, needs none.
 * ldap.conf, ~/.ldaprc and LDAP* of the environment are not looked at: they
 * are for commands that people run.
 *
 * Time: connecting (all servers of the list, TLS, bind) has the timeout once
 * per server; each search has it once; all searches of one lookup together
 * have what the table says (see ldap.c).
 */
#include "map/ldap_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"

enum {
	MAX_KEY = 64 * 1024,
	/* Connecting and binding take a few messages. */
	MAX_HANDSHAKE = 1024 * 1024,
	/* All entries that one search gives. */
	MAX_RESULT = 256 * 1024 * 1024,
	/* The client library shows passwords at these levels. */
	TELLTALE_LEVELS = 0x0002 | 0x0010,
};

static struct list shared = LIST_INIT(shared);

void ldap_warn(struct ldap_table *t, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	map_warn_plain(
	    &t->map, "%s (%.*s at %s)", text, PRI(t->map.spec), t->server.urls);
}

/* --- sharing --- */

static void put_text(struct buf *key, const char *text)
{
	buf_put(key, span_str(text));
	buf_putc(key, '\0');
}

static void put_number(struct buf *key, int64_t n)
{
	buf_printf(key, "%lld", (long long)n);
	buf_putc(key, '\0');
}

/* A certificate that was replaced makes another connection. */
static void put_state(struct buf *key, const char *path)
{
	struct stat st = { 0 };

	if (*path)
		(void)stat(path, &st);
	put_number(key, (int64_t)st.st_ino);
	put_number(key, st.st_mtim.tv_sec);
	put_number(key, st.st_mtim.tv_nsec);
}

static void build_key(const struct ldap_server *s, struct buf *key)
{
	const char *const texts[] = { s->urls, s->bind_dn, s->bind_pw,
		s->sasl_mechs, s->sasl_realm, s->sasl_authz,
		s->tls_ca_cert_file, s->tls_ca_cert_dir, s->tls_cert,
		s->tls_key, s->tls_cipher_suite };
	const int64_t numbers[] = { s->bind, s->dereference, s->chase_referrals,
		s->debuglevel, s->version, s->sasl_minssf, s->tls, s->start_tls,
		s->tls_require_cert };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		put_text(key, texts[i]);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		put_number(key, numbers[i]);
	put_state(key, s->tls_ca_cert_file);
	put_state(key, s->tls_ca_cert_dir);
	put_state(key, s->tls_cert);
	put_state(key, s->tls_key);
}

static struct ldap_conn *find_shared(const struct buf *key)
{
	LIST_FOR(it, &shared)
	{
		struct ldap_conn *c = CONTAINER_OF(it, struct ldap_conn, link);

		if (span_eq(buf_span(&c->key), buf_span(key)))
			return c;
	}
	return NULL;
}

/*
 * The library has no way to give a TLS context back: it stays, without a
 * connection, for the next table with the same settings, after a reload.
 */
void ldap_conn_put(struct ldap_table *t)
{
	struct ldap_conn *c = STEAL(t->conn);

	if (!c || --c->refs)
		return;
	ldap_conn_close(c);
	if (c->tls_context)
		return;
	if (c->tls_holder)
		(void)ldap_unbind_ext(c->tls_holder, NULL, NULL);
	list_remove(&c->link);
	buf_wipe(&c->key);
	mem_free(c);
}

/* --- options --- */

struct option {
	int option;
	const void *value; /* NULL: leave it */
	const char *name;
};

/* NULL, or the name of the option that failed. */
static const char *set_options(
    LDAP *ld, const struct option *options, size_t n, int *ret_error)
{
	for (size_t i = 0; i < n; i++) {
		int r;

		if (!options[i].value)
			continue;
		r = ldap_set_option(ld, options[i].option, options[i].value);
		if (r == LDAP_OPT_SUCCESS)
			continue;
		*ret_error = r;
		return options[i].name;
	}
	return NULL;
}

/* "" means: not set. */
static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

/*
 * Certificates are looked for where the table says. One that asks for a
 * trusted server and names no authority trusts those of the system, as it
 * does with the ldap.conf of most distributions.
 */
static const char *authorities(const struct ldap_server *s)
{
	static const char *const bundles[] = {
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/cert.pem",
	};

	if (*s->tls_ca_cert_file)
		return s->tls_ca_cert_file;
	if (*s->tls_ca_cert_dir || !s->tls_require_cert)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(bundles); i++)
		if (access(bundles[i], R_OK) == 0)
			return bundles[i];
	return NULL;
}

static int require_cert(const struct ldap_server *s)
{
	return s->tls_require_cert ? LDAP_OPT_X_TLS_DEMAND
	                           : LDAP_OPT_X_TLS_NEVER;
}

/* A handle that never connects and owns the context. */
static bool make_tls_context(
    struct ldap_conn *c, const struct ldap_server *s, struct buf *reason)
{
	int require = require_cert(s);
	int is_server = 0;
	int error = 0;
	const struct option options[] = {
		{ LDAP_OPT_X_TLS_CACERTFILE, authorities(s),
		    "tls_ca_cert_file" },
		{ LDAP_OPT_X_TLS_CACERTDIR, or_null(s->tls_ca_cert_dir),
		    "tls_ca_cert_dir" },
		{ LDAP_OPT_X_TLS_CERTFILE, or_null(s->tls_cert), "tls_cert" },
		{ LDAP_OPT_X_TLS_KEYFILE, or_null(s->tls_key), "tls_key" },
		{ LDAP_OPT_X_TLS_CIPHER_SUITE, or_null(s->tls_cipher_suite),
		    "tls_cipher_suite" },
		{ LDAP_OPT_X_TLS_REQUIRE_CERT, &require, "tls_require_cert" },
		{ LDAP_OPT_X_TLS_NEWCTX, &is_server, "TLS context" },
	};
	const char *failed;

	if (!s->tls)
		return true;
	if (ldap_initialize(&c->tls_holder, s->urls) != LDAP_SUCCESS) {
		buf_printf(reason, "Unable to init LDAP server %s", s->urls);
		return false;
	}
	failed =
	    set_options(c->tls_holder, options, ARRAY_LEN(options), &error);
	if (!failed)
		(void)ldap_get_option(
		    c->tls_holder, LDAP_OPT_X_TLS_CTX, (void *)&c->tls_context);
	if (c->tls_context)
		return true;
	if (!failed)
		failed = "TLS context";
	buf_printf(reason,
	    "dict_ldap_set_tls_options: Unable to set %s: %d: %s", failed,
	    error, ldap_err2string(error));
	return false;
}

bool ldap_conn_get(struct ldap_table *t, const struct map_setup *setup)
{
	struct buf key = BUF_INIT(MAX_KEY);
	struct ldap_conn *c;

	(void)setenv("LDAPNOINIT", "1", 1);
	build_key(&t->server, &key);
	c = find_shared(&key);
	if (c) {
		buf_wipe(&key);
		c->refs++;
		t->conn = c;
		return true;
	}
	c = NEW(struct ldap_conn);
	c->refs = 1;
	c->key = key;
	list_append(&shared, &c->link);
	t->conn = c;
	return make_tls_context(c, &t->server, setup->reason);
}

/* --- debugging --- */

/* The client library writes it to stderr by itself. */
static void set_debug_level(const struct ldap_table *t)
{
	int level = t->server.debuglevel & ~TELLTALE_LEVELS;

	(void)ber_set_option(NULL, LBER_OPT_DEBUG_LEVEL, &level);
	(void)ldap_set_option(NULL, LDAP_OPT_DEBUG_LEVEL, &level);
}

/* --- connecting --- */

static struct timeval timeval_of(usec time)
{
	return (struct timeval){ .tv_sec = (time_t)(time / USEC_SEC),
		.tv_usec = (suseconds_t)(time % USEC_SEC) };
}

static bool set_session_options(struct ldap_table *t, LDAP *ld)
{
	const struct ldap_server *s = &t->server;
	struct timeval limit = timeval_of(t->timeout);
	int error = 0;
	const struct option options[] = {
		{ LDAP_OPT_NETWORK_TIMEOUT, &limit, "network timeout" },
		{ LDAP_OPT_TIMEOUT, &limit, "network timeout" },
		{ LDAP_OPT_PROTOCOL_VERSION, &s->version,
		    "LDAP protocol version" },
		{ LDAP_OPT_DEREF, &s->dereference, "dereference option" },
	};
	const char *failed =
	    set_options(ld, options, ARRAY_LEN(options), &error);

	/* LDAP_OPT_OFF is NULL. */
	if (!failed &&
	    ldap_set_option(ld, LDAP_OPT_REFERRALS,
	        s->chase_referrals ? LDAP_OPT_ON : LDAP_OPT_OFF) !=
	        LDAP_OPT_SUCCESS)
		failed = "Referral chasing";
	if (!failed)
		return true;
	ldap_warn(t, "dict_ldap_connect: Unable to set %s.", failed);
	return false;
}

static bool set_tls(struct ldap_table *t, LDAP *ld)
{
	int require = require_cert(&t->server);
	int r;

	if (!t->server.tls)
		return true;
	r = ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &require);
	if (r == LDAP_OPT_SUCCESS)
		r = ldap_set_option(
		    ld, LDAP_OPT_X_TLS_CTX, t->conn->tls_context);
	if (r != LDAP_OPT_SUCCESS) {
		ldap_warn(t,
		    "dict_ldap_set_tls_options: Unable to allocate new TLS "
		    "context %d: %s",
		    r, ldap_err2string(r));
		return false;
	}
	if (!t->server.start_tls)
		return true;
	r = ldap_start_tls_s(ld, NULL, NULL);
	if (r == LDAP_SUCCESS)
		return true;
	ldap_warn(t, "dict_ldap_connect: Unable to set STARTTLS: %d: %s", r,
	    ldap_err2string(r));
	return false;
}

static int error_of(LDAP *ld)
{
	int error = LDAP_OTHER;

	(void)ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &error);
	return error;
}

/* LDAP_SUCCESS with a result, or another code. */
static int wait_for_result(
    struct ldap_conn *c, LDAP *ld, int id, LDAPMessage **ret)
{
	usec now = clock_monotonic();
	usec deadline = c->guard.deadline;
	struct timeval left = timeval_of(deadline > now ? deadline - now : 0);
	int r = ldap_result(ld, id, LDAP_MSG_ALL, &left, ret);

	if (r > 0)
		return LDAP_SUCCESS;
	if (r == 0 || c->guard.timed_out) {
		(void)ldap_abandon_ext(ld, id, NULL, NULL);
		return LDAP_TIMEOUT;
	}
	r = error_of(ld);
	return r == LDAP_SUCCESS ? LDAP_OTHER : r;
}

static int send_bind(const struct ldap_table *t, LDAP *ld, int *ret_id)
{
	struct buf password = BUF_INIT(MAX_KEY);
	struct berval cred;
	int r;

	buf_put(&password, span_str(t->server.bind_pw));
	(void)buf_cstr(&password);
	cred = (struct berval){ password.len, password.data };
	r = ldap_sasl_bind(
	    ld, t->server.bind_dn, LDAP_SASL_SIMPLE, &cred, NULL, NULL, ret_id);
	buf_wipe(&password);
	return r;
}

static int bind_simple(struct ldap_table *t, LDAP *ld)
{
	LDAPMessage *res = NULL;
	int error = LDAP_SUCCESS;
	int id;
	int r = send_bind(t, ld, &id);

	if (r == LDAP_SUCCESS)
		r = wait_for_result(t->conn, ld, id, &res);
	if (r == LDAP_SUCCESS)
		r = ldap_parse_result(
		    ld, res, &error, NULL, NULL, NULL, NULL, 0);
	if (res)
		(void)ldap_msgfree(res);
	return r == LDAP_SUCCESS ? error : r;
}

static bool bind_table(struct ldap_table *t, LDAP *ld)
{
	const char *dn = t->server.bind_dn;
	int r;

	if (t->server.bind == LDAP_BIND_NONE)
		return true;
	if (t->server.bind == LDAP_BIND_SASL)
		r = ldap_sasl_bind_table(t, ld);
	else
		r = bind_simple(t, ld);
	if (r != LDAP_SUCCESS && t->conn->guard.timed_out)
		r = LDAP_TIMEOUT;
	if (r == LDAP_SUCCESS)
		return true;
	ldap_warn(t,
	    "dict_ldap_connect: Unable to bind to server %s with dn %s: %d "
	    "(%s)",
	    t->server.urls, *dn ? dn : "empty or implicit", r,
	    ldap_err2string(r));
	return false;
}

bool ldap_conn_open(struct ldap_table *t)
{
	struct ldap_conn *c = t->conn;
	LDAP *ld = NULL;

	if (c->ld)
		return true;
	set_debug_level(t);
	if (ldap_initialize(&ld, t->server.urls) != LDAP_SUCCESS) {
		ldap_warn(t, "dict_ldap_connect: Unable to init LDAP server %s",
		    t->server.urls);
		return false;
	}
	ldap_guard_arm(&c->guard,
	    clock_monotonic() + t->timeout * t->server.url_count,
	    MAX_HANDSHAKE);
	if (ldap_guard_attach(&c->guard, ld) == LDAP_OPT_SUCCESS &&
	    set_session_options(t, ld) && set_tls(t, ld) && bind_table(t, ld)) {
		c->ld = ld;
		return true;
	}
	(void)ldap_unbind_ext(ld, NULL, NULL);
	return false;
}

void ldap_conn_close(struct ldap_conn *c)
{
	LDAP *ld = STEAL(c->ld);

	if (ld)
		(void)ldap_unbind_ext(ld, NULL, NULL);
}

/* --- searching --- */

int ldap_conn_search(
    struct ldap_table *t, const struct ldap_query *q, LDAPMessage **ret)
{
	struct ldap_conn *c = t->conn;
	usec now = clock_monotonic();
	usec deadline = MIN(t->deadline, now + t->timeout);
	struct timeval limit =
	    timeval_of(deadline > now + USEC_SEC ? deadline - now : USEC_SEC);
	int error = LDAP_SUCCESS;
	int id;
	int r;

	ldap_guard_arm(&c->guard, deadline, MAX_RESULT);
	r = ldap_search_ext(c->ld, q->base, q->scope, q->filter, q->attrs, 0,
	    NULL, NULL, &limit,
	    t->size_limit ? (int)t->size_limit : LDAP_NO_LIMIT, &id);
	if (r == LDAP_SUCCESS)
		r = wait_for_result(c, c->ld, id, ret);
	if (r == LDAP_SUCCESS)
		r = ldap_parse_result(
		    c->ld, *ret, &error, NULL, NULL, NULL, NULL, 0);
	if (r != LDAP_SUCCESS && c->guard.timed_out)
		return LDAP_TIMEOUT;
	if (r != LDAP_SUCCESS && c->guard.flooded)
		return LDAP_RESULTS_TOO_LARGE;
	return error != LDAP_SUCCESS ? error : r;
}
