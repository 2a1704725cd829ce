/* SPDX-License-Identifier: ISC */
/*
 * tls/server.h - what all TLS sessions of a service have in common: keys,
 * protocols, ciphers, tickets. Counted: connections keep theirs.
 */
#pragma once

#include "base/time.h"
#include "tls/files.h"
#include "tls/words.h"

/* Who hears what there is to log; one line, without its end. */
struct tls_ear {
	void (*fn)(void *ctx, bool warning, span line);
	void *ctx;
};

/* Values as Postfix's parameters have them, chosen for the service. Borrowed
 * during tls_server_new(). */
struct tls_server_conf {
	span service; /* tickets are good for this one alone */
	const struct tls_files *files;
	span chain_files; /* when there are any, they are the only ones */
	span cert_file, key_file;
	span dcert_file, dkey_file;
	span eccert_file, eckey_file;
	span ca_file, ca_path;
	span dh_file; /* or "auto", or empty */
	span protocols;
	struct tls_grades grades;
	span grade, exclude_ciphers;
	span curves;
	span disable_workarounds, ssl_options;
	span fingerprint_digest;
	span ticket_cipher;  /* empty: no tickets */
	usec ticket_timeout; /* the same: 0 */
	uint32_t verify_depth;
	unsigned log; /* enum tls_log */
	bool prefer_our_ciphers;
	bool ask_cert;     /* of the client */
	bool require_cert; /* the caller does; be strict about it */
};

struct tls_server;

/* To be called before the sandbox closes: OpenSSL reads its own
 * configuration file. */
void tls_init(void);

/* NULL: not with this configuration; why was told. */
struct tls_server *tls_server_new(
    const struct tls_server_conf *conf, const struct tls_ear *ear);
struct tls_server *tls_server_ref(struct tls_server *s);
/* Nulls the caller's pointer; NULL is fine. */
void tls_server_unref(struct tls_server **s);
