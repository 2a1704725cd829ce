/* SPDX-License-Identifier: ISC */
#include "store/state.h"

enum {
	STATE_VERSION = 2,
	KIND_REPORT = 0x80, /* in the byte of the kind */
	PART_MIN = 4 + 1 + 1 + 3 * 4,
	PART_FLAGS = STATE_PART_TELL | STATE_PART_REPORT,
};

static bool has_verdict(const struct state_rcpt *r)
{
	return r->kind == STATE_DEFERRED || r->kind == STATE_BOUNCED ||
	    r->report;
}

static void put_rcpt(struct buf *out, const struct state_rcpt *r)
{
	wire_put_u8(out, (uint8_t)(r->kind | (r->report ? KIND_REPORT : 0)));
	if (has_verdict(r))
		verdict_put(out, &r->verdict);
	if (r->report)
		wire_put_span(out, r->action);
}

static void put_part(struct buf *out, const struct state_part *p)
{
	wire_put_u32(out, p->rcpt);
	wire_put_u8(out, p->flags);
	wire_put_u8(out, p->has_sender);
	wire_put_span(out, p->sender);
	wire_put_span(out, p->addr);
	wire_put_span(out, p->action);
	verdict_put(out, &p->verdict);
}

void state_put(struct buf *out, const struct state *s)
{
	wire_put_u8(out, STATE_VERSION);
	wire_put_u32(out, s->nrcpts);
	wire_put_u32(out, s->nparts);
	for (uint32_t i = 0; i < s->nrcpts; i++)
		put_rcpt(out, &s->rcpts[i]);
	for (uint32_t i = 0; i < s->nparts; i++)
		put_part(out, &s->parts[i]);
}

static bool get_rcpt(struct wire *w, struct state_rcpt *r)
{
	uint8_t kind = wire_u8(w);

	r->report = kind & KIND_REPORT;
	kind &= (uint8_t)~KIND_REPORT;
	if (kind > STATE_DONE)
		return false;
	r->kind = (enum state_kind)kind;
	if (has_verdict(r) && !verdict_get(w, &r->verdict))
		return false;
	if (r->report)
		r->action = wire_span(w);
	return !w->failed;
}

static bool get_part(struct wire *w, struct state_part *p)
{
	uint8_t has_sender;

	p->rcpt = wire_u32(w);
	p->flags = wire_u8(w);
	has_sender = wire_u8(w);
	p->has_sender = has_sender;
	p->sender = wire_span(w);
	p->addr = wire_span(w);
	p->action = wire_span(w);
	return has_sender <= 1 && !(p->flags & ~PART_FLAGS) &&
	    verdict_get(w, &p->verdict);
}

bool state_get(span bytes, struct arena *a, struct state *ret)
{
	struct wire w = wire_from(bytes);
	struct state s = { 0 };

	if (wire_u8(&w) != STATE_VERSION)
		return false;
	s.nrcpts = wire_u32(&w);
	s.nparts = wire_u32(&w);
	if (w.failed || s.nrcpts > w.rest.len ||
	    s.nparts > w.rest.len / PART_MIN)
		return false;
	s.rcpts = arena_alloc(a, s.nrcpts, sizeof(*s.rcpts));
	s.parts = arena_alloc(a, s.nparts, sizeof(*s.parts));
	if (!s.rcpts || !s.parts)
		return false;
	for (uint32_t i = 0; i < s.nrcpts; i++)
		if (!get_rcpt(&w, &s.rcpts[i]))
			return false;
	for (uint32_t i = 0; i < s.nparts; i++)
		if (!get_part(&w, &s.parts[i]) || s.parts[i].rcpt >= s.nrcpts)
			return false;
	if (!wire_is_done(&w))
		return false;
	*ret = s;
	return true;
}

/* --- what mailq shows --- */

static bool is_waiting(const struct state *s, const struct state_part *p)
{
	return p->verdict.class == VERDICT_DEFERRED &&
	    s->rcpts[p->rcpt].kind != STATE_DONE;
}

uint32_t state_list(
    const struct envelope *e, const struct state *s, struct ctl_rcpt *ret)
{
	uint8_t *explained = mem_new(e->nrcpts, 1);
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->nparts; i++) {
		const struct state_part *p = &s->parts[i];

		if (p->rcpt >= e->nrcpts || !is_waiting(s, p))
			continue;
		explained[p->rcpt] = 1;
		ret[n++] = (struct ctl_rcpt){
			.addr = p->addr,
			.orig = e->rcpts[p->rcpt].orig,
			.reason = p->verdict.text,
		};
	}
	for (uint32_t i = 0; i < e->nrcpts; i++) {
		const struct state_rcpt *r =
		    i < s->nrcpts ? &s->rcpts[i] : NULL;

		if (r && r->kind == STATE_DONE)
			continue;
		ret[n++] = (struct ctl_rcpt){
			.addr = e->rcpts[i].addr,
			.orig = e->rcpts[i].orig,
			.reason =
			    r && !explained[i] ? r->verdict.text : SPAN_NONE,
		};
	}
	mem_free(explained);
	return n;
}
