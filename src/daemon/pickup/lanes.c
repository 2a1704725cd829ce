/* SPDX-License-Identifier: ISC */
/*
 * daemon/pickup/lanes.c - mail that waits, and the sessions that take it.
 *
 * A session is made when there is mail and none is idle, with the smtpd
 * process that has the fewest of ours, and kept for the next message.
 */
#include <errno.h>

#include "daemon/pickup/pickup.h"
#include "os/log.h"

static const usec retry_after = USEC_SEC;

static void on_retry(void *ctx)
{
	lane_run(ctx);
}

void lane_init(struct lane *l, struct pickup *p)
{
	*l = (struct lane){ .pickup = p, .service = CONF_MAIN };
	l->retry.fn = on_retry;
	l->retry.ctx = l;
	list_init(&l->ready);
	list_init(&l->sessions);
}

void lane_run_later(struct lane *l)
{
	struct loop *loop = l->pickup->loop;

	loop_timer_set(loop, &l->retry, loop_now(loop) + retry_after);
}

bool lane_is_idle(const struct lane *l)
{
	if (!list_is_empty(&l->ready))
		return false;
	LIST_FOR(it, &l->sessions)
	if (!session_is_idle(session_of(it)))
		return false;
	return true;
}

static struct session *find_idle(struct lane *l)
{
	LIST_FOR(it, &l->sessions)
	{
		struct session *s = session_of(it);

		if (session_is_idle(s))
			return s;
	}
	return NULL;
}

/* ---- smtpd processes ---- */

static struct smtpd_peer *least_busy(struct pickup *p)
{
	struct smtpd_peer *best = NULL;

	LIST_FOR(it, &p->smtpds)
	{
		struct smtpd_peer *peer =
		    CONTAINER_OF(it, struct smtpd_peer, link);

		if (!best || peer->nsessions < best->nsessions)
			best = peer;
	}
	return best;
}

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct smtpd_peer *peer = ctx;

	log_warn("pickup", "unexpected message %#x from smtpd process %u",
	    msg->type, peer->instance);
	chan_fail(peer->chan, -EPROTO);
}

/* Its sessions end by themselves. */
static void on_gone(void *ctx, int error UNUSED)
{
	struct smtpd_peer *peer = ctx;

	chan_free(&peer->chan);
	list_remove(&peer->link);
	for (size_t i = 0; i < LANES; i++) {
		LIST_FOR(it, &peer->pickup->lanes[i].sessions)
		session_leave(session_of(it), peer);
	}
	mem_free(peer);
}

void smtpd_add(struct pickup *p, uint32_t instance, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
	};
	struct smtpd_peer *peer = NEW(struct smtpd_peer);
	int r;

	peer->pickup = p;
	peer->instance = instance;
	r = chan_new(p->loop, fd, &calls, peer, &peer->chan);
	if (r < 0) {
		log_error(
		    "pickup", "smtpd process %u: %s", instance, strerror(-r));
		mem_free(peer);
		return;
	}
	list_append(&p->smtpds, &peer->link);
	for (size_t i = 0; i < LANES; i++)
		lane_run(&p->lanes[i]);
}

void smtpds_end(struct pickup *p)
{
	struct list *it;

	while ((it = list_take(&p->smtpds))) {
		struct smtpd_peer *peer =
		    CONTAINER_OF(it, struct smtpd_peer, link);

		chan_free(&peer->chan);
		mem_free(peer);
	}
}

/* ---- mail ---- */

/* One that can have mail at once, or will come to it soon. */
static bool open_session(struct lane *l)
{
	struct smtpd_peer *peer = least_busy(l->pickup);

	return peer && l->nsessions < SESSIONS_MAX && session_new(l, peer);
}

/* How many of ours are still shaking hands. */
static uint32_t count_coming(const struct lane *l)
{
	uint32_t n = 0;

	LIST_FOR(it, &l->sessions)
	n += session_is_coming(session_of(it));
	return n;
}

void lane_run(struct lane *l)
{
	uint32_t waiting = 0;
	struct session *s;

	while (!list_is_empty(&l->ready) && (s = find_idle(l))) {
		struct list *it = list_take(&l->ready);

		session_give(s, CONTAINER_OF(it, struct mail, link));
	}
	LIST_FOR(it, &l->ready)
	if (++waiting == SESSIONS_MAX)
		break;
	for (uint32_t n = count_coming(l); n < waiting; n++)
		if (!open_session(l))
			return;
}

void lane_add(struct lane *l, struct mail *m)
{
	m->session = NULL;
	list_append(&l->ready, &m->link);
	lane_run(l);
}

bool lane_remove(struct lane *l, struct mail *m)
{
	list_remove(&m->link);
	if (!m->session)
		return true;
	if (session_has_sent(m->session))
		return false;
	session_abort(m->session, true);
	lane_run(l);
	return true;
}

void lane_renew(struct lane *l, uint32_t service)
{
	l->service = service;
	LIST_FOR(it, &l->sessions)
	session_retire(session_of(it));
}

void lane_end(struct lane *l)
{
	struct list *it;

	loop_timer_stop(l->pickup->loop, &l->retry);
	while (!list_is_empty(&l->sessions)) {
		it = l->sessions.next;
		session_abort(session_of(it), true);
	}
}
