/* SPDX-License-Identifier: ISC */
/*
 * tls/tls.c - one connection.
 *
 * OpenSSL reads and writes through a BIO of ours: it takes from the bytes
 * that were fed and appends to `out`. So it makes no system call, nothing in
 * it blocks, and a socket that takes only half of what we have to say is the
 * driver's business alone. What the peer can make grow (answers to its
 * requests for new keys) is limited by OUT_MAX.
 */
#include "tls/tls_internal.h"

#include <openssl/bio.h>
#include <openssl/err.h>

enum { OUT_MAX = 1024 * 1024 };

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *to, size_t room, size_t *ret_n)
{
	struct tls *t = BIO_get_data(bio);
	size_t n = MIN(room, t->in.len);

	BIO_clear_retry_flags(bio);
	*ret_n = n;
	if (!n) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(to, t->in.ptr, n);
	t->in = span_from(t->in, n);
	return 1;
}

static int bio_write(BIO *bio, const char *from, size_t n, size_t *ret_n)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	buf_put(&t->out, span_of(from, n));
	*ret_n = n;
	return t->out.failed ? 0 : 1;
}

static long bio_ctrl(
    BIO *bio UNUSED, int what, long number UNUSED, void *pointer UNUSED)
{
	return what == BIO_CTRL_FLUSH;
}

/* Made once, for all connections of the process. */
static BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *method;

	if (method)
		return method;
	method =
	    BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "chasqui");
	if (!method || !BIO_meth_set_read_ex(method, bio_read) ||
	    !BIO_meth_set_write_ex(method, bio_write) ||
	    !BIO_meth_set_ctrl(method, bio_ctrl))
		bug("no memory for a BIO method");
	return method;
}

static bool attach(struct tls *t)
{
	BIO *bio = BIO_new(bio_method());

	if (!bio)
		return false;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	return SSL_set_app_data(t->ssl, t) > 0;
}

/* ---- life ---- */

struct tls *tls_accept(
    struct tls_server *server, span peer, const struct tls_ear *ear)
{
	struct tls *t = NEW(struct tls);

	ERR_clear_error();
	t->server = tls_server_ref(server);
	t->peer = peer;
	t->ear = *ear;
	buf_init(&t->out, OUT_MAX);
	if (server->log & TLS_LOG_VERBOSE)
		tls_tell(ear, false, "setting up TLS connection from %.*s",
		    PRI(peer));
	t->ssl = SSL_new(server->ctx);
	if (!t->ssl || !attach(t)) {
		tls_tell(ear, true, "Could not allocate a TLS connection");
		tls_tell_errors(ear);
		tls_free(&t);
		return NULL;
	}
	if (server->log & TLS_LOG_VERBOSE)
		tls_tell(ear, false, "%.*s: TLS cipher list \"%s\"", PRI(peer),
		    server->ciphers);
	SSL_set_accept_state(t->ssl);
	return t;
}

void tls_free(struct tls **conn)
{
	struct tls *t = STEAL(*conn);

	if (!t)
		return;
	SSL_free(t->ssl);
	buf_done(&t->out);
	tls_server_unref(&t->server);
	mem_free(t);
}

struct buf *tls_out(struct tls *t)
{
	return &t->out;
}

void tls_feed(struct tls *t, span bytes)
{
	if (t->in.len)
		bug("tls: fed before the last bytes were read");
	t->in = bytes;
}

/* ---- talking ---- */

static enum tls_result result_of(struct tls *t, int r)
{
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_NONE:
		return TLS_OK;
	case SSL_ERROR_WANT_READ:
		return TLS_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	default:
		return TLS_FAILED;
	}
}

static void handshake_done(struct tls *t)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(8192);
	unsigned log = t->server->log;

	t->done = true;
	if (log & TLS_LOG_CACHE && SSL_session_reused(t->ssl))
		tls_tell(&t->ear, false, "%.*s: Reusing old session%s",
		    PRI(t->peer),
		    t->ticketed ? " (RFC 5077 session ticket)" : "");
	tls_tell_peer(t);
	if (!(log & TLS_LOG_SUMMARY))
		return;
	tls_put_summary(t, &line);
	tls_tell(&t->ear, false, "%s", buf_cstr(&line));
}

enum tls_result tls_handshake(struct tls *t)
{
	enum tls_result result;
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(t->ssl);
	result = result_of(t, r);
	if (result == TLS_OK)
		handshake_done(t);
	if (result != TLS_FAILED && result != TLS_CLOSED)
		return result;
	tls_tell(
	    &t->ear, false, "SSL_accept error from %.*s: %d", PRI(t->peer), r);
	tls_tell_errors(&t->ear);
	t->in = SPAN_NONE;
	return TLS_FAILED;
}

enum tls_result tls_read(struct tls *t, char *to, size_t room, size_t *ret_n)
{
	enum tls_result result;

	ERR_clear_error();
	*ret_n = 0;
	result = result_of(t, SSL_read_ex(t->ssl, to, room, ret_n));
	if (result == TLS_FAILED)
		tls_tell_errors(&t->ear);
	if (result == TLS_FAILED || result == TLS_CLOSED)
		t->in = SPAN_NONE;
	return result;
}

enum tls_result tls_write(struct tls *t, span bytes)
{
	size_t n;

	if (!bytes.len)
		return TLS_OK;
	ERR_clear_error();
	if (SSL_write_ex(t->ssl, bytes.ptr, bytes.len, &n) > 0 &&
	    n == bytes.len)
		return TLS_OK;
	tls_tell_errors(&t->ear);
	return TLS_FAILED;
}

void tls_close(struct tls *t)
{
	if (t->closed || !t->done)
		return;
	t->closed = true;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

bool tls_is_resumed(const struct tls *t)
{
	return SSL_session_reused(t->ssl) > 0;
}

bool tls_has_peer_cert(const struct tls *t)
{
	return SSL_get0_peer_certificate(t->ssl) != NULL;
}

bool tls_is_peer_trusted(const struct tls *t)
{
	return tls_has_peer_cert(t) &&
	    SSL_get_verify_result(t->ssl) == X509_V_OK;
}
