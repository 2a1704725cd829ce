/* SPDX-License-Identifier: ISC */
/*
 * map/ldap_internal.h - what the files of the LDAP table share.
 *
 *	ldap.c		the table: a key becomes a filter, entries a value
 *	ldap_conf.c	its parameters
 *	ldap_conn.c	connections, kept and shared: TLS, bind, search
 *	ldap_sasl.c	the other way to bind
 *	ldap_guard.c	a deadline and a limit under everything libldap reads
 *	ldap_values.c	the values of entries, and of what they point to
 *
 * Messages begin with "dict_ldap_...:" because that is what people search
 * their logs for.
 */
#pragma once

#define LDAP_DEPRECATED 0

#include <ldap.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/time.h"
#include "map/db_common.h"
#include "map/map.h"

enum ldap_bind { LDAP_BIND_NONE, LDAP_BIND_SIMPLE, LDAP_BIND_SASL };

/* Names of attributes, in one array, first the most particular. */
struct ldap_attrs {
	char **names; /* NULL at the end */
	struct buf text;
	uint32_t terminal;
	uint32_t leaf;     /* these follow */
	uint32_t ordinary; /* the index where the special ones begin */
	uint32_t count;
};

/* What decides whether two tables may share a connection. Strings that are
 * const belong to the table's source_conf. */
struct ldap_server {
	const char *urls; /* separated by blanks */
	uint32_t url_count;
	enum ldap_bind bind;
	const char *bind_dn;
	const char *bind_pw;
	int dereference;
	bool chase_referrals;
	int debuglevel;
	int version;
	const char *sasl_mechs;
	const char *sasl_realm;
	const char *sasl_authz;
	uint32_t sasl_minssf;
	bool tls; /* ldaps: or start_tls */
	bool start_tls;
	bool tls_require_cert;
	const char *tls_ca_cert_file;
	const char *tls_ca_cert_dir;
	const char *tls_cert;
	const char *tls_key;
	const char *tls_cipher_suite;
};

/* Everything libldap receives on one connection and its referrals. */
struct ldap_guard {
	ldap_conncb callbacks;
	usec deadline;
	size_t budget; /* bytes that may still come */
	bool timed_out;
	bool flooded;
};

struct ldap_conn {
	struct list link;
	unsigned refs;
	struct buf key;   /* all of struct ldap_server; holds the password */
	LDAP *ld;         /* NULL: not connected */
	LDAP *tls_holder; /* never connects; it made the TLS context */
	void *tls_context;
	struct ldap_guard guard;
};

struct ldap_table {
	struct map map;
	struct source_conf conf; /* owns the strings */
	struct buf source;       /* what stands behind "ldap:" */
	struct buf urls;
	struct ldap_server server;
	struct ldap_conn *conn;
	struct ldap_attrs attrs;
	struct db_common common;
	span search_base, query_filter, result_format;
	struct buf base, filter; /* of this lookup */
	bool dynamic_base;
	int scope;
	usec timeout;
	uint32_t size_limit;
	uint32_t expansion_limit;
	uint32_t recursion_limit;
	usec deadline; /* of the lookup that is going on */
};

/* A search; the strings are the caller's. */
struct ldap_query {
	const char *base;
	int scope;
	const char *filter;
	char **attrs;
};

/* --- ldap_conf.c --- */

/* Takes t->conf, which is open; false: the reason is set. */
MUST_USE bool ldap_conf_read(struct ldap_table *t);
void ldap_conf_done(struct ldap_table *t);

/* --- ldap_conn.c --- */

/* Join the tables with the same server and credentials. False: the reason is
 * set (certificates cannot be read). */
MUST_USE bool ldap_conn_get(struct ldap_table *t, const struct map_setup *s);
void ldap_conn_put(struct ldap_table *t);
/* Be connected and bound; false: it was said why not. */
MUST_USE bool ldap_conn_open(struct ldap_table *t);
void ldap_conn_close(struct ldap_conn *c);
/*
 * LDAP_SUCCESS, or another code of libldap's. `ret` may be set in both cases
 * and is then to be freed with ldap_msgfree().
 */
MUST_USE int ldap_conn_search(
    struct ldap_table *t, const struct ldap_query *q, LDAPMessage **ret);
/* "dict_ldap_x: text (table at server)". */
PRINTF_LIKE(2, 3)
void ldap_warn(struct ldap_table *t, const char *format, ...);

static inline span ldap_source(const struct ldap_table *t)
{
	return buf_span(&t->source);
}

/* --- ldap_sasl.c --- */

MUST_USE int ldap_sasl_bind_table(struct ldap_table *t, LDAP *ld);

/* --- ldap_guard.c --- */

/* Watch all connections of `ld`. */
MUST_USE int ldap_guard_attach(struct ldap_guard *g, LDAP *ld);
/* Watch this one. */
MUST_USE int ldap_guard_socket(struct ldap_guard *g, Sockbuf *sb);
/* From now on so much time and so many bytes. */
void ldap_guard_arm(struct ldap_guard *g, usec deadline, size_t budget);

/* --- ldap_values.c --- */

/* Append the values to `out`; false: the lookup failed, it was said why. */
MUST_USE bool ldap_values_put(
    struct ldap_table *t, LDAPMessage *res, span key, struct buf *out);
/* RFC 4515 and RFC 4514: for filters and for names. */
void ldap_quote_filter(void *unused, span s, struct buf *out);
void ldap_quote_name(void *unused, span s, struct buf *out);
