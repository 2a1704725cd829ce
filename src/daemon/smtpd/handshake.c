/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/handshake.c - sessions with TLS.
 *
 * A handshake is a wait like others (WAIT_TLS) with a limit for the whole of
 * it, smtpd_starttls_timeout: a client that sends a byte now and then gains
 * nothing. What comes behind its last message in the same packet already
 * belongs to the engine.
 */
#include "daemon/smtpd/session.h"

#include <errno.h>

#include "daemon/smtpd/forms.h"
#include "os/error.h"
#include "os/log.h"

#include <unistd.h>

enum {
	/* What one read can decrypt to, and what waited for its end. */
	PLAIN = SMTPD_INPUT + 32 * 1024,
};

static void hear(void *ctx, bool warning, span line)
{
	const struct session *s = ctx;

	log_text(s->service->syslog_name, "smtpd",
	    warning ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, line);
}

bool secure_begin(struct session *s)
{
	const struct tls_ear ear = { hear, s };
	struct tls_server *server = s->service->secure.server;

	if (server)
		s->tls = tls_accept(server, s->namaddr, &ear);
	return s->tls;
}

/* All that can be decrypted. */
static span decrypt(struct session *s)
{
	struct smtpd *p = s->p;
	enum tls_result result = TLS_OK;
	size_t have = 0;

	if (!p->plain)
		p->plain = mem_new(PLAIN, 1);
	while (result == TLS_OK) {
		size_t n;

		if (have == PLAIN)
			bug("more came out of TLS than went in");
		result = tls_read(s->tls, p->plain + have, PLAIN - have, &n);
		have += n;
	}
	s->ended = result != TLS_AGAIN;
	return span_of(p->plain, have);
}

void secure_input(struct session *s, size_t n)
{
	span plain;

	tls_feed(s->tls, span_of(s->p->input, n));
	plain = decrypt(s);
	if (plain.len) {
		smtp_server_feed(&s->engine, plain);
		session_resume(s);
	}
	/* TLS may have something to say of its own; or it was the end. */
	if (s->ended || tls_out(s->tls)->len)
		loop_defer(s->p->loop, LOOP_PEER, &s->flush);
}

struct buf *secure_output(struct session *s)
{
	struct buf *out = tls_out(s->tls);

	if (!out->len && s->engine.out.len && s->wait != WAIT_TLS) {
		if (tls_write(s->tls, buf_span(&s->engine.out)) != TLS_OK)
			return NULL;
		buf_release(&s->engine.out);
	}
	if (!out->len && s->wait == WAIT_END)
		tls_close(s->tls);
	return out;
}

/* ---- the handshake ---- */

/* No certificate that we trust, where there has to be one. */
static span why_not(const struct session *s)
{
	const struct secure *secure = &s->service->secure;

	if (!secure->require_cert || tls_is_peer_trusted(s->tls))
		return SPAN_NONE;
	return buf_span(
	    tls_has_peer_cert(s->tls) ? &secure->bad_cert : &secure->no_cert);
}

static void tell_abort(const struct session *s)
{
	form_info(s, "NOQUEUE: abort: TLS from %.*s: %s", PRI(s->namaddr),
	    tls_has_peer_cert(s->tls) ? "Client certificate not trusted"
	                              : "No client certificate presented");
}

static void done(struct session *s)
{
	span farewell = why_not(s);
	span plain;

	/* The last words of the handshake; no input is lost on the way. */
	loop_defer(s->p->loop, LOOP_PEER, &s->flush);
	plain = decrypt(s);
	if (farewell.len)
		tell_abort(s);
	if (!s->engine.tls) {
		smtp_server_answer(&s->engine, 0, SPAN_NONE);
		smtp_server_dismiss(&s->engine, farewell);
		if (plain.len)
			smtp_server_feed(&s->engine, plain);
		session_resume(s);
		return;
	}
	if (plain.len) {
		smtp_server_feed(&s->engine, plain);
		smtp_server_park(&s->engine);
	}
	step_secured(s, farewell);
}

static void tell_broken(const struct session *s, const char *why)
{
	form_info(s, "SSL_accept error from %.*s: %s", PRI(s->namaddr), why);
}

void secure_timeout(struct session *s)
{
	tell_broken(s, strerror(ETIMEDOUT));
}

bool secure_handshake(struct session *s)
{
	ssize_t n = os_size(read(s->fd, s->p->input, SMTPD_INPUT_COMMANDS));

	if (n == -EAGAIN || n == -EINTR)
		return true;
	if (n <= 0) {
		tell_broken(s, n < 0 ? strerror((int)-n) : "lost connection");
		return false;
	}
	tls_feed(s->tls, span_of(s->p->input, (size_t)n));
	switch (tls_handshake(s->tls)) {
	case TLS_OK:
		done(s);
		return true;
	case TLS_AGAIN:
		loop_defer(s->p->loop, LOOP_PEER, &s->flush);
		return true;
	case TLS_CLOSED:
	case TLS_FAILED:
		break;
	}
	/* Let it hear what we did not like; it need not listen. */
	(void)session_flush(s);
	return false;
}
