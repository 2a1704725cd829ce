/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/session.c - one client: bytes in and out, waiting, time, the
 * end.
 *
 * Input is read into the one buffer of the process and shown to the engine,
 * which copies what is left over when the session has to wait. Replies gather
 * in the engine's output and leave at the end of the round.
 *
 * The socket stays watched for input while the session waits for something
 * else, since honest clients say nothing then. One that does is not read, and
 * its socket is not watched, until it is its turn.
 */
#include "daemon/smtpd/session.h"

#include "daemon/smtpd/forms.h"
#include "daemon/smtpd/handover.h"
#include "os/error.h"
#include "os/log.h"
#include "os/sock.h"

#include <sys/socket.h>
#include <unistd.h>

/* Under stress nobody may think for longer than this. */
static const usec short_patience = 10 * USEC_SEC;

/* ---- the socket ---- */

static void watch(struct session *s, bool in, bool out)
{
	if (in == s->is_reading && out == s->is_writing)
		return;
	s->is_reading = in;
	s->is_writing = out;
	loop_watch_set(s->watch, (in ? LOOP_IN : 0u) | (out ? LOOP_OUT : 0u));
}

/* More than nine tenths of the sessions there can be. */
static bool is_stressed(const struct smtpd *p)
{
	return p->nsessions > p->max_sessions - p->max_sessions / 10;
}

static usec patience(const struct session *s)
{
	usec t = s->service->set.smtpd_timeout;

	return is_stressed(s->p) ? MIN(t, short_patience) : t;
}

/* The timer may be set for an earlier time than this: then it fires for
 * nothing, and is set again. That is cheaper than moving it with each read. */
static void set_deadline(struct session *s, usec when)
{
	/* We trust it to end when it should. */
	if (s->trusted)
		return;
	s->deadline = when;
	if (!s->timer.node.at)
		loop_timer_set(s->p->loop, &s->timer, when);
}

enum flushed { FLUSHED, FLUSH_LATER, FLUSH_BROKEN };

static enum flushed send_out(struct session *s, struct buf *out)
{
	while (out->len) {
		ssize_t n =
		    os_size(send(s->fd, out->data, out->len, MSG_NOSIGNAL));

		if (n == -EINTR)
			continue;
		if (n == -EAGAIN) {
			watch(s, s->is_reading, true);
			/* A handshake has a limit for the whole of it. */
			if (s->wait != WAIT_TLS)
				set_deadline(
				    s, loop_now(s->p->loop) + patience(s));
			return FLUSH_LATER;
		}
		if (n < 0)
			return FLUSH_BROKEN;
		buf_drop(out, (size_t)n);
	}
	buf_release(out);
	return FLUSHED;
}

/* What waits to be encrypted does so until the rest has been sent. */
static enum flushed flush(struct session *s)
{
	enum flushed result = FLUSHED;

	if (!s->tls) {
		result = send_out(s, &s->engine.out);
	} else {
		struct buf *out = secure_output(s);

		while (out && out->len && result == FLUSHED) {
			result = send_out(s, out);
			out = secure_output(s);
		}
		if (!out)
			result = FLUSH_BROKEN;
	}
	if (result == FLUSHED)
		watch(s, s->is_reading, false);
	return result;
}

/* ---- the end ---- */

static void session_end(struct session *s)
{
	struct smtpd *p = s->p;

	if (!s->namaddr.len)
		session_set_name(s, SPAN("unknown"), SPAN("unknown"));
	form_disconnect(s);
	ask_forget(s);
	list_remove(&s->waiting);
	if (s->message && s->message->committed)
		s->message->session = NULL;
	else
		message_free(&s->message);
	if (s->client)
		limits_close(p->limits, s->client, loop_now(p->loop));
	loop_timer_stop(p->loop, &s->timer);
	loop_defer_cancel(&s->flush);
	loop_unwatch(&s->watch);
	tls_free(&s->tls);
	(void)close(s->fd);
	smtp_server_done(&s->engine);
	buf_done(&s->held);
	list_remove(&s->link);
	p->nsessions--;
	service_unref(&s->service);
	mem_free(s->who);
	mem_free(s);
	smtpd_session_gone(p);
}

static void lost(struct session *s)
{
	/* To go away after the message was taken is no fault. */
	if (s->greeted &&
	    !span_eq(
	        smtp_server_where_word(&s->engine), SPAN("END-OF-MESSAGE")) &&
	    s->wait != WAIT_END)
		form_broken(s, "lost connection");
	session_end(s);
}

void session_kill(struct session *s)
{
	session_end(s);
}

/* ---- running ---- */

static void session_run(struct session *s)
{
	s->wait = WAIT_NOTHING;
	while (step_for(smtp_server_next(&s->engine))(s))
		;
	smtp_server_park(&s->engine);
	if (s->engine.out.len || s->wait == WAIT_END)
		loop_defer(s->p->loop, LOOP_PEER, &s->flush);
}

void session_resume(struct session *s)
{
	session_run(s);
}

bool session_wait_for(struct session *s, enum session_wait what)
{
	s->wait = (uint8_t)what;
	return false;
}

bool session_wait_time(struct session *s, enum session_wait what, usec time)
{
	s->deadline = loop_now(s->p->loop) + time;
	loop_timer_set(s->p->loop, &s->timer, s->deadline);
	return session_wait_for(s, what);
}

/* With smtpd_per_request_deadline the time is for a whole command, and
 * content earns time as it arrives. */
static usec input_deadline(const struct session *s, size_t got)
{
	const struct service_settings *set = &s->service->set;
	usec now = loop_now(s->p->loop);
	usec full = now + patience(s);

	if (!set->smtpd_per_request_deadline || !s->deadline)
		return full;
	if (s->engine.state == SMTP_DATA || s->engine.state == SMTP_CHUNK)
		return MIN(full,
		    s->deadline + got * USEC_SEC / set->smtpd_min_data_rate);
	return s->engine.in.len ? s->deadline : full;
}

bool session_wait_input(struct session *s)
{
	/* What engine.in holds here is an unfinished line. */
	set_deadline(s, input_deadline(s, s->got));
	s->got = 0;
	if (!s->is_reading)
		watch(s, true, s->is_writing);
	if (s->ended)
		loop_defer(s->p->loop, LOOP_PEER, &s->flush);
	return session_wait_for(s, WAIT_INPUT);
}

void session_drop(struct session *s)
{
	s->wait = WAIT_END;
	loop_defer(s->p->loop, LOOP_PEER, &s->flush);
}

void session_secure(struct session *s)
{
	usec t = s->service->secure.timeout;

	if (!secure_begin(s)) {
		session_drop(s);
		return;
	}
	/* From now on it is told of when the client gets lost. */
	s->greeted = true;
	if (is_stressed(s->p))
		t = MIN(t, short_patience);
	if (!s->is_reading)
		watch(s, true, s->is_writing);
	(void)session_wait_time(s, WAIT_TLS, t);
}

bool session_flush(struct session *s)
{
	switch (flush(s)) {
	case FLUSHED:
		return true;
	case FLUSH_BROKEN: /* in an event of its own it ends */
		loop_defer(s->p->loop, LOOP_PEER, &s->flush);
		break;
	case FLUSH_LATER:
		break;
	}
	return session_wait_for(s, WAIT_FLUSH);
}

/* ---- events ---- */

static void flushed(struct session *s)
{
	if (s->wait == WAIT_END)
		session_end(s);
	else if (s->wait == WAIT_FLUSH)
		session_run(s);
	else if (s->wait == WAIT_INPUT && s->ended)
		lost(s);
	else if ((s->wait == WAIT_INPUT || s->wait == WAIT_TLS) &&
	    !s->is_reading)
		/* It spoke while it did not listen: now it is heard. */
		watch(s, true, s->is_writing);
}

static void on_flush(void *ctx)
{
	struct session *s = ctx;

	if (s->wait == WAIT_DELAY)
		return;
	switch (flush(s)) {
	case FLUSHED:
		flushed(s);
		break;
	case FLUSH_BROKEN:
		lost(s);
		break;
	case FLUSH_LATER:
		break;
	}
}

static bool is_receiving(const struct session *s)
{
	return s->engine.state == SMTP_DATA || s->engine.state == SMTP_CHUNK ||
	    s->engine.state == SMTP_SKIP;
}

static void on_input(struct session *s)
{
	struct smtpd *p = s->p;
	size_t room = is_receiving(s) ? SMTPD_INPUT : SMTPD_INPUT_COMMANDS;
	ssize_t n = os_size(read(s->fd, p->input, room));

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0) {
		lost(s);
		return;
	}
	s->got = (size_t)n;
	if (s->tls) {
		secure_input(s, (size_t)n);
		return;
	}
	smtp_server_feed(&s->engine, span_of(p->input, (size_t)n));
	session_run(s);
}

static void on_handshake(struct session *s)
{
	if (!secure_handshake(s))
		lost(s);
}

static void on_event(void *ctx, unsigned events)
{
	struct session *s = ctx;

	if (events & LOOP_OUT) {
		on_flush(s);
		return;
	}
	if (s->wait == WAIT_INPUT && !s->is_writing)
		on_input(s);
	else if (s->wait == WAIT_TLS && !s->is_writing)
		on_handshake(s);
	else if (events & LOOP_HUP)
		lost(s);
	else
		watch(s, false, s->is_writing);
}

static void timeout(struct session *s)
{
	struct buf text = BUF_INIT(1024);

	form_broken(s, "timeout");
	buf_printf(&text, "4.4.2 %.*s Error: timeout exceeded",
	    PRI(s->service->set.myhostname));
	smtp_server_abort(&s->engine, 421, buf_span(&text));
	buf_done(&text);
	session_run(s);
}

static void on_timer(void *ctx)
{
	struct session *s = ctx;

	if (s->deadline > loop_now(s->p->loop)) {
		loop_timer_set(s->p->loop, &s->timer, s->deadline);
		return;
	}
	switch ((enum session_wait)s->wait) {
	case WAIT_INPUT:
		timeout(s);
		break;
	case WAIT_TLS:
		secure_timeout(s);
		lost(s);
		break;
	case WAIT_DELAY:
		smtp_server_answer(&s->engine, 0, SPAN_NONE);
		session_run(s);
		break;
	case WAIT_PAUSE:
		step_pause_over(s);
		break;
	case WAIT_FLUSH:
	case WAIT_END:
		lost(s);
		break;
	case WAIT_NOTHING:
	case WAIT_ANSWER:
	case WAIT_QUEUE:
		break;
	}
}

/* ---- the beginning ---- */

static span put(char **at, span s)
{
	span copy = span_of(*at, s.len);

	if (s.len)
		memcpy(*at, s.ptr, s.len);
	*at += s.len;
	return copy;
}

/* One piece of memory for all that is said about the client. */
void session_set_name(struct session *s, span name, span reverse)
{
	struct buf namaddr = BUF_INIT(1024);
	char *who;
	char *at;

	buf_printf(&namaddr, "%.*s[%.*s]", PRI(name), PRI(s->addr));
	if (s->service->set.smtpd_client_port_logging)
		buf_printf(&namaddr, ":%u", s->port);
	who =
	    mem_new(s->addr.len + name.len + reverse.len + namaddr.len + 1, 1);
	at = who;
	s->addr = put(&at, s->addr);
	s->name = put(&at, name);
	s->reverse = put(&at, reverse);
	s->namaddr = put(&at, buf_span(&namaddr));
	mem_free(s->who);
	s->who = who;
	buf_done(&namaddr);
	form_connect(s);
}

/* What the client says before its greeting is told on (once), not lost. */
bool session_read_early(struct session *s)
{
	ssize_t n = os_size(read(s->fd, s->p->input, SMTPD_INPUT_COMMANDS));

	if (n > 0)
		smtp_server_feed(&s->engine, span_of(s->p->input, (size_t)n));
	return n != 0;
}

static struct session *make(struct smtpd *p, struct service *service, int fd)
{
	struct session *s = NEW(struct session);

	s->p = p;
	s->service = service_ref(service);
	s->fd = fd;
	s->timer.fn = on_timer;
	s->timer.ctx = s;
	s->flush.fn = on_flush;
	s->flush.ctx = s;
	list_init(&s->flush.link);
	list_init(&s->waiting);
	list_init(&s->question.link);
	buf_init(&s->held, FRAME_MAX);
	list_append(&p->sessions, &s->link);
	p->nsessions++;
	return s;
}

static void begin(struct session *s)
{
	s->is_reading = true;
	if (loop_watch(s->p->loop, s->fd, LOOP_IN, on_event, s, &s->watch) < 0)
		session_end(s);
	else
		step_begin(s);
}

void session_new(
    struct smtpd *p, struct service *service, int fd, span addr, uint16_t port)
{
	struct session *s = make(p, service, fd);

	s->port = port;
	s->who = mem_new(addr.len + 1, 1);
	memcpy(s->who, addr.ptr, addr.len);
	s->addr = span_of(s->who, addr.len);
	sock_nodelay(fd);
	begin(s);
}

void session_new_inside(struct smtpd *p, struct service *service, int fd)
{
	struct session *s = make(p, service, fd);

	s->trusted = true;
	begin(s);
}

/* ---- the process ends ---- */

void session_stop(struct session *s)
{
	s->stopping = true;
	if (s->wait == WAIT_INPUT)
		session_run(s);
	else if (s->wait == WAIT_TLS)
		session_end(s);
}
