/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/legs.c - what a delivery process reports of a job, and
 * recipients that go on by another transport (mailbox_transport).
 *
 * A recipient that goes on as it is just changes its transport. But behind an
 * alias there may be several addresses that go on: each becomes a leg, with
 * jobs of its own. The recipient waits for all its legs; the worst outcome
 * counts, and each failure is told as that of a part.
 *
 * A recipient that waits in the queue starts anew the next time. What a leg
 * delivered meanwhile is remembered as a part, so that it is not done twice.
 *
 * Where transports pass to each other in a circle, it is cut after a few
 * rounds.
 */
#include "daemon/queue/active.h"

#include "os/log.h"

enum { PASSES_MAX = 10 };

struct active_rcpt *active_target(struct active *a, uint32_t place)
{
	uint32_t nrcpts = a->envelope.nrcpts;

	return place < nrcpts ? &a->rcpts[place] : &a->legs[place - nrcpts].as;
}

/* Which recipient it is, or is behind. */
static uint32_t rcpt_of(const struct active *a, uint32_t place)
{
	uint32_t nrcpts = a->envelope.nrcpts;

	return place < nrcpts ? place : a->legs[place - nrcpts].rcpt;
}

struct rcpt active_address(const struct active *a, uint32_t place)
{
	uint32_t nrcpts = a->envelope.nrcpts;
	const struct active_leg *leg;
	struct rcpt r;

	if (place < nrcpts) {
		r = a->envelope.rcpts[place];
		r.transport = a->rcpts[place].transport;
		r.nexthop = a->rcpts[place].nexthop;
		return r;
	}
	leg = &a->legs[place - nrcpts];
	r = a->envelope.rcpts[leg->rcpt];
	r.addr = leg->addr;
	r.orig = leg->orig;
	r.transport = leg->as.transport;
	r.nexthop = leg->as.nexthop;
	/* Success is reported of the alias, not of who is behind it. */
	r.notify = rcpt_notify_behind(r.notify);
	return r;
}

/* ---- ends ---- */

/* Nothing of the recipient is under way any more. */
static void join(struct active *a, uint32_t rcpt)
{
	const struct verdict v = a->rcpts[rcpt].verdict;

	if (!a->rcpts[rcpt].legs)
		active_outcome(a, rcpt, &v);
}

static void end_leg(struct active *a, uint32_t place, const struct verdict *v)
{
	struct active_leg *leg = &a->legs[place - a->envelope.nrcpts];
	struct active_rcpt *r = &a->rcpts[leg->rcpt];

	leg->as.state = ACTIVE_DONE;
	if (verdict_is_worse(v, &r->verdict))
		r->verdict = active_verdict(a, v);
	r->legs--;
	join(a, leg->rcpt);
}

void legs_outcome(struct active *a, uint32_t place, const struct verdict *v)
{
	const struct active_leg *leg = &a->legs[place - a->envelope.nrcpts];
	const struct job_part part = {
		.rcpt = leg->rcpt,
		.addr = leg->addr,
		.verdict = *v,
	};

	parts_take_leg(a, &part);
	end_leg(a, place, v);
}

static void end_circle(struct active *a, uint32_t place)
{
	static const struct verdict v = {
		.class = VERDICT_DEFERRED,
		.status = SPAN_INIT("4.3.5"),
		.text = SPAN_INIT("mail system configuration error"),
		.relay = SPAN_INIT("none"),
	};
	struct rcpt r = active_address(a, place);

	log_warn("qmgr",
	    "%s: <%.*s> is passed from transport to transport without end, "
	    "at last to \"%.*s\"",
	    a->id_text, PRI(r.addr), PRI(r.transport));
	active_log_outcome(a, place, "error", &v);
	active_outcome(a, place, &v);
}

/* ---- passes ---- */

/* The place goes another way now. */
static void move(struct active *a, uint32_t place, const struct job_pass *p)
{
	struct active_rcpt *r = active_target(a, place);

	r->state = ACTIVE_PENDING;
	r->transport = arena_dup(&a->arena, p->transport);
	if (p->nexthop.len)
		r->nexthop = arena_dup(&a->arena, p->nexthop);
	if (++r->passes > PASSES_MAX || !r->transport.ptr || !r->nexthop.ptr)
		end_circle(a, place);
}

static void add_leg(struct active *a, uint32_t from, const struct job_pass *p)
{
	const struct active_rcpt was = *active_target(a, from);
	uint32_t rcpt = rcpt_of(a, from);
	struct active_leg *leg;

	if (parts_is_done(a, rcpt, p->addr))
		return;
	if (a->nlegs == a->legs_room) {
		a->legs_room = a->legs_room ? 2 * a->legs_room : 4;
		a->legs = mem_resize(a->legs, a->legs_room, sizeof(*a->legs));
	}
	leg = &a->legs[a->nlegs++];
	*leg = (struct active_leg){
		.rcpt = rcpt,
		.addr = arena_dup(&a->arena, p->addr),
		.orig = arena_dup(&a->arena, p->orig),
		.as = { .passes = was.passes, .nexthop = was.nexthop },
	};
	a->rcpts[rcpt].legs++;
	move(a, a->envelope.nrcpts + a->nlegs - 1, p);
}

/* Passes of a job, chained for each of its places. */
struct passes {
	const struct job_done *done;
	uint32_t *first; /* per place: 1 + index of a pass, or 0 */
	uint32_t *next;  /* per pass: the same */
};

static struct passes passes_new(const struct job_done *m)
{
	struct passes p = {
		.done = m,
		.first = mem_new(m->nverdicts, sizeof(*p.first)),
		.next = mem_new(m->npasses, sizeof(*p.next)),
	};

	for (uint32_t i = m->npasses; i-- > 0;) {
		p.next[i] = p.first[m->passes[i].rcpt];
		p.first[m->passes[i].rcpt] = i + 1;
	}
	return p;
}

static void take_passes(struct active *a, uint32_t place,
    const struct passes *p, uint32_t first, const struct verdict *own)
{
	const struct job_pass *one = &p->done->passes[first - 1];
	struct active_rcpt *r = active_target(a, place);

	if (!p->next[first - 1] && own->class == VERDICT_SENT &&
	    span_eq(one->addr, active_address(a, place).addr)) {
		move(a, place, one);
		return;
	}
	/* Its own outcome is one more that is waited for. */
	if (place < a->envelope.nrcpts) {
		r->verdict = active_verdict(a, own);
		r->legs = 1;
	}
	for (uint32_t i = first; i; i = p->next[i - 1])
		add_leg(a, place, &p->done->passes[i - 1]);
	if (place < a->envelope.nrcpts) {
		a->rcpts[place].legs--;
		join(a, place);
	} else if (own->class == VERDICT_SENT) {
		/* It is not done before those that it became are. */
		end_leg(a, place, own);
	} else {
		legs_outcome(a, place, own);
	}
}

/* ---- reports ---- */

static struct verdict with_relay(
    const struct active_rcpt *r, enum role role, const struct verdict *verdict)
{
	struct verdict v = *verdict;

	if (!v.relay.len)
		v.relay = role == ROLE_DELIVER ? r->transport : SPAN("none");
	return v;
}

static void take_parts(struct qjob *j, const struct job_done *m)
{
	struct active *a = j->active;

	for (uint32_t i = 0; i < m->nparts; i++)
		parts_take(
		    a, rcpt_of(a, j->places[m->parts[i].rcpt]), &m->parts[i]);
	if (m->nparts)
		active_mark_dirty(a);
}

bool legs_report(struct qjob *j, enum role role, const struct job_done *m)
{
	struct passes p = passes_new(m);
	struct active *a = j->active;
	uint32_t left = 0;

	take_parts(j, m);
	for (uint32_t i = 0; i < j->nplaces; i++) {
		uint32_t place = j->places[i];
		struct verdict v =
		    with_relay(active_target(a, place), role, &m->verdicts[i]);

		if (p.first[i])
			take_passes(a, place, &p, p.first[i], &v);
		else if (m->site == JOB_SITE_AGAIN &&
		    v.class == VERDICT_DEFERRED)
			j->places[left++] = place;
		else
			active_outcome(a, place, &v);
	}
	mem_free(p.first);
	mem_free(p.next);
	if (left)
		j->nplaces = left;
	return left > 0;
}
