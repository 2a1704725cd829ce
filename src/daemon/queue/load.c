/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/load.c - messages that come back from the spool.
 *
 * A message that waits is in the retry heap, by the wall clock. When its
 * time has come it is read, routed afresh and becomes active, as long as
 * fewer than qmgr_message_active_limit are.
 */
#include "daemon/queue/active.h"

#include "os/log.h"

static void start_if_routed(struct active *a)
{
	if (--a->open)
		return;
	active_start(a);
}

static void on_route(void *ctx, uint32_t i, const struct rules_routed *r)
{
	struct active *a = ctx;
	struct active_rcpt *rcpt = &a->rcpts[i];
	span transport = arena_dup(&a->arena, r->transport);
	span nexthop = arena_dup(&a->arena, r->nexthop);

	/* No answer today: the way it had when it came serves as well. */
	if (transport.len && nexthop.ptr) {
		rcpt->transport = transport;
		rcpt->nexthop = nexthop;
	}
	start_if_routed(a);
}

static void route_all(struct active *a)
{
	a->open++;
	for (uint32_t i = 0; i < a->envelope.nrcpts; i++) {
		if (a->rcpts[i].state != ACTIVE_PENDING)
			continue;
		a->open++;
		route_ask(a->q,
		    &(struct route_what){
		        a->envelope.sender, a->envelope.rcpts[i].addr },
		    on_route, a, i);
	}
	start_if_routed(a);
}

static bool take_state(struct active *a, span bytes)
{
	struct state s;

	if (!state_get(bytes, &a->arena, &s) || s.nrcpts != a->envelope.nrcpts)
		return false;
	for (uint32_t i = 0; i < s.nrcpts; i++) {
		struct active_rcpt *r = &a->rcpts[i];

		switch (s.rcpts[i].kind) {
		case STATE_PENDING:
			break;
		case STATE_DEFERRED:
			/* To be tried again; the reason stays until then. */
			r->verdict = active_verdict(a, &s.rcpts[i].verdict);
			break;
		case STATE_BOUNCED:
			r->state = ACTIVE_BOUNCED;
			r->verdict = active_verdict(a, &s.rcpts[i].verdict);
			break;
		case STATE_DONE:
			r->state = ACTIVE_DONE;
			break;
		}
		r->report = s.rcpts[i].report;
		if (!r->report)
			continue;
		r->verdict = active_verdict(a, &s.rcpts[i].verdict);
		r->action = arena_dup(&a->arena, s.rcpts[i].action);
	}
	for (uint32_t i = 0; i < s.nparts; i++)
		parts_load(a, &s.parts[i]);
	return true;
}

static bool take_record(struct active *a, const struct spool_record *rec)
{
	buf_put(&a->envelope_bytes, rec->envelope);
	if (a->envelope_bytes.failed || !active_decode(a))
		return false;
	if (rec->has_state && !take_state(a, rec->state))
		return false;
	a->in_blob = rec->is_big;
	if (rec->is_big || a->q->content_bytes > QUEUE_CONTENT_BUDGET)
		return true;
	buf_put(&a->content_bytes, rec->content);
	active_keep_content(a);
	return true;
}

static void on_loaded(void *ctx, int result, const struct spool_record *rec)
{
	struct active *a = ctx;
	struct queue *q = a->q;
	struct message *m = a->message;

	if (result == SPOOL_OK && take_record(a, rec)) {
		route_all(a);
		return;
	}
	log_warn("qmgr", "%s: cannot be read from the queue: %s", a->id_text,
	    result < 0 ? strerror(-result) : "damaged");
	active_free(a);
	if (result < 0)
		active_wait(
		    q, m, loop_wall(q->loop) + q->set.maximal_backoff_time);
	else if (!spool_has(q->spool, m->id))
		roster_remove(&q->roster, m);
	/* Else it stays, held by nobody, for an operator to look at. */
}

static void load(struct queue *q, struct message *m)
{
	struct active *a = active_new(q, m->id);

	heap_remove(&q->roster.retry, &m->retry);
	a->message = m;
	m->active = a;
	m->flags &= (uint8_t)~MESSAGE_FRESH;
	spool_read(q->spool, m->id, on_loaded, a);
	queue_touch_spool(q);
}

static void run_due(void *ctx)
{
	struct queue *q = ctx;
	struct heap_node *n;

	if (q->stopping)
		return;
	while (q->nactives < q->set.qmgr_message_active_limit &&
	    (n = heap_top(&q->roster.retry)) && n->key <= loop_wall(q->loop))
		load(q, CONTAINER_OF(n, struct message, retry));
	active_arm(q);
}

/*
 * The heap is in wall time, the timer in monotonic time: look again at least
 * once a minute, in case somebody sets the clock.
 */
void active_arm(struct queue *q)
{
	struct heap_node *n = heap_top(&q->roster.retry);
	usec wall = loop_wall(q->loop);
	usec wait = USEC_MIN;

	if (!n)
		return;
	if (q->nactives >= q->set.qmgr_message_active_limit)
		return; /* active_free() arms again */
	if (n->key < wall + wait)
		wait = n->key > wall ? n->key - wall : 0;
	loop_timer_set(q->loop, &q->retry_timer, loop_now(q->loop) + wait);
}

void active_wait(struct queue *q, struct message *m, usec wall)
{
	heap_put(&q->roster.retry, &m->retry, wall);
	active_arm(q);
}

void active_load_init(struct queue *q)
{
	q->retry_timer.fn = run_due;
	q->retry_timer.ctx = q;
}

void active_found(struct queue *q, const struct spool_found *found)
{
	struct roster_digest d;
	struct roster_state_digest s = { .flags = MESSAGE_FRESH };
	struct message *m = roster_add(&q->roster, found->id);

	if (roster_digest_get(found->digest, &d)) {
		m->flags = d.many ? MESSAGE_MANY : 0;
		roster_set_domain(&q->roster, m, d.domain);
	}
	if (found->has_state &&
	    !roster_state_digest_get(found->state_digest, &s))
		s = (struct roster_state_digest){ .flags = 0 };
	m->flags |= s.flags;
	if (!(m->flags & MESSAGE_HELD))
		heap_put(&q->roster.retry, &m->retry, s.retry);
}

static bool hurry(struct queue *q, struct message *m)
{
	if (m->active || (m->flags & MESSAGE_HELD))
		return false;
	heap_put(&q->roster.retry, &m->retry, loop_wall(q->loop));
	return true;
}

uint32_t active_hurry(struct queue *q, struct message *m)
{
	uint32_t count = 0;

	sched_revive(q->sched);
	if (m)
		count = hurry(q, m);
	for (struct hnode *n = m ? NULL : hmap_each(&q->roster.by_id, NULL); n;
	     n = hmap_each(&q->roster.by_id, n))
		count += hurry(q, CONTAINER_OF(n, struct message, node));
	active_arm(q);
	return count;
}

/* ---- content that was let go ---- */

struct waiter {
	struct list link; /* in active->waiters */
	active_content_fn *fn;
	void *ctx;
};

static void on_content(void *ctx, int result, const struct spool_record *rec)
{
	struct active *a = ctx;
	struct list waiters = LIST_INIT(waiters);
	struct list *l;

	if (result == SPOOL_OK && !a->has_content) {
		buf_put(&a->content_bytes, rec->content);
		active_keep_content(a);
	}
	list_splice(&waiters, &a->waiters);
	a->reading = false;
	while ((l = list_take(&waiters))) {
		struct waiter *w = CONTAINER_OF(l, struct waiter, link);

		w->fn(a, w->ctx);
		mem_free(w);
	}
	a->open--;
	active_check(a);
}

void active_need_content(struct active *a, active_content_fn *fn, void *ctx)
{
	struct waiter *w;

	if (a->has_content) {
		fn(a, ctx);
		return;
	}
	w = NEW(struct waiter);
	w->fn = fn;
	w->ctx = ctx;
	list_append(&a->waiters, &w->link);
	if (a->reading)
		return;
	a->reading = true;
	a->open++;
	spool_read(a->q->spool, a->message->id, on_content, a);
	queue_touch_spool(a->q);
}
