/* SPDX-License-Identifier: ISC */
/*
 * tls/server.c - from parameters to an SSL_CTX.
 *
 * Each service has a context of its own, and with it keys of its own for
 * tickets and its own session id context: what one service gave out means
 * nothing to another one, whatever their clients do.
 *
 * What Postfix would warn about is told in its words; most of it ends in
 * "disabling TLS support": better no TLS than another one than was asked for.
 */
#include "tls/tls_internal.h"

#include <openssl/conf.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdarg.h>
#include <stdio.h>

enum { TELL_MAX = 8192, CIPHERS_MAX = 16384 };

void tls_tell(const struct tls_ear *ear, bool warning, const char *format, ...)
{
	char line[TELL_MAX];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	/* Names in certificates are a stranger's. */
	n = MIN(MAX(n, 0), TELL_MAX - 1);
	for (int i = 0; i < n; i++)
		if (line[i] >= 0 && !ascii_is_print(line[i]))
			line[i] = '?';
	ear->fn(ear->ctx, warning, span_of(line, (size_t)n));
}

void tls_tell_errors(const struct tls_ear *ear)
{
	const char *file;
	const char *data;
	unsigned long code;
	int line;
	int flags;

	while ((code = ERR_get_error_all(&file, &line, NULL, &data, &flags))) {
		char text[1024];

		ERR_error_string_n(code, text, sizeof(text));
		if (flags & ERR_TXT_STRING)
			tls_tell(ear, true,
			    "TLS library problem: %s:%s:%d:%s:", text, file,
			    line, data);
		else
			tls_tell(ear, true,
			    "TLS library problem: %s:%s:%d:", text, file, line);
	}
}

void tls_init(void)
{
	(void)OPENSSL_init_ssl(
	    OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
}

/* ---- the parts of a context ---- */

static bool set_protocols(
    SSL_CTX *ctx, const struct tls_server_conf *conf, const struct tls_ear *ear)
{
	struct tls_protocols p;

	if (!tls_protocols_parse(conf->protocols, &p)) {
		tls_tell(ear, true,
		    "Invalid TLS protocol list \"%.*s\": disabling TLS support",
		    PRI(conf->protocols));
		return false;
	}
	SSL_CTX_set_options(ctx, p.exclude);
	(void)SSL_CTX_set_min_proto_version(ctx, p.floor);
	(void)SSL_CTX_set_max_proto_version(ctx, p.ceiling);
	return true;
}

static bool set_ciphers(struct tls_server *s,
    const struct tls_server_conf *conf, const struct tls_ear *ear)
{
	CLEANUP(buf_done) struct buf list = BUF_INIT(CIPHERS_MAX);
	span bad;

	switch ((enum tls_ciphers_result)tls_ciphers_write(
	    &list, &conf->grades, conf->grade, conf->exclude_ciphers, &bad)) {
	case TLS_CIPHERS_OK:
		break;
	case TLS_CIPHERS_GRADE:
		tls_tell(ear, true,
		    "invalid cipher grade: \"%.*s\": disabling TLS support",
		    PRI(bad));
		return false;
	case TLS_CIPHERS_UNARY:
		tls_tell(ear, true,
		    "invalid unary '!+-@' in cipher exclusion: %.*s: "
		    "disabling TLS support",
		    PRI(bad));
		return false;
	}
	if (!SSL_CTX_set_cipher_list(s->ctx, buf_cstr(&list))) {
		tls_tell(ear, true,
		    "error setting cipher grade: \"%.*s\": disabling TLS "
		    "support",
		    PRI(conf->grade));
		tls_tell_errors(ear);
		return false;
	}
	s->ciphers = mem_new(list.len + 1, 1);
	memcpy(s->ciphers, list.data, list.len);
	return true;
}

static int curve_nid(const char *name)
{
	int nid = EC_curve_nist2nid(name);

	if (nid == NID_undef)
		nid = OBJ_sn2nid(name);
	return nid == NID_undef ? OBJ_ln2nid(name) : nid;
}

/* Those that OpenSSL does not have are left out. */
static void set_curves(SSL_CTX *ctx, span words, const struct tls_ear *ear)
{
	enum { CURVES = 32 };
	int nids[CURVES];
	size_t n = 0;

	while (n < CURVES) {
		CLEANUP(buf_done) struct buf name = BUF_INIT(256);
		span word = span_word(&words, ", \t\r\n");

		if (!word.len)
			break;
		buf_put(&name, word);
		nids[n] = name.failed ? NID_undef : curve_nid(buf_cstr(&name));
		if (nids[n] == NID_undef)
			tls_tell(ear, true,
			    "ignoring unknown ECDHE curve "
			    "\"%.*s\"",
			    PRI(word));
		else if (SSL_CTX_set1_groups(ctx, &nids[n], 1) > 0)
			n++;
	}
	ERR_clear_error();
	if (n && SSL_CTX_set1_groups(ctx, nids, (long)n) > 0)
		return;
	tls_tell(
	    ear, true, "none of the configured ECDHE curves are supported");
}

static void set_options(
    SSL_CTX *ctx, const struct tls_server_conf *conf, const struct tls_ear *ear)
{
	span bad;
	uint64_t options = tls_options_parse(
	    conf->disable_workarounds, conf->ssl_options, &bad);

	if (bad.len)
		tls_tell(ear, true, "unknown TLS option \"%.*s\"", PRI(bad));
	/*
	 * Never: compression (it leaks), a second handshake inside the first
	 * one (it costs us more than the client). An end without notice is
	 * none that SMTP would take for the end of a message.
	 */
	options |= SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_IGNORE_UNEXPECTED_EOF;
	if (conf->prefer_our_ciphers)
		options |= SSL_OP_CIPHER_SERVER_PREFERENCE;
	SSL_CTX_set_options(ctx, options);
	/* Nobody who waits holds buffers. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

static void set_tickets(struct tls_server *s,
    const struct tls_server_conf *conf, const struct tls_ear *ear)
{
	bool wanted = conf->ticket_cipher.len && conf->ticket_timeout &&
	    !(SSL_CTX_get_options(s->ctx) & SSL_OP_NO_TICKET);

	if (wanted)
		s->tickets = tickets_new(
		    s->ctx, conf->ticket_cipher, conf->ticket_timeout, ear);
	if (s->tickets)
		return;
	SSL_CTX_set_options(s->ctx, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_num_tickets(s->ctx, 0);
}

/* So that not even a key that two had in common would make one service take
 * what another one gave out. */
static bool set_session_context(SSL_CTX *ctx, span service)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	return EVP_Digest(
	           service.ptr, service.len, hash, &n, EVP_sha256(), NULL) &&
	    SSL_CTX_set_session_id_context(ctx, hash, n);
}

static bool set_digest(struct tls_server *s, const struct tls_server_conf *conf,
    const struct tls_ear *ear)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(256);

	if (!conf->ask_cert)
		return true;
	buf_put(&name, conf->fingerprint_digest);
	s->digest = EVP_MD_fetch(NULL, buf_cstr(&name), NULL);
	if (s->digest)
		return true;
	tls_tell(ear, true,
	    "Digest algorithm \"%.*s\" not found: disabling TLS support",
	    PRI(conf->fingerprint_digest));
	ERR_clear_error();
	return false;
}

static void info_callback(const SSL *ssl, int where, int ret)
{
	const struct tls *t = SSL_get_app_data(ssl);
	const char *what = where & SSL_ST_ACCEPT ? "SSL_accept" : "unknown";

	if (where & SSL_CB_LOOP)
		tls_tell(
		    &t->ear, false, "%s:%s", what, SSL_state_string_long(ssl));
	else if (where & SSL_CB_ALERT && (ret & 0xff) != SSL_AD_CLOSE_NOTIFY)
		tls_tell(&t->ear, false, "SSL3 alert %s:%s:%s",
		    where & SSL_CB_READ ? "read" : "write",
		    SSL_alert_type_string_long(ret),
		    SSL_alert_desc_string_long(ret));
	else if (where & SSL_CB_EXIT && ret == 0)
		tls_tell(&t->ear, false, "%s:failed in %s", what,
		    SSL_state_string_long(ssl));
	else if (where & SSL_CB_EXIT && ret < 0 &&
	    SSL_get_error(ssl, ret) != SSL_ERROR_WANT_READ)
		tls_tell(&t->ear, false, "%s:error in %s", what,
		    SSL_state_string_long(ssl));
}

/*
 * A client that says which protocols it wants and does not want SMTP is
 * mistaken, or somebody leads it astray: a browser that was sent to us must
 * not take our replies for those of its site (ALPACA). Names as Exim has
 * them; most mail clients say nothing.
 */
static int on_alpn(SSL *ssl UNUSED, const unsigned char **ret,
    unsigned char *ret_len, const unsigned char *list, unsigned int len,
    void *ctx UNUSED)
{
	span rest = span_of(list, len);

	while (rest.len) {
		const unsigned char *at = (const unsigned char *)rest.ptr;
		span name = span_first(span_from(rest, 1), at[0]);

		if (span_eq(name, SPAN("smtp")) ||
		    span_eq(name, SPAN("esmtp"))) {
			*ret = at + 1;
			*ret_len = at[0];
			return SSL_TLSEXT_ERR_OK;
		}
		rest = span_from(rest, name.len + 1);
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void set_verify(SSL_CTX *ctx, const struct tls_server_conf *conf)
{
	SSL_CTX_set_verify_depth(ctx, (int)MIN(conf->verify_depth, 100u) + 1);
	SSL_CTX_set_verify(ctx,
	    conf->ask_cert ? SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE
	                   : SSL_VERIFY_NONE,
	    tls_verify_callback);
}

static bool fill(struct tls_server *s, const struct tls_server_conf *conf,
    const struct tls_ear *ear)
{
	/* Who may also speak in the clear may use weak ciphers too. */
	SSL_CTX_set_security_level(s->ctx, conf->require_cert ? 1 : 0);
	set_options(s->ctx, conf, ear);
	set_verify(s->ctx, conf);
	SSL_CTX_set_alpn_select_cb(s->ctx, on_alpn, NULL);
	if (!set_protocols(s->ctx, conf, ear) || !set_digest(s, conf, ear) ||
	    !tls_load_authorities(s->ctx, conf, ear) ||
	    !tls_load_certs(s->ctx, conf, ear) || !set_ciphers(s, conf, ear) ||
	    !set_session_context(s->ctx, conf->service))
		return false;
	tls_load_dh(s->ctx, conf, ear);
	set_curves(s->ctx, conf->curves, ear);
	set_tickets(s, conf, ear);
	if (s->log & TLS_LOG_DEBUG)
		SSL_CTX_set_info_callback(s->ctx, info_callback);
	return true;
}

/* ---- life ---- */

struct tls_server *tls_server_new(
    const struct tls_server_conf *conf, const struct tls_ear *ear)
{
	struct tls_server *s = NEW(struct tls_server);

	ERR_clear_error();
	s->refs = 1;
	s->log = conf->log;
	s->asks_cert = conf->ask_cert;
	s->requires_cert = conf->require_cert;
	if (s->log & TLS_LOG_VERBOSE)
		tls_tell(ear, false, "initializing the server-side TLS engine");
	s->ctx = SSL_CTX_new(TLS_server_method());
	if (!s->ctx) {
		tls_tell(ear, true,
		    "cannot allocate server SSL_CTX: disabling TLS support");
		tls_tell_errors(ear);
		tls_server_unref(&s);
	} else if (!fill(s, conf, ear)) {
		tls_server_unref(&s);
	}
	ERR_clear_error();
	return s;
}

struct tls_server *tls_server_ref(struct tls_server *s)
{
	s->refs++;
	return s;
}

void tls_server_unref(struct tls_server **server)
{
	struct tls_server *s = STEAL(*server);

	if (!s || --s->refs)
		return;
	SSL_CTX_free(s->ctx);
	tickets_free(&s->tickets);
	EVP_MD_free(s->digest);
	mem_free(s->ciphers);
	mem_free(s);
}
