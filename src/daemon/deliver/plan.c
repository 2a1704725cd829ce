/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/plan.c - a recipient, from the question what it stands for
 * to the one word that the queue is told.
 *
 *	ask expand -> steps -> (a forward file is found: ask again) ...
 *	all steps done -> what is to be sent on goes to pickup -> settled
 *
 * When anything was deferred, nothing is sent on, and the whole recipient will
 * be tried again: what was delivered already is remembered (outcomes.h) and
 * left out then. What failed for good is told to the sender, and does not keep
 * the others from their mail.
 */
#include "daemon/deliver/run.h"

#include <string.h>

/* A message to be sent on: one for each pair of sender and delivered. */
struct group {
	struct list link;
	struct resend_message message;
	struct rcpt_run *rr;
	span delivered;
	span sender;
	struct list members; /* struct member */
	uint32_t count;
	size_t size; /* of them on their way, about */
};

enum {
	/* Of the recipients of one message that is sent on: more of them
	 * become another one. A message to pickup has a limit. */
	GROUP_MAX = 4 * 1024 * 1024,
	MEMBER_SIZE = 64,
};

struct member {
	struct list link;
	struct step_run *step;
	struct rcpt rcpt;
};

/* A question that is open. */
struct question {
	struct expand_ask ask;
	struct rcpt_run *rr;
	struct step_run *from;
	enum local_what what;
	uint32_t nsteps; /* in the answer so far */
	bool expanded;
	bool given_up;
};

static const struct rcpt *rcpt_of(const struct rcpt_run *rr)
{
	return &rr->run->job.envelope.rcpts[rr->index];
}

/* ---- outcomes ---- */

/* The one and only thing that the recipient stands for is itself. */
static bool is_itself(const struct rcpt_run *rr, const struct local_step *step)
{
	return rr->nsteps <= 1 && !rr->expanded &&
	    (!step ||
	        (!step->owned && span_eq(step->address, rcpt_of(rr)->addr)));
}

/*
 * Whether the owner of a list is told, and not the sender. Of a notice nobody
 * is: it may be one to an owner who is reached through his list, and would
 * become the next for ever.
 */
static bool is_for_owner(
    const struct rcpt_run *rr, const struct local_step *step)
{
	return step && step->owned && rr->run->job.envelope.sender.len;
}

/* False: there is no more room. */
static bool note_part(struct rcpt_run *rr, const struct local_step *step,
    const struct verdict *v, span action)
{
	const struct rcpt *rcpt = rcpt_of(rr);
	struct job_part part = {
		.rcpt = rr->index,
		.addr = step ? step->address : rcpt->addr,
		.verdict = *v,
	};

	if (v->class == VERDICT_SENT)
		part.action = action;
	if (is_for_owner(rr, step)) {
		part.has_sender = true;
		part.sender = step->sender;
	}
	return run_add_part(rr->run, &part);
}

static const struct verdict too_many = {
	.class = VERDICT_DEFERRED,
	.status = SPAN_INIT("4.3.0"),
	.text = SPAN_INIT("too many addresses"),
};

/* `action`: what the sender is told of success, or empty. What cannot be told
 * any more has not happened: it will be tried again. */
static void conclude(struct rcpt_run *rr, const struct local_step *step,
    const struct verdict *verdict, span action)
{
	struct job_run *run = rr->run;
	struct rcpt who = *rcpt_of(rr);
	struct verdict v = run_keep_verdict(run, verdict);

	if (step) {
		who.addr = step->address;
		who.orig = step->original;
	}
	if (is_itself(rr, step))
		rr->is_direct = true;
	else if ((v.class != VERDICT_SENT || run_tells(run)) &&
	    !note_part(rr, step, &v, action))
		v = too_many;
	run_log(run, &who, &v);
	if (v.class == VERDICT_DEFERRED)
		rr->cancelled = true;
	if (verdict_is_worse(&v, &rr->worst))
		rr->worst = v;
}

void rcpt_outcome(struct rcpt_run *rr, const struct local_step *step,
    const struct verdict *verdict)
{
	conclude(rr, step, verdict, SPAN_NONE);
}

/* ---- the end ---- */

/* What was delivered shall not be delivered again with the rest. */
static void remember(struct rcpt_run *rr)
{
	LIST_FOR(l, &rr->steps)
	{
		struct step_run *sr = CONTAINER_OF(l, struct step_run, link);

		if (sr->sent)
			outcomes_add(&rr->run->d->outcomes, sr->key,
			    rr->run->epoch, true);
	}
}

/* NOTIFY=SUCCESS: the alias itself has been reached. */
static void note_expansion(struct rcpt_run *rr)
{
	const struct rcpt *rcpt = rcpt_of(rr);
	const struct job_part part = {
		.rcpt = rr->index,
		.addr = rcpt->addr,
		.action = rr->owned ? SPAN("delivered") : SPAN("expanded"),
		.verdict = {
			.class = VERDICT_SENT,
			.status = SPAN("2.0.0"),
			.text = SPAN("alias expanded"),
		},
	};

	/* Without room the sender misses good news. */
	if (rr->expanded && (rcpt->notify & RCPT_NOTIFY_SUCCESS))
		(void)!run_add_part(rr->run, &part);
}

static void settle(struct rcpt_run *rr)
{
	static const struct verdict expanded = {
		.class = VERDICT_SENT,
		.status = SPAN_INIT("2.0.0"),
		.text = SPAN_INIT("alias expanded"),
	};
	struct verdict v = rr->worst;

	/* What goes on elsewhere may be deferred there. */
	if (v.class == VERDICT_DEFERRED || rr->passed)
		remember(rr);
	if (v.class != VERDICT_DEFERRED)
		note_expansion(rr);
	/* What failed behind the recipient is told as parts, and what goes on
	 * by other transports has no outcome yet. */
	if (v.class != VERDICT_DEFERRED && !(rr->is_direct && v.status.len))
		v = expanded;
	run_settle(rr->run, rr->index, &v);
}

static void send_on(struct rcpt_run *rr);

void rcpt_hold(struct rcpt_run *rr)
{
	rr->open++;
}

void rcpt_release(struct rcpt_run *rr)
{
	if (--rr->open > 0)
		return;
	if (list_is_empty(&rr->resends) || rr->cancelled)
		settle(rr);
	else
		send_on(rr);
}

/* ---- mail that is sent on ---- */

static void on_sent_on(
    struct resend_message *m, const struct submit_result *result)
{
	struct group *g = CONTAINER_OF(m, struct group, message);
	CLEANUP(buf_done) struct buf text = BUF_INIT(256);
	struct rcpt_run *rr = g->rr;
	char id[MSGID_TEXT_MAX];
	struct verdict v = {
		.class = VERDICT_SENT,
		.status = SPAN("2.0.0"),
	};

	if (result->what == SUBMIT_OK) {
		buf_put(&text, SPAN("forwarded as "));
		buf_put(&text, msgid_text(result->id, id));
		v.text = buf_span(&text);
		LIST_FOR(l, &g->members)
		CONTAINER_OF(l, struct member, link)->step->sent = true;
	} else {
		v.class = VERDICT_DEFERRED;
		v.status = SPAN("4.3.0");
		v.text = SPAN("unable to forward message");
	}
	conclude(rr, NULL, &v, SPAN("relayed"));
	rcpt_release(rr);
}

/* "Delivered-To: x", in lower case as Postfix does it. */
static span head_lines(struct rcpt_run *rr, const struct group *g)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);

	if (!rr->run->at->delivered_to.forward)
		return SPAN_NONE;
	buf_put(&b, SPAN("Delivered-To: "));
	for (size_t i = 0; i < g->delivered.len; i++)
		buf_putc(&b, ascii_lower(g->delivered.ptr[i]));
	buf_put(&b, SPAN("\r\n"));
	return arena_dup(&rr->run->arena, buf_span(&b));
}

static void send_group(struct rcpt_run *rr, struct group *g)
{
	struct job_run *run = rr->run;
	const struct envelope *e = &run->job.envelope;
	struct envelope *out = &g->message.what.envelope;
	uint32_t n = 0;

	*out = *e;
	out->id = 0;
	out->arrival = 0;
	out->sender = g->sender;
	/* As in Postfix, whose local(8) passes on all of the client but this.
	 */
	out->client_port = 0;
	out->flags &= (uint32_t)~ENVELOPE_BOUNCE;
	out->nrcpts = g->count;
	out->rcpts = run_alloc(run, g->count, sizeof(*out->rcpts));
	LIST_FOR(l, &g->members)
	out->rcpts[n++] = CONTAINER_OF(l, struct member, link)->rcpt;
	/* Sent on by the owner of a list: not the sender's business. */
	if (!span_eq(g->sender, e->sender)) {
		out->envid = SPAN_NONE;
		out->flags &=
		    (uint32_t) ~(ENVELOPE_RET_FULL | ENVELOPE_RET_HDRS);
	}
	g->message.what.head = head_lines(rr, g);
	g->message.what.blob = run->job.blob;
	g->message.what.content = run->job.content;
	g->message.blob = run->blob;
	g->message.done = on_sent_on;
	rcpt_hold(rr);
	resend_send(run->d->resend, &g->message);
}

static void send_on(struct rcpt_run *rr)
{
	struct list now;
	struct list *l;

	list_init(&now);
	list_splice(&now, &rr->resends);
	rr->open = 1;
	while ((l = list_take(&now)))
		send_group(rr, CONTAINER_OF(l, struct group, link));
	rcpt_release(rr);
}

static struct group *find_group(
    struct rcpt_run *rr, const struct local_step *step)
{
	const struct envelope *e = &rr->run->job.envelope;
	span sender = is_for_owner(rr, step) ? step->sender : e->sender;
	struct group *g;

	LIST_FOR(l, &rr->resends)
	{
		g = CONTAINER_OF(l, struct group, link);
		if (g->size < GROUP_MAX &&
		    span_eq(g->delivered, step->delivered) &&
		    span_eq(g->sender, sender))
			return g;
	}
	g = run_alloc(rr->run, 1, sizeof(*g));
	g->rr = rr;
	g->delivered = step->delivered;
	g->sender = sender;
	list_init(&g->members);
	list_append(&rr->resends, &g->link);
	return g;
}

void plan_resend(struct step_run *sr)
{
	struct rcpt_run *rr = sr->rr;
	const struct local_step *step = sr->step;
	struct group *g = find_group(rr, step);
	struct member *m = run_alloc(rr->run, 1, sizeof(*m));
	const struct rcpt *rcpt = rcpt_of(rr);

	m->step = sr;
	m->rcpt = (struct rcpt){
		.addr = step->address,
		.orig = step->owned ? step->address : step->original,
		.orcpt = step->owned ? SPAN_NONE : rcpt->orcpt,
		.notify = rcpt_notify_behind(rcpt->notify),
	};
	list_append(&g->members, &m->link);
	g->count++;
	g->size += MEMBER_SIZE + m->rcpt.addr.len + m->rcpt.orig.len +
	    m->rcpt.orcpt.len;
}

/* ---- questions ---- */

static void give_up(struct question *q, const struct verdict *v)
{
	if (!q->given_up)
		rcpt_outcome(q->rr, q->from ? q->from->step : NULL, v);
	q->given_up = true;
}

static bool take_plan(struct question *q, span payload)
{
	struct rcpt_run *rr = q->rr;
	struct job_run *run = rr->run;
	struct local_plan plan;
	char *copy;

	if (payload.len == 0)
		return false;
	run_hold(run, payload.len);
	copy = run_alloc(run, payload.len, 1);
	memcpy(copy, payload.ptr, payload.len);
	if (!local_plan_get(span_of(copy, payload.len), &run->arena, &plan))
		return false;
	run_warn(run, plan.warning);
	rr->expanded = rr->expanded || plan.expanded;
	rr->owned = rr->owned || plan.owned;
	q->expanded = q->expanded || plan.expanded;
	rr->nsteps += plan.nsteps;
	q->nsteps += plan.nsteps;
	if (q->what == LOCAL_FORWARD && plan.nsteps)
		rr->expanded = true;
	for (uint32_t i = 0; i < plan.nsteps; i++)
		step_begin(rr, q->from, &plan.steps[i]);
	return true;
}

static void on_plan(struct expand_ask *ask, span payload, bool more)
{
	static const struct verdict no_answer = {
		.class = VERDICT_DEFERRED,
		.status = SPAN_INIT("4.3.0"),
		.text = SPAN_INIT("alias database unavailable"),
	};
	struct question *q = CONTAINER_OF(ask, struct question, ask);

	if (run_is_full(q->rr->run))
		give_up(q, &too_many);
	else if (!take_plan(q, payload))
		give_up(q, &no_answer);
	else if (!more && !q->nsteps && !q->expanded && q->from)
		step_go_on(q->from);
	if (!more)
		rcpt_release(q->rr);
}

static struct question *new_question(struct rcpt_run *rr, struct step_run *from)
{
	struct question *q = run_alloc(rr->run, 1, sizeof(*q));

	q->rr = rr;
	q->from = from;
	q->ask.plan = on_plan;
	q->ask.what.service = rr->run->at->index;
	q->ask.what.seen = rr->run->seen;
	rcpt_hold(rr);
	return q;
}

static void ask_about(struct rcpt_run *rr)
{
	const struct rcpt *rcpt = rcpt_of(rr);
	struct question *q = new_question(rr, NULL);

	q->ask.what.what = LOCAL_RCPT;
	q->ask.what.address = rcpt->addr;
	q->ask.what.original = rcpt->orig;
	q->ask.what.sender = rr->run->job.envelope.sender;
	expand_ask(rr->run->d->expand, &q->ask);
}

void plan_start(struct job_run *run)
{
	for (uint32_t i = 0; i < run->job.envelope.nrcpts; i++) {
		struct rcpt_run *rr = &run->rcpts[i];

		ask_about(rr);
		rcpt_release(rr);
	}
}

void plan_expand_file(
    struct step_run *sr, enum local_what what, const struct work_done *found)
{
	struct rcpt_run *rr = sr->rr;
	struct question *q = new_question(rr, sr);
	char *copy = run_alloc(rr->run, found->bytes.len, 1);

	if (found->bytes.len)
		memcpy(copy, found->bytes.ptr, found->bytes.len);
	q->ask.what.what = (uint8_t)what;
	q->ask.what.context = sr->step->context;
	q->ask.what.path = found->which;
	/* Whoever read it: a process that is a user is believed about what is
	 * his, not about whose it is. */
	q->ask.what.owner = sr->user.uid;
	q->ask.what.content = span_of(copy, found->bytes.len);
	/* It stands for what the file says now, not for itself. */
	rr->nsteps--;
	q->what = what;
	expand_ask(rr->run->d->expand, &q->ask);
}
