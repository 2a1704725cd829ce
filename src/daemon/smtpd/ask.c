/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/ask.c - questions to the rules processes.
 *
 * Any rules process can answer any question; the one with the fewest open
 * gets the next. When it dies, its questions go to the others, written anew
 * from the session, which has not moved meanwhile. A question that has seen
 * several of them die is poison, and one that nobody could take for some
 * seconds is hopeless: both are answered here with 451.
 *
 * Numbers are never used again, so an answer that comes twice or too late
 * finds no question.
 */
#include "daemon/smtpd/session.h"

#include "os/log.h"

#include <errno.h>

enum { DEATHS_MAX = 2 };

static const usec patience = 5 * USEC_SEC;

struct worker {
	struct list link;
	struct asks *asks;
	struct chan *chan;
	uint32_t instance;
	uint32_t nopen;
	struct list questions;
};

struct asks {
	struct smtpd *p;
	struct list workers;
	struct list orphans; /* longest without a worker first */
	struct hmap open;    /* struct question, by number */
	struct loop_timer timer;
	uint64_t next;
};

static struct session *session_of(struct question *q)
{
	return CONTAINER_OF(q, struct session, question);
}

static void close_question(struct asks *a, struct question *q)
{
	hmap_remove(&a->open, &q->node);
	list_remove(&q->link);
	if (q->worker)
		q->worker->nopen--;
	q->worker = NULL;
	q->open = false;
}

/* ---- asking ---- */

static span subject(const struct session *s, enum rules_stage stage)
{
	switch (stage) {
	case RULES_STAGE_RCPT:
	case RULES_STAGE_VRFY:
		return s->engine.rcpt.addr;
	case RULES_STAGE_ETRN:
		return s->engine.arg;
	case RULES_STAGE_DATA:
	case RULES_STAGE_END_OF_DATA:
		return s->engine.nrcpts == 1 ? s->engine.first_rcpt : SPAN_NONE;
	case RULES_STAGE_CONNECT:
	case RULES_STAGE_HELO:
	case RULES_STAGE_MAIL:
		break;
	}
	return SPAN_NONE;
}

static void put_check(struct session *s, struct buf *out)
{
	const struct question *q = &s->question;
	const struct smtp_server *e = &s->engine;
	struct rules_check m = {
		.ask = q->number,
		.service = s->service->newest,
		.stage = q->stage,
		.flags = (e->pipelining ? RULES_UNAUTH_PIPELINING : 0) |
		    (e->esmtp ? RULES_ESMTP : 0) | (e->tls ? RULES_TLS : 0) |
		    (s->trusted ? RULES_TRUSTED : 0) |
		    (e->mail.inside.is_final ? RULES_FINAL : 0),
		.client_name = s->name,
		.client_reverse = s->reverse,
		.name_status = s->name_status,
		.reverse_status = s->reverse_status,
		.client_addr = s->addr,
		.helo = q->stage == RULES_STAGE_HELO ? e->arg : e->helo,
		.proto = session_protocol(s),
		.sender = e->mail.sender,
		.recipient = subject(s, (enum rules_stage)q->stage),
		.nrcpts = e->nrcpts,
		.size = q->stage == RULES_STAGE_END_OF_DATA ? e->content.size
		                                            : e->mail.size,
	};

	rules_check_put(out, &m);
}

static void put_client(struct session *s, struct buf *out)
{
	struct rules_client m = {
		.ask = s->question.number,
		.service = s->service->newest,
		.addr = s->addr,
	};

	rules_client_put(out, &m);
}

static void put_map(struct session *s, struct buf *out)
{
	const struct clean *c = &s->message->clean;
	struct rules_map m = {
		.ask = s->question.number,
		.service = s->service->newest,
		.id = s->message->id,
		.count = c->nasked,
		.addrs = buf_span(&c->asked),
	};

	rules_map_put(out, &m);
}

static const struct {
	uint16_t type;
	void (*put)(struct session *s, struct buf *out);
} kinds[] = {
	[QUESTION_CLIENT] = { RULES_CLIENT, put_client },
	[QUESTION_CHECK] = { RULES_CHECK, put_check },
	[QUESTION_MAP] = { RULES_MAP, put_map },
};

static struct worker *least_busy(struct asks *a)
{
	struct worker *best = NULL;

	LIST_FOR(l, &a->workers)
	{
		struct worker *w = CONTAINER_OF(l, struct worker, link);

		if (!best || w->nopen < best->nopen)
			best = w;
	}
	return best;
}

static void send_question(struct asks *a, struct question *q)
{
	struct worker *w = least_busy(a);

	list_remove(&q->link);
	q->worker = w;
	if (!w) {
		q->since = loop_now(a->p->loop);
		if (list_is_empty(&a->orphans))
			loop_timer_set(
			    a->p->loop, &a->timer, q->since + patience);
		list_append(&a->orphans, &q->link);
		return;
	}
	w->nopen++;
	list_append(&w->questions, &q->link);
	kinds[q->kind].put(
	    session_of(q), chan_begin(w->chan, kinds[q->kind].type));
	chan_end(w->chan);
}

static void ask(struct session *s, enum question_kind kind)
{
	struct asks *a = s->p->asks;
	struct question *q = &s->question;

	if (q->open)
		bug("a second question of one session");
	q->kind = (uint8_t)kind;
	q->number = a->next++;
	q->deaths = 0;
	q->open = true;
	list_init(&q->link);
	hmap_put(&a->open, &q->node, hash_u64(q->number));
	send_question(a, q);
}

void ask_client(struct session *s)
{
	ask(s, QUESTION_CLIENT);
}

void ask_check(struct session *s, enum rules_stage stage)
{
	s->question.stage = (uint8_t)stage;
	ask(s, QUESTION_CHECK);
}

void ask_map(struct session *s)
{
	ask(s, QUESTION_MAP);
}

void ask_forget(struct session *s)
{
	if (s->question.open)
		close_question(s->p->asks, &s->question);
}

/* ---- answers ---- */

/* What nobody can tell us. */
static void give_up(struct asks *a, struct question *q)
{
	struct session *s = session_of(q);
	struct buf payload = BUF_INIT(1024);
	struct rules_verdict verdict = {
		.ask = q->number,
		.code = 451,
		.reply = SPAN("4.3.0 Temporary lookup failure"),
		.verb = SPAN("reject"),
	};
	struct rules_client_is client = {
		.ask = q->number,
		.name = SPAN("unknown"),
		.reverse_name = SPAN("unknown"),
		.name_status = RULES_NAME_TRYAGAIN,
		.reverse_status = RULES_NAME_TRYAGAIN,
	};

	close_question(a, q);
	if (q->kind == QUESTION_CLIENT) {
		step_named(s, &client);
		return;
	}
	if (q->kind == QUESTION_MAP) {
		step_mapped(s, NULL);
		return;
	}
	rules_verdict_put(&payload, &verdict);
	step_verdict(s, buf_span(&payload));
	buf_done(&payload);
}

static struct question *find(struct worker *w, uint64_t number)
{
	uint64_t hash = hash_u64(number);
	struct hnode *n;

	for (n = hmap_first(&w->asks->open, hash); n; n = hmap_next(n, hash)) {
		struct question *q = CONTAINER_OF(n, struct question, node);

		if (q->number == number && q->worker == w)
			return q;
	}
	return NULL;
}

static bool on_client_is(struct worker *w, span payload)
{
	struct rules_client_is m;
	struct question *q;

	if (!rules_client_is_get(payload, &m))
		return false;
	q = find(w, m.ask);
	if (!q)
		return true;
	if (q->kind != QUESTION_CLIENT)
		return false;
	close_question(w->asks, q);
	step_named(session_of(q), &m);
	return true;
}

static bool on_verdict(struct worker *w, span payload)
{
	struct wire head = wire_from(payload);
	struct question *q = find(w, wire_u64(&head));

	if (head.failed)
		return false;
	if (!q)
		return true;
	if (q->kind != QUESTION_CHECK)
		return false;
	close_question(w->asks, q);
	step_verdict(session_of(q), payload);
	return true;
}

static bool on_mapped(struct worker *w, span payload)
{
	struct rules_mapped m;
	struct question *q;
	struct arena a;
	bool ok;

	arena_init(&a, 2 * FRAME_MAX);
	ok = rules_mapped_get(payload, &a, &m);
	q = ok ? find(w, m.ask) : NULL;
	ok = ok && (!q || q->kind == QUESTION_MAP);
	if (ok && q) {
		close_question(w->asks, q);
		step_mapped(session_of(q), &m);
	}
	arena_done(&a);
	return ok;
}

static const struct {
	uint16_t type;
	bool (*run)(struct worker *w, span payload);
} messages[] = {
	{ RULES_CLIENT_IS, on_client_is },
	{ RULES_VERDICT, on_verdict },
	{ RULES_MAPPED, on_mapped },
};

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct worker *w = ctx;

	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		if (messages[i].type == msg->type &&
		    messages[i].run(w, msg->payload))
			return;
	log_warn(
	    "smtpd", "malformed message from rules process %u", w->instance);
	chan_fail(w->chan, -EPROTO);
}

/* ---- workers ---- */

static void on_gone(void *ctx, int error)
{
	struct worker *w = ctx;
	struct asks *a = w->asks;
	struct list *l;

	(void)error;
	list_remove(&w->link);
	while ((l = list_take(&w->questions))) {
		struct question *q = CONTAINER_OF(l, struct question, link);

		q->worker = NULL;
		if (++q->deaths > DEATHS_MAX)
			give_up(a, q);
		else
			send_question(a, q);
	}
	chan_free(&w->chan);
	mem_free(w);
}

static void on_timer(void *ctx)
{
	struct asks *a = ctx;
	usec now = loop_now(a->p->loop);

	while (!list_is_empty(&a->orphans)) {
		struct question *q =
		    CONTAINER_OF(a->orphans.next, struct question, link);

		if (q->since + patience > now) {
			loop_timer_set(
			    a->p->loop, &a->timer, q->since + patience);
			return;
		}
		give_up(a, q);
	}
}

void asks_worker(struct asks *a, uint32_t instance, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
	};
	struct worker *w = NEW(struct worker);
	struct list waiting;
	struct list *l;
	int r;

	w->asks = a;
	w->instance = instance;
	list_init(&w->questions);
	r = chan_new(a->p->loop, fd, &calls, w, &w->chan);
	if (r < 0) {
		log_error(
		    "smtpd", "rules process %u: %s", instance, strerror(-r));
		mem_free(w);
		return;
	}
	list_append(&a->workers, &w->link);
	list_init(&waiting);
	list_splice(&waiting, &a->orphans);
	loop_timer_stop(a->p->loop, &a->timer);
	while ((l = list_take(&waiting)))
		send_question(a, CONTAINER_OF(l, struct question, link));
}

struct asks *asks_new(struct smtpd *p)
{
	struct asks *a = NEW(struct asks);

	a->p = p;
	a->next = 1;
	list_init(&a->workers);
	list_init(&a->orphans);
	hmap_init(&a->open);
	a->timer.fn = on_timer;
	a->timer.ctx = a;
	return a;
}

void asks_free(struct asks **asks)
{
	struct asks *a = STEAL(*asks);
	struct list *l;

	if (!a)
		return;
	loop_timer_stop(a->p->loop, &a->timer);
	while ((l = list_take(&a->workers))) {
		struct worker *w = CONTAINER_OF(l, struct worker, link);

		chan_free(&w->chan);
		mem_free(w);
	}
	hmap_done(&a->open);
	mem_free(a);
}
