/* SPDX-License-Identifier: ISC */
#include "ipc/msg_local.h"

#include "base/wire_array.h"
#include "mail/verdict.h"

/* Of an encoded step, of a variable, of a path. */
enum { STEP_MIN = 72, ENV_MIN = 2 * 4, SPAN_MIN = 4 };

void local_ask_put(struct buf *out, const struct local_ask *m)
{
	wire_put_u64(out, m->ask);
	wire_put_u32(out, m->service);
	wire_put_u8(out, m->what);
	wire_put_span(out, m->address);
	wire_put_span(out, m->original);
	wire_put_span(out, m->sender);
	wire_put_span(out, m->seen);
	wire_put_span(out, m->context);
	wire_put_u32(out, m->path);
	wire_put_u32(out, m->owner);
	wire_put_span(out, m->content);
}

bool local_ask_get(span payload, struct local_ask *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->service = wire_u32(&w);
	ret->what = wire_u8(&w);
	ret->address = wire_span(&w);
	ret->original = wire_span(&w);
	ret->sender = wire_span(&w);
	ret->seen = wire_span(&w);
	ret->context = wire_span(&w);
	ret->path = wire_u32(&w);
	ret->owner = wire_u32(&w);
	ret->content = wire_span(&w);
	return wire_is_done(&w) && ret->what <= LOCAL_INCLUDE;
}

static void put_step(struct buf *out, const struct local_step *s)
{
	wire_put_u8(out, s->kind);
	wire_put_u32(out, s->flags);
	wire_put_span(out, s->address);
	wire_put_span(out, s->original);
	wire_put_span(out, s->delivered);
	wire_put_span(out, s->sender);
	wire_put_u8(out, s->owned);
	wire_put_span(out, s->user);
	wire_put_u8(out, s->by_uid);
	wire_put_u32(out, s->uid);
	wire_put_u32(out, s->gid);
	wire_put_u32(out, s->nforward);
	for (uint32_t i = 0; i < s->nforward; i++)
		wire_put_span(out, s->forward[i]);
	wire_put_span(out, s->what);
	wire_put_u32(out, s->nenv);
	for (uint32_t i = 0; i < s->nenv; i++) {
		wire_put_span(out, s->env[i].name);
		wire_put_span(out, s->env[i].value);
	}
	wire_put_span(out, s->directory);
	wire_put_u64(out, s->size_max);
	wire_put_span(out, s->quota);
	wire_put_u8(out, s->class);
	wire_put_span(out, s->status);
	wire_put_span(out, s->context);
}

void local_plan_put(struct buf *out, const struct local_plan *m)
{
	wire_put_u64(out, m->ask);
	wire_put_u8(out, m->expanded);
	wire_put_u8(out, m->owned);
	wire_put_span(out, m->warning);
	wire_put_u8(out, m->more);
	wire_put_u32(out, m->nsteps);
	for (uint32_t i = 0; i < m->nsteps; i++)
		put_step(out, &m->steps[i]);
}

static bool get_forward(struct wire *w, struct arena *a, struct local_step *s)
{
	s->forward =
	    wire_array(w, a, &s->nforward, SPAN_MIN, sizeof(*s->forward));
	if (!s->forward || s->nforward > LOCAL_MAX_FORWARD)
		return false;
	for (uint32_t i = 0; i < s->nforward; i++)
		s->forward[i] = wire_span(w);
	return true;
}

static bool get_env(struct wire *w, struct arena *a, struct local_step *s)
{
	s->env = wire_array(w, a, &s->nenv, ENV_MIN, sizeof(*s->env));
	if (!s->env || s->nenv > LOCAL_MAX_ENV)
		return false;
	for (uint32_t i = 0; i < s->nenv; i++) {
		s->env[i].name = wire_span(w);
		s->env[i].value = wire_span(w);
	}
	return true;
}

static bool is_outcome(const struct local_step *s)
{
	return (s->class == VERDICT_SENT || s->class == VERDICT_DEFERRED ||
	           s->class == VERDICT_BOUNCED) &&
	    verdict_is_status(s->status);
}

static bool get_step(struct wire *w, struct arena *a, struct local_step *s)
{
	s->kind = wire_u8(w);
	s->flags = wire_u32(w);
	s->address = wire_span(w);
	s->original = wire_span(w);
	s->delivered = wire_span(w);
	s->sender = wire_span(w);
	s->owned = wire_u8(w) != 0;
	s->user = wire_span(w);
	s->by_uid = wire_u8(w) != 0;
	s->uid = wire_u32(w);
	s->gid = wire_u32(w);
	if (!get_forward(w, a, s))
		return false;
	s->what = wire_span(w);
	if (!get_env(w, a, s))
		return false;
	s->directory = wire_span(w);
	s->size_max = wire_u64(w);
	s->quota = wire_span(w);
	s->class = wire_u8(w);
	s->status = wire_span(w);
	s->context = wire_span(w);
	if (w->failed || s->kind > LOCAL_READ)
		return false;
	if (s->kind == LOCAL_READ)
		return s->nforward == 0;
	return s->kind != LOCAL_OUTCOME || is_outcome(s);
}

bool local_plan_get(span payload, struct arena *a, struct local_plan *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->expanded = wire_u8(&w) != 0;
	ret->owned = wire_u8(&w) != 0;
	ret->warning = wire_span(&w);
	ret->more = wire_u8(&w) != 0;
	ret->steps =
	    wire_array(&w, a, &ret->nsteps, STEP_MIN, sizeof(*ret->steps));
	if (!ret->steps || ret->nsteps > LOCAL_MAX_STEPS)
		return false;
	for (uint32_t i = 0; i < ret->nsteps; i++)
		if (!get_step(&w, a, &ret->steps[i]))
			return false;
	return wire_is_done(&w);
}
