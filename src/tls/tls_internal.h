/* SPDX-License-Identifier: ISC */
/* tls/tls_internal.h - shared by the files that know OpenSSL. */
#pragma once

#include "tls/tls.h"

#include <openssl/ssl.h>

struct tickets;

struct tls_server {
	unsigned refs;
	SSL_CTX *ctx;
	struct tickets *tickets; /* NULL: none are given out */
	EVP_MD *digest;          /* of fingerprints */
	char *ciphers;           /* the list, to be logged */
	unsigned log;
	bool asks_cert;
	bool requires_cert;
};

struct tls {
	SSL *ssl;
	struct tls_server *server;
	span in; /* fed, and not consumed yet */
	struct buf out;
	span peer;
	struct tls_ear ear;
	/* The worst of what is wrong with the peer's certificate. */
	int verify_error;
	int verify_depth;
	bool done;     /* the handshake */
	bool ticketed; /* a ticket of ours was good */
	bool closed;   /* we said that nothing follows */
};

PRINTF_LIKE(3, 4)
void tls_tell(const struct tls_ear *ear, bool warning, const char *format, ...);
/* Tell what OpenSSL complains about, and let it forget that. */
void tls_tell_errors(const struct tls_ear *ear);

/* ---- certs.c: false: TLS cannot be; it was told why ---- */

MUST_USE bool tls_load_certs(SSL_CTX *ctx, const struct tls_server_conf *conf,
    const struct tls_ear *ear);
MUST_USE bool tls_load_authorities(SSL_CTX *ctx,
    const struct tls_server_conf *conf, const struct tls_ear *ear);
void tls_load_dh(SSL_CTX *ctx, const struct tls_server_conf *conf,
    const struct tls_ear *ear);

/* ---- tickets.c ---- */

/* NULL: the cipher does not serve, it was told. */
struct tickets *tickets_new(
    SSL_CTX *ctx, span cipher, usec timeout, const struct tls_ear *ear);
void tickets_free(struct tickets **t);

/* ---- verify.c ---- */

int tls_verify_callback(int ok, X509_STORE_CTX *store);
/* What there is to say about the client's certificate. */
void tls_tell_peer(struct tls *t);
/* commonName or organizationName as UTF-8, or nothing; appended. */
void tls_put_name(struct buf *out, X509_NAME *name);

/* ---- describe.c ---- */

/* "Anonymous TLS connection established from ..." */
void tls_put_summary(const struct tls *t, struct buf *out);
