/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/resend.h"

#include <errno.h>
#include <string.h>

#include "os/log.h"

static const usec patience = 10 * USEC_SEC;

struct resend {
	struct loop *loop;
	struct chan *chan; /* NULL: there is none now */
	struct hmap sent;  /* struct resend_message, by number */
	struct list open;  /* all of them */
	struct loop_timer timer;
	uint64_t next;
};

static void put(struct resend *r, struct resend_message *m)
{
	struct buf *out = m->what.blob
	    ? chan_begin_fds(r->chan, SUBMIT_MESSAGE, &m->blob, 1)
	    : chan_begin(r->chan, SUBMIT_MESSAGE);

	submit_put(out, &m->what);
	chan_end(r->chan);
}

static void wait_for_peer(struct resend *r)
{
	if (!r->timer.node.at && !list_is_empty(&r->open))
		loop_timer_set(
		    r->loop, &r->timer, loop_now(r->loop) + patience);
}

void resend_send(struct resend *r, struct resend_message *m)
{
	m->what.number = r->next++;
	list_init(&m->link);
	hmap_put(&r->sent, &m->node, hash_u64(m->what.number));
	list_append(&r->open, &m->link);
	if (r->chan)
		put(r, m);
	else
		wait_for_peer(r);
}

static void end(struct resend *r, struct resend_message *m,
    const struct submit_result *result)
{
	hmap_remove(&r->sent, &m->node);
	list_remove(&m->link);
	m->done(m, result);
}

static struct resend_message *find(struct resend *r, uint64_t number)
{
	uint64_t hash = hash_u64(number);
	struct hnode *n;

	for (n = hmap_first(&r->sent, hash); n; n = hmap_next(n, hash)) {
		struct resend_message *m =
		    CONTAINER_OF(n, struct resend_message, node);

		if (m->what.number == number)
			return m;
	}
	return NULL;
}

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct resend *r = ctx;
	struct resend_message *m = NULL;
	struct submit_result result;

	if (msg->type == SUBMIT_RESULT &&
	    submit_result_get(msg->payload, &result))
		m = find(r, result.number);
	if (m) {
		end(r, m, &result);
		return;
	}
	log_warn("local", "malformed message from the pickup process");
	chan_fail(r->chan, -EPROTO);
}

static void on_timer(void *ctx)
{
	static const struct submit_result later = { .what = SUBMIT_AGAIN };
	struct resend *r = ctx;
	struct list now;

	if (r->chan)
		return;
	list_init(&now);
	list_splice(&now, &r->open);
	while (!list_is_empty(&now))
		end(r, CONTAINER_OF(now.next, struct resend_message, link),
		    &later);
}

static void on_gone(void *ctx, int error UNUSED)
{
	struct resend *r = ctx;

	chan_free(&r->chan);
	wait_for_peer(r);
}

void resend_peer(struct resend *r, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
	};
	int error;

	chan_free(&r->chan);
	error = chan_new(r->loop, fd, &calls, r, &r->chan);
	if (error < 0) {
		log_warn("local", "cannot talk to the pickup process: %s",
		    strerror(-error));
		wait_for_peer(r);
		return;
	}
	loop_timer_stop(r->loop, &r->timer);
	LIST_FOR(l, &r->open)
	put(r, CONTAINER_OF(l, struct resend_message, link));
}

struct resend *resend_new(struct loop *loop)
{
	struct resend *r = NEW(struct resend);

	r->loop = loop;
	r->next = 1;
	hmap_init(&r->sent);
	list_init(&r->open);
	r->timer.fn = on_timer;
	r->timer.ctx = r;
	return r;
}

void resend_free(struct resend **resend)
{
	struct resend *r = STEAL(*resend);

	if (!r)
		return;
	loop_timer_stop(r->loop, &r->timer);
	chan_free(&r->chan);
	hmap_done(&r->sent);
	mem_free(r);
}
