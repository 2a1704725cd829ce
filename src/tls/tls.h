/* SPDX-License-Identifier: ISC */
/*
 * tls/tls.h - one TLS connection, without I/O.
 *
 * As the protocols of proto/: bytes of the peer in, bytes for the peer out.
 * The driver does the reading, the writing, and keeps the time:
 *
 *	tls_feed(t, bytes of the peer);
 *	tls_handshake(t) until it says TLS_OK, then tls_read(t, ...);
 *	tls_write(t, text);
 *	send what is in tls_out(t), buf_drop() what was sent.
 *
 * All bytes that were fed are gone when TLS_AGAIN is returned, so they can
 * lie in a buffer that is shared. A connection that waits for its peer holds
 * no buffer.
 */
#pragma once

#include "tls/server.h"

struct tls;

enum tls_result {
	TLS_OK,
	TLS_AGAIN,  /* bytes of the peer are needed */
	TLS_CLOSED, /* the peer said that nothing follows */
	TLS_FAILED, /* it is over; why was told */
};

/* A connection that a client has made. `peer` is "name[addr]"; it and the
 * ear's ctx live on. NULL: no memory for it. */
struct tls *tls_accept(
    struct tls_server *server, span peer, const struct tls_ear *ear);
/* Nulls the caller's pointer; NULL is fine. */
void tls_free(struct tls **t);

/* Only when all of what was fed before is gone. */
void tls_feed(struct tls *t, span bytes);
MUST_USE enum tls_result tls_handshake(struct tls *t);
/* At most `room` bytes; TLS_OK: `ret_n` of them. */
MUST_USE enum tls_result tls_read(
    struct tls *t, char *to, size_t room, size_t *ret_n);
/* All of it, or TLS_FAILED. */
MUST_USE enum tls_result tls_write(struct tls *t, span bytes);
/* Tell the peer that nothing follows. */
void tls_close(struct tls *t);
/* For the peer. */
struct buf *tls_out(struct tls *t);

/* ---- after the handshake ---- */

/* The session goes on from an earlier one. */
bool tls_is_resumed(const struct tls *t);
bool tls_has_peer_cert(const struct tls *t);
/* ... and there is a chain of trust to it. */
bool tls_is_peer_trusted(const struct tls *t);
/* The lines of a Received header: "\t(using TLSv1.3 with ...)\r\n" ... */
void tls_write_received(const struct tls *t, struct buf *out);
