/* SPDX-License-Identifier: ISC */
/*
 * tls/describe.c - a connection in words: for the log and for the Received
 * header, as Postfix 3.7 writes them.
 */
#include "tls/tls_internal.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

/* " (prime256v1)" or " (2048 bits)" */
static void put_key_size(struct buf *out, const EVP_PKEY *key)
{
	char group[80];
	size_t n = 0;

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_group_name(key, group, sizeof(group), &n))
			buf_printf(out, " (%s)", group);
		break;
	case EVP_PKEY_DH:
	case EVP_PKEY_RSA:
		buf_printf(out, " (%d bits)", EVP_PKEY_get_bits(key));
		break;
	default:
		break;
	}
}

/* RSA keys sign with PSS in TLS 1.3. */
static const char *name_of_key(const EVP_PKEY *key, bool signs)
{
	int id = EVP_PKEY_get_base_id(key);

	switch (id) {
	case EVP_PKEY_EC:
		return signs ? "ECDSA" : "ECDHE";
	case EVP_PKEY_DH:
		return "DHE";
	case EVP_PKEY_RSA:
		return "RSA-PSS";
	default:
		return OBJ_nid2sn(id);
	}
}

/* " server-signature RSA-PSS (2048 bits) server-digest SHA256" */
static void put_signature(
    struct buf *out, const char *whose, const EVP_PKEY *key, int digest)
{
	buf_printf(out, " %s-signature %s", whose, name_of_key(key, true));
	put_key_size(out, key);
	if (digest != NID_undef)
		buf_printf(out, " %s-digest %s", whose, OBJ_nid2sn(digest));
}

static void put_cipher(const struct tls *t, struct buf *out)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
	int secret = 0;
	int all = 0;

	if (cipher)
		secret = SSL_CIPHER_get_bits(cipher, &all);
	buf_printf(out, "%s with cipher %s (%d/%d bits)",
	    SSL_get_version(t->ssl), SSL_CIPHER_get_name(cipher), secret, all);
}

static bool is_modern(const struct tls *t)
{
	return SSL_version(t->ssl) >= TLS1_3_VERSION;
}

static void put_key_exchange(const struct tls *t, struct buf *out)
{
	EVP_PKEY *key = NULL;

	if (!is_modern(t) || !SSL_get_peer_tmp_key(t->ssl, &key))
		return;
	buf_printf(out, " key-exchange %s", name_of_key(key, false));
	put_key_size(out, key);
	EVP_PKEY_free(key);
}

static void put_our_signature(const struct tls *t, struct buf *out)
{
	const EVP_PKEY *key = SSL_get_privatekey(t->ssl);
	int digest = NID_undef;

	if (!is_modern(t) || !key)
		return;
	(void)SSL_get_signature_nid(t->ssl, &digest);
	put_signature(out, "server", key, digest);
}

static void put_peer_signature(const struct tls *t, struct buf *out)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	const EVP_PKEY *key = cert ? X509_get0_pubkey(cert) : NULL;
	int digest = NID_undef;

	if (!is_modern(t) || !key)
		return;
	(void)SSL_get_peer_signature_nid(t->ssl, &digest);
	put_signature(out, "client", key, digest);
}

void tls_put_summary(const struct tls *t, struct buf *out)
{
	const char *trust = "Anonymous";

	if (tls_has_peer_cert(t))
		trust = tls_is_peer_trusted(t) ? "Trusted" : "Untrusted";
	buf_printf(out, "%s TLS connection established from %.*s: ", trust,
	    PRI(t->peer));
	put_cipher(t, out);
	put_key_exchange(t, out);
	put_our_signature(t, out);
	put_peer_signature(t, out);
}

/* ---- Received ---- */

/* A name that cannot end the comment it stands in. */
static void put_harmless(struct buf *out, span name)
{
	unsigned depth = 0;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!ascii_is_print(c) || c == '\\' || (c == ')' && !depth))
			c = '?';
		depth += c == '(';
		depth -= c == ')';
		buf_putc(out, c);
	}
}

static void put_names(const struct tls *t, struct buf *out)
{
	CLEANUP(buf_done) struct buf subject = BUF_INIT(1024);
	CLEANUP(buf_done) struct buf issuer = BUF_INIT(1024);
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	tls_put_name(&subject, X509_get_subject_name(cert));
	tls_put_name(&issuer, X509_get_issuer_name(cert));
	buf_put(out, SPAN("\t(Client CN \""));
	put_harmless(out, buf_span(&subject));
	buf_put(out, SPAN("\", Issuer \""));
	put_harmless(out, buf_span(&issuer));
	buf_printf(out, "\" (%s))\r\n",
	    tls_is_peer_trusted(t) ? "verified OK" : "not verified");
}

/* What follows on a line of its own begins with the blank of the word. */
static void put_more(struct buf *out, struct buf *line)
{
	if (line->len) {
		buf_put(out, SPAN("\r\n\t"));
		buf_put(out, buf_span(line));
		buf_clear(line);
	}
}

void tls_write_received(const struct tls *t, struct buf *out)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(1024);

	buf_put(out, SPAN("\t(using "));
	put_cipher(t, out);
	put_key_exchange(t, &line);
	put_our_signature(t, &line);
	put_more(out, &line);
	put_peer_signature(t, &line);
	put_more(out, &line);
	buf_put(out, SPAN(")\r\n"));
	if (tls_has_peer_cert(t))
		put_names(t, out);
	else if (t->server->asks_cert)
		buf_put(
		    out, SPAN("\t(Client did not present a certificate)\r\n"));
	else
		buf_put(out, SPAN("\t(No client certificate requested)\r\n"));
}
