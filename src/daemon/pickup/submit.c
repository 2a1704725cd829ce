/* SPDX-License-Identifier: ISC */
/*
 * daemon/pickup/submit.c - mail that deliver sends on.
 *
 * A message that an alias or ~/.forward sends to somebody else comes here
 * with its new envelope and is a new message from then on. deliver waits for
 * our answer before it reports that the old one is delivered: so a message is
 * never lost between both, and a crash in between makes it come twice.
 *
 * What smtpd refuses is tried again for a while, since the queue process may
 * just be starting anew; then deliver hears why, and defers the old message.
 */
#include <errno.h>
#include <unistd.h>

#include "daemon/pickup/pickup.h"
#include "daemon/pickup/wire.h"
#include "ipc/msg_submit.h"
#include "os/error.h"
#include "os/file.h"
#include "os/log.h"

enum {
	/* In memory; above it deliver has to wait. */
	HELD_HIGH = 64 * 1024 * 1024,
	HELD_LOW = 16 * 1024 * 1024,
	RESENT_ARENA = 64 * 1024 * 1024,
	PIECE = 64 * 1024,
};

static const usec retry_after = USEC_SEC / 2;
static const usec patience = 15 * USEC_SEC;

struct submits {
	struct pickup *pickup;
	struct chan *chan; /* NULL: there is no deliver process */
	struct list all;   /* struct resent */
	size_t held;
};

struct resent {
	struct mail mail;
	struct list link; /* in submits->all */
	struct submits *submits;
	struct loop_timer retry;
	struct arena arena;
	char *payload; /* what the message lies in */
	size_t size;
	struct submit submit;
	struct wire_check check;
	usec since;
	int fd;
	uint64_t at; /* in the content */
	bool head_read;
	bool orphan; /* nobody wants to know */
};

/* ---- content ---- */

static int read_blob(struct resent *r, struct buf *out)
{
	char *room = buf_room(out, PIECE);
	ssize_t n;

	if (!room)
		return -EFBIG;
	n = os_size(pread(r->fd, room, PIECE, (off_t)r->at));
	if (n < 0)
		return (int)n;
	out->len += (size_t)n;
	r->at += (uint64_t)n;
	return 0;
}

static int read_some(struct resent *r, struct buf *out)
{
	span rest = span_from(r->submit.content, r->at);

	if (!r->head_read) {
		r->head_read = true;
		if (r->submit.head.len) {
			buf_put(out, r->submit.head);
			return 0;
		}
	}
	if (r->submit.blob)
		return read_blob(r, out);
	buf_put(out, span_first(rest, PIECE));
	r->at += MIN(rest.len, (size_t)PIECE);
	return 0;
}

static int resent_read(struct mail *m, bool first, struct buf *out)
{
	struct resent *r = CONTAINER_OF(m, struct resent, mail);
	size_t before = out->len;
	int result;

	if (first) {
		r->at = 0;
		r->head_read = false;
		wire_check_init(&r->check);
	}
	result = read_some(r, out);
	if (result < 0)
		return result;
	/* Nothing that could end the message before its end. */
	if (!wire_check(&r->check, span_from(buf_span(out), before)))
		return -EBADMSG;
	if (out->len == before)
		wire_check_end(&r->check, out);
	return 0;
}

/* ---- the end ---- */

static void free_resent(struct resent *r)
{
	struct submits *s = r->submits;

	s->held -= r->size;
	loop_timer_stop(s->pickup->loop, &r->retry);
	list_remove(&r->link);
	fd_close(&r->fd);
	arena_done(&r->arena);
	mem_free(r->payload);
	mem_free(r);
	if (s->chan && s->held < HELD_LOW)
		chan_pause(s->chan, false);
}

static void answer(struct resent *r, const struct mail_end *end)
{
	struct submits *s = r->submits;
	const struct submit_result m = {
		.number = r->submit.number,
		.what = end->fate == MAIL_TAKEN ? SUBMIT_OK : SUBMIT_AGAIN,
		.id = end->id,
		.why = end->fate == MAIL_LOST
		    ? SPAN("mail system is restarting")
		    : end->why,
	};

	if (s->chan && !r->orphan) {
		submit_result_put(chan_begin(s->chan, SUBMIT_RESULT), &m);
		chan_end(s->chan);
	}
	free_resent(r);
}

static struct lane *lane_of(struct submits *s)
{
	return &s->pickup->lanes[LANE_RESENT];
}

static void on_retry(void *ctx)
{
	struct resent *r = ctx;

	lane_add(lane_of(r->submits), &r->mail);
}

static void resent_ended(struct mail *m, const struct mail_end *end)
{
	struct resent *r = CONTAINER_OF(m, struct resent, mail);
	struct loop *l = r->submits->pickup->loop;

	if (end->fate == MAIL_TAKEN || r->orphan ||
	    r->submits->pickup->stopping || loop_now(l) > r->since + patience) {
		answer(r, end);
		return;
	}
	loop_timer_set(l, &r->retry, loop_now(l) + retry_after);
}

static const struct mail_calls calls_of_resent = {
	.read = resent_read,
	.ended = resent_ended,
};

/* ---- the conversation ---- */

static bool on_submit(struct submits *s, struct chan_msg *msg)
{
	struct resent *r = NEW(struct resent);
	bool ok;

	r->submits = s;
	r->fd = -1;
	r->since = loop_now(s->pickup->loop);
	r->retry.fn = on_retry;
	r->retry.ctx = r;
	r->mail.calls = &calls_of_resent;
	list_init(&r->mail.link);
	list_append(&s->all, &r->link);
	arena_init(&r->arena, RESENT_ARENA);
	r->size = msg->payload.len;
	s->held += r->size;
	r->payload = mem_new(r->size + 1, 1);
	memcpy(r->payload, msg->payload.ptr, r->size);
	ok = submit_get(span_of(r->payload, r->size), &r->arena, &r->submit) &&
	    (!r->submit.blob || msg->nfds == 1);
	if (!ok) {
		free_resent(r);
		return false;
	}
	if (r->submit.blob)
		r->fd = STEAL_FD(msg->fds[0]);
	r->mail.envelope = r->submit.envelope;
	/* A new message: now. */
	r->mail.envelope.arrival = 0;
	if (s->held > HELD_HIGH)
		chan_pause(s->chan, true);
	lane_add(lane_of(s), &r->mail);
	return true;
}

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct submits *s = ctx;

	if (msg->type == SUBMIT_MESSAGE && on_submit(s, msg))
		return;
	log_warn("pickup", "malformed message from the deliver process");
	chan_fail(s->chan, -EPROTO);
}

/* What is not on its way for good is dropped: the old message is delivered
 * once more. */
static void on_gone(void *ctx, int error UNUSED)
{
	struct submits *s = ctx;

	chan_free(&s->chan);
	LIST_FOR(it, &s->all)
	{
		struct resent *r = CONTAINER_OF(it, struct resent, link);

		r->orphan = true;
		if (lane_remove(lane_of(s), &r->mail))
			free_resent(r);
	}
	pickup_check_end(s->pickup);
}

void submits_peer(struct submits *s, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
	};
	int r;

	if (s->chan)
		on_gone(s, 0);
	r = chan_new(s->pickup->loop, fd, &calls, s, &s->chan);
	if (r < 0)
		log_error("pickup", "deliver process: %s", strerror(-r));
}

struct submits *submits_new(struct pickup *p)
{
	struct submits *s = NEW(struct submits);

	s->pickup = p;
	list_init(&s->all);
	return s;
}

void submits_free(struct submits **submits)
{
	struct submits *s = STEAL(*submits);

	if (!s)
		return;
	while (!list_is_empty(&s->all))
		free_resent(CONTAINER_OF(s->all.next, struct resent, link));
	chan_free(&s->chan);
	mem_free(s);
}
