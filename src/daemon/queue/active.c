/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/active.c - a message in memory.
 *
 *	COMMIT --active_commit--> flushed --start--> jobs --check--> settled
 *	spool  --active_load----> read ----route---> jobs             |
 *	                                    all done: removed <-------+
 *	                                    some wait: state record, unloaded
 *
 * active_check() is the only place that decides that an activation is over:
 * nothing of it is open any more (jobs, questions, notices, reads). Whoever
 * starts something counts a->open up, and when it ended down again and calls
 * active_check().
 */
#include "daemon/queue/active.h"

#include "daemon/delivery_log.h"
#include "daemon/queue/forms.h"
#include "mail/address.h"
#include "os/log.h"

enum {
	ARENA_MAX = 64 * 1024 * 1024,
	/* Outcomes of one message are gathered for so long before they are
	 * recorded: losing one repeats a delivery, it never loses one. */
	RECORD_DELAY = 30 * 1000,
	TRIM_DELAY = 2 * 1000 * 1000,
	/* What is kept of a verdict: replies of strangers are long. */
	STATUS_MAX = 16,
	TEXT_MAX = 4096,
	MTA_MAX = 512,
};

struct active *active_new(struct queue *q, msgid id)
{
	struct active *a = NEW(struct active);

	a->q = q;
	list_init(&a->link);
	list_init(&a->dirty);
	list_init(&a->waiters);
	arena_init(&a->arena, ARENA_MAX);
	buf_init(&a->envelope_bytes, FRAME_MAX);
	buf_init(&a->content_bytes, FRAME_MAX);
	(void)msgid_text(id, a->id_text);
	list_append(&q->actives, &a->link);
	q->nactives++;
	return a;
}

static void forget_content(struct active *a)
{
	if (a->has_content)
		a->q->content_bytes -= a->content_bytes.len;
	a->has_content = false;
	buf_release(&a->content_bytes);
}

void active_keep_content(struct active *a)
{
	a->has_content = true;
	a->q->content_bytes += a->content_bytes.len;
}

void active_free(struct active *a)
{
	struct queue *q = a->q;

	if (a->message)
		a->message->active = NULL;
	forget_content(a);
	spool_blob_free(a->q->spool, &a->blob);
	arena_done(&a->arena);
	mem_free(a->parts);
	mem_free(a->legs);
	buf_done(&a->envelope_bytes);
	list_remove(&a->link);
	list_remove(&a->dirty);
	q->nactives--;
	mem_free(a);
	active_arm(q);
	/* A crowd has gone: its memory is given back when all is quiet. */
	if (!q->nactives && !q->trim_timer.node.at)
		loop_timer_set(
		    q->loop, &q->trim_timer, loop_now(q->loop) + TRIM_DELAY);
}

static void trim(void *ctx)
{
	struct queue *q = ctx;

	if (!q->nactives)
		mem_trim();
}

bool active_decode(struct active *a)
{
	struct wire w = wire_from(buf_span(&a->envelope_bytes));
	struct envelope *e = &a->envelope;

	if (!envelope_get(&w, &a->arena, e) || !wire_is_done(&w) || !e->nrcpts)
		return false;
	a->rcpts = arena_alloc(&a->arena, e->nrcpts, sizeof(*a->rcpts));
	if (!a->rcpts)
		return false;
	for (uint32_t i = 0; i < e->nrcpts; i++) {
		a->rcpts[i].transport = e->rcpts[i].transport;
		a->rcpts[i].nexthop = e->rcpts[i].nexthop;
	}
	return true;
}

/* ---- outcomes ---- */

/* A copy of no more than that; empty when there is no memory left. */
static span keep_text(struct active *a, span text, size_t most)
{
	return arena_dup(&a->arena, span_first(text, most));
}

struct verdict active_verdict(struct active *a, const struct verdict *v)
{
	struct verdict copy = {
		.class = v->class,
		.status = keep_text(a, v->status, STATUS_MAX),
		.text = keep_text(a, v->text, TEXT_MAX),
		.remote_mta = keep_text(a, v->remote_mta, MTA_MAX),
		.diagnostic = keep_text(a, v->diagnostic, TEXT_MAX),
		.relay = keep_text(a, v->relay, MTA_MAX),
	};

	if (!copy.status.len)
		copy.status =
		    v->class == VERDICT_SENT ? SPAN("2.0.0") : SPAN("4.0.0");
	return copy;
}

bool active_is_traced(const struct active *a)
{
	uint32_t flags = a->envelope.flags;

	return (flags & ENVELOPE_VERIFY) ||
	    ((flags & ENVELOPE_TRACE) && !(a->message->flags & MESSAGE_TRACED));
}

/* Whether the sender is to hear of an outcome that is no failure. */
static bool wants_report(
    const struct active *a, uint32_t i, const struct verdict *v)
{
	if (!a->envelope.sender.len)
		return false;
	if (active_is_traced(a))
		return true;
	return v->class == VERDICT_SENT && !v->reports &&
	    (a->envelope.rcpts[i].notify & RCPT_NOTIFY_SUCCESS);
}

void active_mark_dirty(struct active *a)
{
	struct queue *q = a->q;

	if (!list_is_empty(&a->dirty))
		return;
	if (list_is_empty(&q->dirty))
		loop_timer_set(
		    q->loop, &q->dirty_timer, loop_now(q->loop) + RECORD_DELAY);
	list_append(&q->dirty, &a->dirty);
}

void active_outcome(struct active *a, uint32_t i, const struct verdict *v)
{
	struct active_rcpt *r = &a->rcpts[i];

	if (i >= a->envelope.nrcpts) {
		legs_outcome(a, i, v);
		return;
	}
	switch (v->class) {
	case VERDICT_SENT:
		r->state = ACTIVE_DONE;
		break;
	case VERDICT_DEFERRED:
		r->state = ACTIVE_DEFERRED;
		break;
	case VERDICT_BOUNCED:
		r->state = ACTIVE_BOUNCED;
		break;
	}
	/* To be tried only: whatever the outcome, that was it. */
	if (a->envelope.flags & ENVELOPE_VERIFY)
		r->state = ACTIVE_DONE;
	r->report = wants_report(a, i, v);
	if (r->report || r->state != ACTIVE_DONE)
		r->verdict = active_verdict(a, v);
	/* A message of one recipient is settled now anyhow, unless somebody
	 * has to be told. */
	if (a->envelope.nrcpts > 1 || r->report || r->state == ACTIVE_BOUNCED)
		active_mark_dirty(a);
}

void active_log_outcome(
    struct active *a, uint32_t i, const char *program, const struct verdict *v)
{
	struct rcpt rcpt = active_address(a, i);
	struct delivery_log line = {
		.program = program,
		.id = a->message->id,
		.rcpt = &rcpt,
		.verdict = v,
		.relay = SPAN("none"),
		.arrival = a->envelope.arrival,
		.active = a->activated,
		.end = loop_wall(a->q->loop),
		.resolution = a->q->set.delay_logging_resolution_limit,
		.verify = a->envelope.flags & ENVELOPE_VERIFY,
	};

	delivery_log(&line);
}

/* ---- what the spool keeps of it ---- */

static const enum state_kind kinds[] = {
	[ACTIVE_PENDING] = STATE_PENDING,
	[ACTIVE_IN_JOB] = STATE_PENDING,
	[ACTIVE_DEFERRED] = STATE_DEFERRED,
	[ACTIVE_BOUNCED] = STATE_BOUNCED,
	[ACTIVE_DONE] = STATE_DONE,
};

/* One that could not be told to the end is tried again, but its last reason
 * is known all the while. */
static enum state_kind kind_of(const struct active_rcpt *r)
{
	if (kinds[r->state] == STATE_PENDING &&
	    r->verdict.class == VERDICT_DEFERRED)
		return STATE_DEFERRED;
	return kinds[r->state];
}

/* Of no use to anybody any more. */
static bool is_settled(const struct active *a, const struct active_part *p)
{
	if (p->state.flags)
		return false;
	if (p->again)
		return true;
	return p->state.verdict.class == VERDICT_DEFERRED
	    ? !parts_is_waiting(a, p)
	    : a->rcpts[p->state.rcpt].state == ACTIVE_DONE;
}

struct state active_state(const struct active *a)
{
	struct state s = { .nrcpts = a->envelope.nrcpts };

	s.rcpts = mem_new(s.nrcpts, sizeof(*s.rcpts));
	s.parts = mem_new(a->nparts, sizeof(*s.parts));
	for (uint32_t i = 0; i < s.nrcpts; i++) {
		const struct active_rcpt *r = &a->rcpts[i];

		s.rcpts[i].kind = kind_of(r);
		s.rcpts[i].report = r->report;
		if (s.rcpts[i].kind != STATE_PENDING || r->report)
			s.rcpts[i].verdict = r->verdict;
		s.rcpts[i].action = r->action;
	}
	for (uint32_t i = 0; i < a->nparts; i++)
		if (!is_settled(a, &a->parts[i]))
			s.parts[s.nparts++] = a->parts[i].state;
	return s;
}

static void cut_texts(struct verdict *v, size_t most)
{
	v->text = span_first(v->text, most);
	v->remote_mta = span_first(v->remote_mta, most);
	v->diagnostic = span_first(v->diagnostic, most);
	v->relay = span_first(v->relay, most);
}

/* `most`: how long a text may be. */
static void put_state(struct buf *out, const struct active *a, size_t most)
{
	struct state s = active_state(a);

	buf_clear(out);
	for (uint32_t i = 0; i < s.nrcpts; i++)
		cut_texts(&s.rcpts[i].verdict, most);
	for (uint32_t i = 0; i < s.nparts; i++)
		cut_texts(&s.parts[i].verdict, most);
	state_put(out, &s);
	mem_free(s.rcpts);
	mem_free(s.parts);
}

/* What does not fit keeps less of the reasons, but always who is done. */
static void put_state_that_fits(struct buf *out, const struct active *a)
{
	static const size_t most[] = { TEXT_MAX, 128, 0 };
	size_t room = spool_max_record(a->q->spool) - 2 * SPOOL_DIGEST_MAX;

	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		put_state(out, a, most[i]);
		if (!out->failed && out->len <= room)
			return;
	}
	log_warn("qmgr", "%s: state too large to be kept", a->id_text);
}

void active_record(struct active *a, usec retry)
{
	struct queue *q = a->q;
	struct message *m = a->message;
	struct buf bytes = BUF_INIT(FRAME_MAX);
	struct buf digest = BUF_INIT(ROSTER_STATE_DIGEST_MAX);
	struct roster_state_digest d = {
		.retry = retry,
		.flags = m->flags & (uint8_t)~MESSAGE_FRESH,
	};

	m->flags = d.flags;
	put_state_that_fits(&bytes, a);
	roster_state_digest_put(&digest, &d);
	spool_put_state(q->spool,
	    &(struct spool_state){
	        .id = m->id,
	        .digest = buf_span(&digest),
	        .bytes = buf_span(&bytes),
	    },
	    NULL, NULL);
	queue_touch_spool(q);
	buf_done(&digest);
	buf_done(&bytes);
	list_remove(&a->dirty);
}

void active_record_all(struct queue *q)
{
	while (!list_is_empty(&q->dirty))
		active_record(CONTAINER_OF(q->dirty.next, struct active, dirty),
		    loop_wall(q->loop));
}

static void on_dirty_timer(void *ctx)
{
	active_record_all(ctx);
}

/* ---- a new message ---- */

static void log_active(struct active *a)
{
	struct queue *q = a->q;
	struct buf from = BUF_INIT(LOG_TEXT_MAX);
	uint32_t pending = 0;

	for (uint32_t i = 0; i < a->envelope.nrcpts; i++)
		pending += a->rcpts[i].state == ACTIVE_PENDING;
	a->activated = loop_wall(q->loop);
	delivery_log_address(&from, a->envelope.sender);
	log_line("qmgr", "%s: from=<%.*s>, size=%llu, nrcpt=%u (queue active)",
	    a->id_text, PRI(buf_span(&from)),
	    (unsigned long long)a->envelope.size, pending);
	buf_done(&from);
}

static int by_route(const void *x, const void *y, void *ctx)
{
	struct active *a = ctx;
	const struct active_rcpt *l = active_target(a, *(const uint32_t *)x);
	const struct active_rcpt *r = active_target(a, *(const uint32_t *)y);
	int order = span_cmp(l->transport, r->transport);

	return order ? order : span_cmp_nocase(l->nexthop, r->nexthop);
}

/* Those without a domain come last. */
static int by_address(span l, span r)
{
	span ours = address_domain(l);
	span theirs = address_domain(r);
	int order = !ours.ptr - !theirs.ptr;

	if (!order)
		order = span_cmp_nocase(ours, theirs);
	return order ? order : span_cmp(l, r);
}

/*
 * As in Postfix, a job has its recipients by their domains and then by their
 * addresses: what a command gets, or a server hears, does not depend on what
 * else the message was for.
 */
static int in_order(const void *x, const void *y, void *ctx)
{
	struct active *a = ctx;
	uint32_t l = *(const uint32_t *)x;
	uint32_t r = *(const uint32_t *)y;
	int order = by_route(x, y, ctx);

	if (!order)
		order = by_address(
		    active_address(a, l).addr, active_address(a, r).addr);
	return order ? order : (l > r) - (l < r);
}

/* The first n of these share transport and next hop; n <= limit. */
static uint32_t run_length(struct active *a, uint32_t *places, uint32_t left)
{
	uint32_t limit = 1;
	uint32_t n = 1;

	/* With a sender of his own each goes alone. */
	if (left > 1 && !a->envelope.verp.len)
		limit = transport_recipient_limit(
		    a->q, active_target(a, places[0])->transport);
	while (
	    n < left && n < limit && by_route(&places[0], &places[n], a) == 0)
		n++;
	return n;
}

void active_submit(struct active *a)
{
	uint32_t most = a->envelope.nrcpts + a->nlegs;
	uint32_t *places = mem_new(most, sizeof(*places));
	uint32_t n = 0;

	for (uint32_t i = 0; i < most; i++)
		if (active_target(a, i)->state == ACTIVE_PENDING)
			places[n++] = i;
	if (n > 1)
		qsort_r(places, n, sizeof(*places), in_order, a);
	for (uint32_t at = 0; at < n;) {
		uint32_t run = run_length(a, places + at, n - at);

		jobs_submit(a, places + at, run);
		at += run;
	}
	mem_free(places);
}

void active_start(struct active *a)
{
	log_active(a);
	a->open++;
	active_submit(a);
	a->open--;
	active_check(a);
}

static bool spans_domains(const struct envelope *e)
{
	for (uint32_t i = 1; i < e->nrcpts; i++)
		if (!span_eq_nocase(form_domain(e->rcpts[0].addr),
		        form_domain(e->rcpts[i].addr)))
			return true;
	return false;
}

/* Known from now on, so that nobody brings a second one of that id. */
static void roster_new(struct active *a)
{
	struct queue *q = a->q;
	const struct envelope *e = &a->envelope;
	struct message *m = roster_add(&q->roster, e->id);

	m->flags = MESSAGE_FRESH | (spans_domains(e) ? MESSAGE_MANY : 0);
	roster_set_domain(&q->roster, m, form_domain(e->rcpts[0].addr));
	m->active = a;
	a->message = m;
}

static void refused(struct active *a, struct active_origin *o, int result)
{
	struct message *m = a->message;
	struct queue *q = a->q;

	if (result != SPOOL_FULL)
		log_warn("qmgr", "%s: queue write: %s", a->id_text,
		    result < 0 ? strerror(-result) : "message too large");
	o->committed(o, result == SPOOL_FULL ? QUEUE_FULL : QUEUE_ERROR);
	active_free(a);
	roster_remove(&q->roster, m);
}

static void on_committed(void *ctx, int result)
{
	struct active *a = ctx;
	struct queue *q = a->q;
	struct active_origin *o = STEAL(a->origin);
	struct message *m;

	if (result) {
		refused(a, o, result);
		return;
	}
	o->committed(o, QUEUE_OK);
	if (q->content_bytes > QUEUE_CONTENT_BUDGET)
		forget_content(a);
	if (q->nactives > q->set.qmgr_message_active_limit) {
		m = a->message;
		active_free(a);
		active_wait(q, m, loop_wall(q->loop));
		return;
	}
	active_start(a);
}

void active_init(struct queue *q)
{
	list_init(&q->actives);
	list_init(&q->dirty);
	q->dirty_timer.fn = on_dirty_timer;
	q->dirty_timer.ctx = q;
	q->trim_timer.fn = trim;
	q->trim_timer.ctx = q;
	active_load_init(q);
}

void active_commit(struct active *a)
{
	const struct envelope *e = &a->envelope;
	struct buf digest = BUF_INIT(ROSTER_DIGEST_MAX);
	struct roster_digest d = {
		.many = spans_domains(e),
		.domain = form_domain(e->rcpts[0].addr),
	};
	struct spool_message m = {
		.id = e->id,
		.envelope = buf_span(&a->envelope_bytes),
		.content = buf_span(&a->content_bytes),
		.blob = STEAL(a->blob),
	};

	roster_new(a);
	a->in_blob = m.blob != NULL;
	if (!a->in_blob)
		active_keep_content(a);
	roster_digest_put(&digest, &d);
	m.digest = buf_span(&digest);
	spool_append(a->q->spool, &m, on_committed, a);
	queue_touch_spool(a->q);
	buf_done(&digest);
}
