/* SPDX-License-Identifier: ISC */
/*
 * tls/certs.c - certificates and keys, out of the files that master read.
 *
 * Three ways to name them, as in Postfix: chain files with keys and chains in
 * turn, a certificate file and a key file, or one file with both in any
 * order. Keys with a passphrase cannot be used: there is nobody to ask.
 */
#include "tls/tls_internal.h"

#include <errno.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* Never asks the terminal. */
static int no_passphrase(
    char *to UNUSED, int room UNUSED, int writing UNUSED, void *ctx UNUSED)
{
	return -1;
}

/* NULL: it could not be read, OpenSSL's list of errors says why. */
static BIO *open_file(const struct tls_server_conf *conf, span name)
{
	span content = SPAN_NONE;
	int r = tls_files_get(conf->files, name, &content);

	if (r == 0)
		return BIO_new_mem_buf(
		    content.len ? content.ptr : "", (int)content.len);
	ERR_raise_data(ERR_LIB_SYS, -r, "open '%.*s'", PRI(name));
	return NULL;
}

/* ---- a key with its chain ---- */

struct chain {
	SSL_CTX *ctx;
	const struct tls_ear *ear;
	EVP_PKEY *key;
	X509 *leaf;
	STACK_OF(X509) * rest;
};

static void forget(struct chain *c)
{
	EVP_PKEY_free(c->key);
	X509_free(c->leaf);
	sk_X509_pop_free(c->rest, X509_free);
	c->key = NULL;
	c->leaf = NULL;
	c->rest = NULL;
}

static bool add_cert(struct chain *c, X509 *cert)
{
	if (!c->leaf) {
		c->leaf = cert;
		return true;
	}
	if (!c->rest)
		c->rest = sk_X509_new_null();
	if (c->rest && sk_X509_push(c->rest, cert) > 0)
		return true;
	X509_free(cert);
	return false;
}

/* Each kind of key once; a second one of the same kind is a mistake. */
static bool use(struct chain *c)
{
	bool ok =
	    SSL_CTX_use_cert_and_key(c->ctx, c->leaf, c->key, c->rest, 0) > 0;

	forget(c);
	return ok;
}

/* ---- reading objects one by one ---- */

enum object { OBJECT_NONE, OBJECT_KEY, OBJECT_CERT, OBJECT_OTHER, OBJECT_BAD };

static EVP_PKEY *parse_key(
    const char *type, const unsigned char *bytes, long len)
{
	static const struct {
		const char *type;
		int kind;
	} kinds[] = {
		{ PEM_STRING_RSA, EVP_PKEY_RSA },
		{ PEM_STRING_ECPRIVATEKEY, EVP_PKEY_EC },
		{ PEM_STRING_DSA, EVP_PKEY_DSA },
	};

	if (!strcmp(type, PEM_STRING_PKCS8INF))
		return d2i_AutoPrivateKey(NULL, &bytes, len);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(type, kinds[i].type))
			return d2i_PrivateKey(kinds[i].kind, NULL, &bytes, len);
	return NULL;
}

static bool is_key(const char *type)
{
	return !strcmp(type, PEM_STRING_PKCS8INF) ||
	    !strcmp(type, PEM_STRING_RSA) ||
	    !strcmp(type, PEM_STRING_ECPRIVATEKEY) ||
	    !strcmp(type, PEM_STRING_DSA);
}

static bool is_cert(const char *type)
{
	return !strcmp(type, PEM_STRING_X509) ||
	    !strcmp(type, PEM_STRING_X509_OLD);
}

static bool at_end(void)
{
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return false;
	ERR_clear_error();
	return true;
}

static enum object next_object(BIO *bio, EVP_PKEY **ret_key, X509 **ret_cert)
{
	unsigned char *bytes = NULL;
	const unsigned char *at;
	enum object what = OBJECT_OTHER;
	char *type = NULL;
	char *header = NULL;
	long len;

	if (!PEM_read_bio(bio, &type, &header, &bytes, &len))
		return at_end() ? OBJECT_NONE : OBJECT_BAD;
	at = bytes;
	if (is_cert(type)) {
		*ret_cert = d2i_X509(NULL, &at, len);
		what = *ret_cert ? OBJECT_CERT : OBJECT_BAD;
	} else if (is_key(type)) {
		*ret_key = parse_key(type, bytes, len);
		what = *ret_key ? OBJECT_KEY : OBJECT_BAD;
	}
	OPENSSL_free(type);
	OPENSSL_free(header);
	OPENSSL_clear_free(bytes, (size_t)len);
	return what;
}

/* ---- smtpd_tls_chain_files ---- */

/* A key ends the chain of the one before. */
static bool add_chain_key(struct chain *c, EVP_PKEY *key, span file)
{
	if (c->key && !c->leaf) {
		EVP_PKEY_free(key);
		tls_tell(c->ear, true,
		    "error loading certificate chain: a key in %.*s is not "
		    "followed by a certificate",
		    PRI(file));
		return false;
	}
	if (c->key && !use(c)) {
		EVP_PKEY_free(key);
		tls_tell(c->ear, true,
		    "error loading certificate chain: a key before one in "
		    "%.*s does not match the certificate",
		    PRI(file));
		return false;
	}
	c->key = key;
	return true;
}

static bool read_chain_file(struct chain *c, BIO *bio, span file)
{
	for (;;) {
		EVP_PKEY *key = NULL;
		X509 *cert = NULL;

		switch (next_object(bio, &key, &cert)) {
		case OBJECT_NONE:
			return true;
		case OBJECT_KEY:
			if (!add_chain_key(c, key, file))
				return false;
			break;
		case OBJECT_CERT:
			if (c->key && add_cert(c, cert))
				break;
			if (!c->key)
				X509_free(cert);
			tls_tell(c->ear, true,
			    "error loading chain from %.*s: key not first",
			    PRI(file));
			return false;
		case OBJECT_OTHER:
			break;
		case OBJECT_BAD:
			tls_tell(c->ear, true,
			    "error loading private key or certificate from "
			    "%.*s",
			    PRI(file));
			return false;
		}
	}
}

static bool load_chain_list(struct chain *c, const struct tls_server_conf *conf)
{
	span list = conf->chain_files;

	for (;;) {
		span file = span_word(&list, ", \t\r\n");
		BIO *bio;
		bool ok;

		if (!file.len)
			break;
		bio = open_file(conf, file);
		if (!bio) {
			tls_tell(c->ear, true, "error opening chain file: %.*s",
			    PRI(file));
			return false;
		}
		ok = read_chain_file(c, bio, file);
		BIO_free(bio);
		if (!ok)
			return false;
	}
	if (!c->key)
		tls_tell(c->ear, true, "No PEM data in %.*s",
		    PRI(conf->chain_files));
	else if (!c->leaf)
		tls_tell(c->ear, true, "No certs for the last key in %.*s",
		    PRI(conf->chain_files));
	else if (use(c))
		return true;
	return false;
}

static bool load_chains(
    SSL_CTX *ctx, const struct tls_server_conf *conf, const struct tls_ear *ear)
{
	struct chain c = { .ctx = ctx, .ear = ear };
	bool ok = load_chain_list(&c, conf);

	forget(&c);
	if (ok)
		return true;
	tls_tell_errors(ear);
	tls_tell(ear, true,
	    "error loading private keys and certificates from: %.*s: "
	    "disabling TLS support",
	    PRI(conf->chain_files));
	return false;
}

/* ---- one file for both ---- */

static bool read_mixed(struct chain *c, BIO *bio, span file)
{
	for (;;) {
		EVP_PKEY *key = NULL;
		X509 *cert = NULL;
		enum object what = next_object(bio, &key, &cert);

		if (what == OBJECT_NONE)
			break;
		if (what == OBJECT_BAD)
			return false;
		if (what == OBJECT_CERT && !add_cert(c, cert))
			return false;
		if (what == OBJECT_KEY && c->key) {
			tls_tell(c->ear, true, "ignoring 2nd key in %.*s",
			    PRI(file));
			EVP_PKEY_free(key);
		} else if (what == OBJECT_KEY) {
			c->key = key;
		}
	}
	if (!c->key && !c->leaf)
		tls_tell(c->ear, true, "No PEM data in %.*s", PRI(file));
	else if (!c->key)
		tls_tell(
		    c->ear, true, "No private key found in %.*s", PRI(file));
	else if (!c->leaf)
		tls_tell(c->ear, true, "No certs for key in %.*s", PRI(file));
	else if (use(c))
		return true;
	return false;
}

static bool load_mixed(SSL_CTX *ctx, const struct tls_server_conf *conf,
    span file, const struct tls_ear *ear)
{
	struct chain c = { .ctx = ctx, .ear = ear };
	BIO *bio = open_file(conf, file);
	bool ok = bio && read_mixed(&c, bio, file);

	BIO_free(bio);
	forget(&c);
	if (ok)
		return true;
	tls_tell_errors(ear);
	tls_tell(ear, true,
	    "error loading private keys and certificates from: %.*s: "
	    "disabling TLS support",
	    PRI(file));
	return false;
}

/* ---- a file for each ---- */

/* The leaf, which may carry trust settings, and what is behind it. */
static bool read_certs(struct chain *c, BIO *bio)
{
	c->leaf = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL);
	if (!c->leaf)
		return false;
	for (;;) {
		X509 *cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);

		if (!cert)
			return at_end();
		if (!add_cert(c, cert))
			return false;
	}
}

struct pair {
	const char *type; /* as Postfix calls it; any will do */
	span cert_file;
	span key_file;
};

static bool load_cert(
    struct chain *c, const struct tls_server_conf *conf, const struct pair *p)
{
	BIO *bio = open_file(conf, p->cert_file);
	bool ok = bio && read_certs(c, bio);

	BIO_free(bio);
	if (!ok)
		tls_tell(c->ear, true,
		    "cannot get %s certificate from file \"%.*s\": "
		    "disabling TLS support",
		    p->type, PRI(p->cert_file));
	return ok;
}

/* The text depends on how wrong it is, as with Postfix. */
static bool use_key(struct chain *c, const struct pair *p)
{
	if (c->key &&
	    EVP_PKEY_get_base_id(c->key) !=
	        EVP_PKEY_get_base_id(X509_get0_pubkey(c->leaf))) {
		tls_tell(c->ear, true,
		    "%s private key in %.*s does not match public key in "
		    "%.*s: disabling TLS support",
		    p->type, PRI(p->key_file), PRI(p->cert_file));
		return false;
	}
	if (c->key && use(c))
		return true;
	tls_tell(c->ear, true,
	    "cannot get %s private key from file \"%.*s\": "
	    "disabling TLS support",
	    p->type, PRI(p->key_file));
	return false;
}

static bool load_two(
    struct chain *c, const struct tls_server_conf *conf, const struct pair *p)
{
	BIO *bio;

	if (!load_cert(c, conf, p))
		return false;
	bio = open_file(conf, p->key_file);
	if (bio)
		c->key =
		    PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	return use_key(c, p);
}

static bool load_pair(SSL_CTX *ctx, const struct tls_server_conf *conf,
    const struct pair *p, const struct tls_ear *ear)
{
	struct chain c = { .ctx = ctx, .ear = ear };
	bool ok;

	/* In one go: who renews them would hate a key of yesterday. */
	if (span_eq(p->cert_file, p->key_file))
		return load_mixed(ctx, conf, p->cert_file, ear);
	ok = load_two(&c, conf, p);
	forget(&c);
	if (!ok)
		tls_tell_errors(ear);
	return ok;
}

bool tls_load_certs(
    SSL_CTX *ctx, const struct tls_server_conf *conf, const struct tls_ear *ear)
{
	const struct pair pairs[] = {
		{ "RSA", conf->cert_file, conf->key_file },
		{ "DSA", conf->dcert_file, conf->dkey_file },
		{ "ECDSA", conf->eccert_file, conf->eckey_file },
	};

	if (conf->chain_files.len)
		return load_chains(ctx, conf, ear);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (pairs[i].cert_file.len &&
		    !load_pair(ctx, conf, &pairs[i], ear))
			return false;
	return true;
}

/* ---- who vouches for clients ---- */

/* Certificates and revocations; the number of them, or -1. */
static int add_authorities(
    SSL_CTX *ctx, const struct tls_server_conf *conf, span file, bool announce)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	BIO *bio = open_file(conf, file);
	STACK_OF(X509_INFO) *infos = NULL;
	int n = 0;

	if (bio)
		infos = PEM_X509_INFO_read_bio(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (!infos)
		return -1;
	for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
		const X509_INFO *info = sk_X509_INFO_value(infos, i);

		if (info->x509 && X509_STORE_add_cert(store, info->x509) > 0)
			n++;
		if (info->crl && X509_STORE_add_crl(store, info->crl) > 0)
			n++;
		if (info->x509 && announce)
			(void)SSL_CTX_add_client_CA(ctx, info->x509);
	}
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	return n;
}

static void put_place(struct buf *out, const char *name, span value)
{
	if (!value.len)
		return;
	if (out->len)
		buf_put(out, SPAN(", "));
	buf_printf(out, "%s=\"%.*s\"", name, PRI(value));
}

bool tls_load_authorities(
    SSL_CTX *ctx, const struct tls_server_conf *conf, const struct tls_ear *ear)
{
	CLEANUP(buf_done) struct buf places = BUF_INIT(8192);
	bool ok = true;

	if (conf->ca_file.len)
		ok = add_authorities(ctx, conf, conf->ca_file, conf->ask_cert) >
		    0;
	/* An empty directory is no mistake. */
	if (ok && conf->ca_path.len)
		ok = add_authorities(ctx, conf, conf->ca_path, false) >= 0;
	if (ok)
		return true;
	put_place(&places, "CAfile", conf->ca_file);
	put_place(&places, "CApath", conf->ca_path);
	tls_tell(ear, false,
	    "cannot load Certification Authority data, %s: disabling TLS "
	    "support",
	    buf_cstr(&places));
	tls_tell_errors(ear);
	return false;
}

/* ---- Diffie-Hellman ---- */

static EVP_PKEY *parse_dh(span content)
{
	const unsigned char *at = (const unsigned char *)content.ptr;
	EVP_PKEY *dh = NULL;
	OSSL_DECODER_CTX *d = OSSL_DECODER_CTX_new_for_pkey(&dh, "PEM", NULL,
	    "DH", OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS, NULL, NULL);

	if (d)
		(void)OSSL_DECODER_from_data(d, &at, &content.len);
	OSSL_DECODER_CTX_free(d);
	return dh;
}

/* Without a file OpenSSL takes a group that fits the certificate's key. */
void tls_load_dh(
    SSL_CTX *ctx, const struct tls_server_conf *conf, const struct tls_ear *ear)
{
	EVP_PKEY *dh = NULL;
	span content = SPAN_NONE;

	(void)SSL_CTX_set_dh_auto(ctx, 1);
	if (!conf->dh_file.len || span_eq(conf->dh_file, SPAN("auto")))
		return;
	if (tls_files_get(conf->files, conf->dh_file, &content) == 0)
		dh = parse_dh(content);
	if (dh && SSL_CTX_set0_tmp_dh_pkey(ctx, dh) > 0)
		return;
	EVP_PKEY_free(dh);
	tls_tell(ear, true,
	    "cannot load DH parameters from file %.*s -- using compiled-in "
	    "defaults",
	    PRI(conf->dh_file));
	tls_tell_errors(ear);
}
