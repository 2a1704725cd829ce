/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/secure.h - TLS: what a service wants of it, and the sessions
 * that have it.
 *
 * A session with TLS has session->tls, from the beginning of its handshake.
 * Its engine sees the same bytes as without; on the way are here
 * secure_input() and secure_output().
 */
#pragma once

#include "proto/smtp_server_conf.h"
#include "tls/tls.h"

struct service;
struct session;

/* Part of a service. */
struct secure {
	struct tls_server *server; /* NULL: there is no TLS to be had */
	struct buf no_cert;        /* replies, if certificates are required */
	struct buf bad_cert;
	usec timeout;          /* of a handshake */
	uint8_t level;         /* enum smtp_tls */
	bool wrapped;          /* from the first byte */
	bool require_cert;     /* a client's, that we trust */
	bool tell_in_received; /* smtpd_tls_received_header */
};

/* From the service's configuration and the files that came with it; what is
 * wrong with them goes into the log. */
void secure_init(struct service *service, const struct tls_files *files);
void secure_done(struct secure *s);

/* Begin the handshake. False: it cannot be, the session is to end. */
MUST_USE bool secure_begin(struct session *s);
/* The socket has input for the handshake. False: the session is lost. */
MUST_USE bool secure_handshake(struct session *s);
/* That it took too long. */
void secure_timeout(struct session *s);
/* So many bytes in smtpd->input, for the engine. */
void secure_input(struct session *s, size_t n);
/* What is to be sent next, or nothing: NULL when that cannot be made. */
struct buf *secure_output(struct session *s);
