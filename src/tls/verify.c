/* SPDX-License-Identifier: ISC */
/*
 * tls/verify.c - what we think of a client's certificate.
 *
 * Nothing here ends a handshake: whether a certificate is needed is for the
 * caller to say, and for the log to explain.
 */
#include "tls/tls_internal.h"

#include <openssl/err.h>
#include <openssl/x509.h>

enum { NAME_MAX_LEN = 256, LINE = 512 };

/* Of several problems the one nearest to the root is worth telling. */
static void note_error(struct tls *t, int depth, int error)
{
	if (t->verify_error != X509_V_OK && depth < t->verify_depth)
		return;
	t->verify_error = error;
	t->verify_depth = depth;
}

int tls_verify_callback(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *t = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	int depth = X509_STORE_CTX_get_error_depth(store);
	char name[LINE] = "<unknown>";

	if (!ok)
		note_error(t, depth, X509_STORE_CTX_get_error(store));
	if (!(t->server->log & TLS_LOG_VERBOSE))
		return 1;
	if (cert)
		(void)X509_NAME_oneline(
		    X509_get_subject_name(cert), name, sizeof(name));
	tls_tell(&t->ear, false, "%.*s: depth=%d verify=%d subject=%s",
	    PRI(t->peer), depth, ok, name);
	return 1;
}

/* ---- names ---- */

static bool is_good_name(span name)
{
	if (!name.len || name.len >= NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if (c < ' ' || c == 0x7f)
			return false;
	}
	return true;
}

static bool put_entry(struct buf *out, X509_NAME *name, int nid)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	unsigned char *utf8 = NULL;
	bool good;
	int n;

	if (at < 0)
		return false;
	n = ASN1_STRING_to_UTF8(
	    &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	good = n > 0 && is_good_name(span_of(utf8, (size_t)n));
	if (good)
		buf_put(out, span_of(utf8, (size_t)n));
	OPENSSL_free(utf8);
	return good;
}

void tls_put_name(struct buf *out, X509_NAME *name)
{
	if (!put_entry(out, name, NID_commonName))
		(void)put_entry(out, name, NID_organizationName);
	ERR_clear_error();
}

/* ---- fingerprints ---- */

static void put_hash(
    struct buf *out, const EVP_MD *digest, const unsigned char *bytes, int len)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (len <= 0 || !EVP_Digest(bytes, (size_t)len, hash, &n, digest, NULL))
		return;
	for (unsigned int i = 0; i < n; i++)
		buf_printf(out, "%s%02X", i ? ":" : "", hash[i]);
}

static void put_cert_print(struct buf *out, const EVP_MD *digest, X509 *cert)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);

	put_hash(out, digest, der, n);
	OPENSSL_free(der);
}

static void put_key_print(struct buf *out, const EVP_MD *digest, X509 *cert)
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	put_hash(out, digest, der, n);
	OPENSSL_free(der);
}

/* ---- the log ---- */

static void tell_names(struct tls *t, X509 *cert)
{
	CLEANUP(buf_done) struct buf subject = BUF_INIT(1024);
	CLEANUP(buf_done) struct buf issuer = BUF_INIT(1024);
	CLEANUP(buf_done) struct buf cert_print = BUF_INIT(1024);
	CLEANUP(buf_done) struct buf key_print = BUF_INIT(1024);

	tls_put_name(&subject, X509_get_subject_name(cert));
	tls_put_name(&issuer, X509_get_issuer_name(cert));
	put_cert_print(&cert_print, t->server->digest, cert);
	put_key_print(&key_print, t->server->digest, cert);
	tls_tell(&t->ear, false,
	    "%.*s: subject_CN=%s, issuer=%s, fingerprint=%s"
	    ", pkey_fingerprint=%s",
	    PRI(t->peer), buf_cstr(&subject), buf_cstr(&issuer),
	    buf_cstr(&cert_print), buf_cstr(&key_print));
}

/* clang-format off */
static const struct {
	int error;
	const char *text;
} known_errors[] = {
	{ X509_V_ERR_CERT_UNTRUSTED, "not trusted by local or TLSA policy" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "self-signed certificate" },
	{ X509_V_ERR_INVALID_PURPOSE, "not designated for use as a client certificate" },
};

static const struct {
	int error;
	const char *text;
} time_errors[] = {
	{ X509_V_ERR_CERT_NOT_YET_VALID, "certificate not yet valid" },
	{ X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, "certificate not yet valid" },
	{ X509_V_ERR_CERT_HAS_EXPIRED, "certificate has expired" },
	{ X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, "certificate has expired" },
};
/* clang-format on */

static void tell_untrusted_issuer(struct tls *t, X509 *cert)
{
	char name[LINE];

	(void)X509_NAME_oneline(X509_get_issuer_name(cert), name, sizeof(name));
	tls_tell(&t->ear, false,
	    "certificate verification failed for %.*s: untrusted issuer %s",
	    PRI(t->peer), name);
}

static void tell_verify_error(struct tls *t, X509 *cert)
{
	const char *whose = t->verify_depth > 0 ? "CA" : "client";
	int error = t->verify_error;

	if (error == X509_V_OK)
		return;
	if (error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	    error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN) {
		tell_untrusted_issuer(t, cert);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(known_errors); i++) {
		if (known_errors[i].error == error) {
			tls_tell(&t->ear, false,
			    "certificate verification failed for %.*s: %s",
			    PRI(t->peer), known_errors[i].text);
			return;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(time_errors); i++) {
		if (time_errors[i].error == error) {
			tls_tell(&t->ear, false,
			    "%s certificate verification failed for %.*s: %s",
			    whose, PRI(t->peer), time_errors[i].text);
			return;
		}
	}
	tls_tell(&t->ear, false,
	    "%s certificate verification failed for %.*s: num=%d:%s", whose,
	    PRI(t->peer), error, X509_verify_cert_error_string(error));
}

void tls_tell_peer(struct tls *t)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	unsigned log = t->server->log;

	if (t->server->requires_cert)
		log |= TLS_LOG_UNTRUSTED;
	if (!cert)
		return;
	if (log & TLS_LOG_VERBOSE) {
		char name[LINE];

		(void)X509_NAME_oneline(
		    X509_get_subject_name(cert), name, sizeof(name));
		tls_tell(&t->ear, false, "subject=%s", name);
		(void)X509_NAME_oneline(
		    X509_get_issuer_name(cert), name, sizeof(name));
		tls_tell(&t->ear, false, "issuer=%s", name);
	}
	if (log & (TLS_LOG_VERBOSE | TLS_LOG_PEERCERT))
		tell_names(t, cert);
	if (tls_is_peer_trusted(t) || !(log & TLS_LOG_UNTRUSTED))
		return;
	if (SSL_session_reused(t->ssl))
		tls_tell(&t->ear, false,
		    "%.*s: re-using session with untrusted certificate, "
		    "look for details earlier in the log",
		    PRI(t->peer));
	else
		tell_verify_error(t, cert);
}
