/* SPDX-License-Identifier: ISC */
/*
 * relay/session.c - drives one connection.
 *
 *	connecting -> hello -> idle <-> messages -> QUIT -> closed
 *
 * What arrives is fed to the engine (proto/smtp_client.h); what it wants to
 * say leaves at the end of the round, in one system call. The timer runs for
 * one step of the protocol and starts anew only when there was progress: a
 * whole reply, or content that left. Bytes that merely trickle in do not
 * extend it.
 *
 * A session is freed at the very end of a round (LOOP_LAST): until then
 * handlers may still hold on to it, and `dead` tells them to leave it alone.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/relay/relay.h"
#include "os/error.h"
#include "os/log.h"

enum {
	INPUT_MAX = 16 * 1024,
	/* Writes in a row, before others get their turn. */
	FLUSH_TURNS = 8,
};

span session_host(const struct session *s)
{
	return span_of(s->name, s->host_len);
}

span session_peer(const struct session *s)
{
	return span_of(s->name, s->peer_len);
}

span session_relay(const struct session *s)
{
	return span_of(s->name, s->name_len);
}

static const struct settings *settings_of(const struct session *s)
{
	return s->dest->set;
}

static struct loop *loop_of(const struct session *s)
{
	return s->dest->relay->loop;
}

static struct jobrun *job_of(struct smtp_message *m)
{
	return CONTAINER_OF(m, struct jobrun, message);
}

/* The end */

static void free_session(void *ctx)
{
	struct session *s = ctx;

	smtp_client_done(&s->client);
	mem_free(s);
}

static void close_session(struct session *s)
{
	struct dest *d = s->dest;
	struct loop *l = loop_of(s);

	struct jobrun *j;

	if (s->dead)
		return;
	s->dead = true;
	j = s->job;
	if (j)
		j->pending = NULL;
	loop_unwatch(&s->watch);
	loop_timer_stop(l, &s->timer);
	loop_defer_cancel(&s->flush);
	(void)close(s->fd);
	list_remove(&s->link);
	d->sessions--;
	loop_defer(l, LOOP_LAST, &s->last);
	dest_check(d);
}

void session_abort(struct session *s)
{
	close_session(s);
}

/* Time */

/* clang-format off */
#define LIMIT(m) offsetof(struct settings, smtp_##m)
static const size_t limits[SMTP_STEPS] = {
	[SMTP_STEP_GREETING] = LIMIT(helo_timeout),
	[SMTP_STEP_EHLO]     = LIMIT(helo_timeout),
	[SMTP_STEP_HELO]     = LIMIT(helo_timeout),
	[SMTP_STEP_LHLO]     = LIMIT(helo_timeout),
	[SMTP_STEP_MAIL]     = LIMIT(mail_timeout),
	[SMTP_STEP_RCPT]     = LIMIT(rcpt_timeout),
	[SMTP_STEP_DATA]     = LIMIT(data_init_timeout),
	[SMTP_STEP_CONTENT]  = LIMIT(data_xfer_timeout),
	[SMTP_STEP_DOT]      = LIMIT(data_done_timeout),
	[SMTP_STEP_RSET]     = LIMIT(rset_timeout),
	[SMTP_STEP_QUIT]     = LIMIT(quit_timeout),
	[SMTP_STEP_IDLE]     = LIMIT(connection_cache_time_limit),
	[SMTP_STEP_CLOSED]   = LIMIT(quit_timeout),
};
/* clang-format on */

static usec patience_of(const struct session *s)
{
	const char *set = (const char *)settings_of(s);

	return *(const usec *)(const void *)(set +
	    limits[smtp_client_step(&s->client)]);
}

static void start_timer(struct session *s)
{
	loop_timer_set(
	    loop_of(s), &s->timer, loop_now(loop_of(s)) + patience_of(s));
}

/* Only when something happened since it was started. */
static void restart_timer(struct session *s)
{
	struct session_mark mark = {
		.step = (uint8_t)smtp_client_step(&s->client),
		.waiting = s->client.waiting,
		.given = s->client.given,
		.dots = s->client.dots,
	};

	if (mark.step == s->mark.step && mark.waiting == s->mark.waiting &&
	    mark.given == s->mark.given && mark.dots == s->mark.dots)
		return;
	s->mark = mark;
	start_timer(s);
}

/* What the engine tells */

static void log_note(struct session *s, const struct jobrun *j)
{
	const struct settings *set = settings_of(s);
	span host = session_host(s);

	log_as(set->syslog_name, set->program, LOG_LEVEL_WARNING,
	    "%s: non-%s response from %.*s: %.*s", j ? j->id : "NOQUEUE",
	    set->lmtp ? "LMTP" : "ESMTP", PRI(session_relay(s)),
	    PRI(span_first(s->client.note, 100)));
	if (s->client.features & SMTP_FEATURE_PIPELINING)
		log_as(set->syslog_name, set->program, LOG_LEVEL_WARNING,
		    "to prevent loss of mail, turn off command pipelining for "
		    "%.*s with the smtp_discard_ehlo_keyword_address_maps "
		    "parameter",
		    PRI(host));
}

/* The job that the session was made for; it may have gone. */
static struct jobrun *take_job(struct session *s)
{
	struct jobrun *j = STEAL(s->job);

	if (j)
		j->pending = NULL;
	return j;
}

static void on_ready(struct session *s)
{
	struct jobrun *j = take_job(s);

	if (!j)
		return;
	walk_welcome(j);
	job_prepare(j, s);
	smtp_client_give(&s->client, &j->message);
}

static void on_failed(struct session *s)
{
	struct jobrun *j = take_job(s);

	s->retiring = true;
	if (j)
		walk_refused(j, s);
}

/* How quickly this server says that it has a message. */
static void measure(struct session *s)
{
	struct dest *d = s->dest;
	usec took = loop_now(loop_of(s)) - s->dotted + 1;

	if (!s->dotted)
		return;
	d->dot_time = d->dot_time ? (3 * d->dot_time + took + 3) / 4 : took;
	s->dotted = 0;
}

static void on_event(struct session *s, enum smtp_client_event event)
{
	struct smtp_message *m = s->client.message;

	switch (event) {
	case SMTP_CLIENT_WAIT:
		break;
	case SMTP_CLIENT_READY:
		on_ready(s);
		break;
	case SMTP_CLIENT_RCPT:
		job_outcome(job_of(m), s);
		break;
	case SMTP_CLIENT_DONE:
		measure(s);
		job_session_done(job_of(m));
		break;
	case SMTP_CLIENT_UNSENT:
		job_unsent(job_of(m));
		break;
	case SMTP_CLIENT_FAILED:
		on_failed(s);
		break;
	case SMTP_CLIENT_NOTE:
		log_note(s, m ? job_of(m) : NULL);
		break;
	case SMTP_CLIENT_CLOSED:
		close_session(s);
		break;
	}
}

/* Going on */

static bool may_carry_more(const struct session *s)
{
	const struct settings *set = settings_of(s);
	uint32_t limit = set->smtp_connection_reuse_count_limit;

	if (s->retiring || !s->dest->reuse || s->dest->relay->stopping)
		return false;
	if (limit && s->client.given >= limit)
		return false;
	return loop_now(loop_of(s)) <
	    s->started + set->smtp_connection_reuse_time_limit;
}

static void give(struct session *s, struct jobrun *j)
{
	j->final = s->final;
	job_prepare(j, s);
	smtp_client_give(&s->client, &j->message);
}

/* A job that waits, now or behind the one at hand. */
static bool take_along(struct session *s)
{
	struct jobrun *j;

	if (s->dead || s->job || !may_carry_more(s) ||
	    !smtp_client_has_room(&s->client))
		return false;
	if (s->client.cur && !dest_is_quick(s->dest))
		return false;
	j = dest_take(s->dest);
	if (!j)
		return false;
	give(s, j);
	return true;
}

/* Nothing is under way any more. */
static void rest(struct session *s)
{
	struct dest *d = s->dest;

	if (may_carry_more(s) && smtp_client_is_reusable(&s->client)) {
		list_remove(&s->link);
		list_prepend(&d->idle, &s->link);
		return;
	}
	s->retiring = true;
	smtp_client_quit(&s->client);
}

static bool has_output(const struct session *s)
{
	struct smtp_client_output out = smtp_client_output(&s->client);

	return out.content_left || out.commands.len;
}

static void pump(struct session *s, span input)
{
	enum smtp_client_event event;

	do {
		while (
		    !s->dead && (event = smtp_client_next(&s->client, &input)))
			on_event(s, event);
	} while (take_along(s));
	if (s->dead)
		return;
	if (smtp_client_step(&s->client) == SMTP_STEP_IDLE && !s->client.cur)
		rest(s);
	restart_timer(s);
	if (!s->blocked && !s->broken && has_output(s))
		loop_defer(loop_of(s), LOOP_PEER, &s->flush);
}

/* Output */

static void block(struct session *s, bool on)
{
	if (s->blocked == on)
		return;
	s->blocked = on;
	loop_watch_set(s->watch, on ? LOOP_IN | LOOP_OUT : LOOP_IN);
}

static void on_write_error(struct session *s, ssize_t error)
{
	if (error == -EAGAIN) {
		block(s, true);
		return;
	}
	block(s, false);
	if (error == -EIO) {
		smtp_client_end(&s->client, SMTP_END_LOCAL);
		pump(s, SPAN_NONE);
		return;
	}
	/* The reason may still be there to be read. */
	s->broken = true;
	loop_watch_set(s->watch, LOOP_IN);
}

static void log_folding(struct session *s, struct jobrun *j)
{
	const struct settings *set = settings_of(s);

	if (!j->content.folds)
		return;
	j->content.folds = false;
	log_as(set->syslog_name, set->program, LOG_LEVEL_INFO,
	    "%s: breaking line > %u bytes with <CR><LF>SPACE", j->id,
	    set->smtp_line_length_limit);
}

/* False: it does not go on now. */
static bool send_some(struct session *s)
{
	struct smtp_client_output out = smtp_client_output(&s->client);
	uint64_t all = out.content_left + out.commands.len;
	struct jobrun *j = s->client.cur ? job_of(s->client.cur) : NULL;
	ssize_t n;

	if (!all)
		return false;
	if (j && out.content_left)
		log_folding(s, j);
	n = content_send(j ? &j->content : NULL, s->fd, &out);
	if (n < 0) {
		on_write_error(s, n);
		return false;
	}
	if (out.content_left)
		start_timer(s);
	smtp_client_sent(&s->client, (uint64_t)n);
	if (!has_output(s) && smtp_client_step(&s->client) == SMTP_STEP_DOT)
		s->dotted = loop_now(loop_of(s));
	pump(s, SPAN_NONE);
	return !s->dead;
}

/* A farewell that nobody waits to see answered. */
static bool is_gone(const struct session *s)
{
	return !s->dead && settings_of(s)->smtp_skip_quit_response &&
	    smtp_client_step(&s->client) == SMTP_STEP_QUIT;
}

static void on_flush(void *ctx)
{
	struct session *s = ctx;

	for (int i = 0; i < FLUSH_TURNS && send_some(s); i++)
		;
	if (s->dead || s->broken)
		return;
	block(s, has_output(s));
	if (is_gone(s) && !has_output(s))
		close_session(s);
}

/* Input */

static void on_input(struct session *s)
{
	static char bytes[INPUT_MAX];
	ssize_t n = os_size(recv(s->fd, bytes, sizeof(bytes), 0));

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0) {
		smtp_client_end(&s->client, SMTP_END_LOST);
		pump(s, SPAN_NONE);
		return;
	}
	pump(s, span_of(bytes, (size_t)n));
}

static void unreachable(struct session *s, int error)
{
	struct jobrun *j = take_job(s);

	close_session(s);
	if (j)
		walk_unreachable(j, error);
}

static void on_connected(struct session *s)
{
	const struct settings *set = settings_of(s);
	int r = sock_connected(s->fd);
	bool no_loops = !set->lmtp && sock_port(&s->addr) == 25;
	bool best =
	    s->job && s->job->current->pref == s->job->route.hops[0].pref;

	if (r < 0) {
		unreachable(s, r);
		return;
	}
	s->connecting = false;
	sock_nodelay(s->fd);
	loop_watch_set(s->watch, LOOP_IN);
	smtp_client_init(&s->client,
	    &(struct smtp_setup){
	        .flags = set->flags | (no_loops ? SMTP_SETUP_NO_LOOPS : 0) |
	            (best ? SMTP_SETUP_BEST_MX : 0),
	        .discard = set->discard,
	        .helo = set->smtp_helo_name,
	        .myhostname = set->myhostname,
	        .peer = session_peer(s),
	        .nexthop = s->dest->nexthop,
	    });
	start_timer(s);
}

static void on_watch(void *ctx, unsigned events)
{
	struct session *s = ctx;

	if (s->connecting) {
		on_connected(s);
		return;
	}
	if (events & (LOOP_IN | LOOP_HUP))
		on_input(s);
	if ((events & LOOP_OUT) && !s->dead && s->blocked)
		on_flush(s);
}

static void on_timer(void *ctx)
{
	struct session *s = ctx;

	if (s->connecting) {
		unreachable(s, -ETIMEDOUT);
		return;
	}
	if (smtp_client_step(&s->client) == SMTP_STEP_IDLE) {
		session_retire(s);
		return;
	}
	smtp_client_end(&s->client, SMTP_END_TIMEOUT);
	pump(s, SPAN_NONE);
}

void session_retire(struct session *s)
{
	s->retiring = true;
	if (s->dead || s->connecting)
		return;
	if (smtp_client_step(&s->client) == SMTP_STEP_IDLE && !s->client.cur) {
		list_remove(&s->link);
		list_append(&s->dest->busy, &s->link);
		pump(s, SPAN_NONE);
	}
}

void session_give(struct session *s, struct jobrun *j)
{
	list_remove(&s->link);
	list_append(&s->dest->busy, &s->link);
	give(s, j);
	pump(s, SPAN_NONE);
}

/* The beginning */

static void set_name(struct session *s, const struct hop *hop)
{
	struct buf b = BUF_INIT(SESSION_NAME_MAX);
	struct hop_parts parts = hop_name(&b, hop);

	s->host_len = (uint16_t)parts.host;
	s->peer_len = (uint16_t)parts.peer;
	s->name_len = (uint16_t)b.len;
	memcpy(s->name, b.data, b.len);
	buf_done(&b);
}

/* From the address that the configuration asks for, if it can be had. */
static int connect_from(const struct settings *set, const struct sock_addr *to)
{
	const struct sock_addr *from =
	    to->any.sa_family == AF_INET ? &set->bind4 : &set->bind6;
	char text[SOCK_TEXT_MAX];
	int r;

	if (!from->len || to->any.sa_family == AF_UNIX)
		return sock_connect(to, NULL);
	r = sock_connect(to, from);
	if (r != -EADDRNOTAVAIL && r != -EINVAL)
		return r;
	log_as(set->syslog_name, set->program, LOG_LEVEL_WARNING,
	    "bind %.*s: %s", PRI(sock_text(from, text)), strerror(-r));
	return set->smtp_bind_address_enforce ? r : sock_connect(to, NULL);
}

int session_open(struct dest *d, struct jobrun *j)
{
	struct session *s;
	int fd = connect_from(d->set, &j->current->addr);
	int r;

	if (fd < 0)
		return fd;
	s = NEW(struct session);
	s->dest = d;
	s->job = j;
	s->fd = fd;
	s->connecting = true;
	s->final = j->final;
	s->started = loop_now(d->relay->loop);
	s->addr = j->current->addr;
	s->timer.fn = on_timer;
	s->timer.ctx = s;
	s->flush.fn = on_flush;
	s->flush.ctx = s;
	s->last.fn = free_session;
	s->last.ctx = s;
	set_name(s, j->current);
	r = loop_watch(d->relay->loop, fd, LOOP_OUT, on_watch, s, &s->watch);
	if (r < 0) {
		(void)close(fd);
		mem_free(s);
		return r;
	}
	list_append(&d->busy, &s->link);
	d->sessions++;
	j->pending = s;
	if (d->set->smtp_connect_timeout)
		loop_timer_set(d->relay->loop, &s->timer,
		    s->started + d->set->smtp_connect_timeout);
	return 0;
}
