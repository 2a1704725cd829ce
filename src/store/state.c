/* SPDX-License-Identifier: ISC */
#include "store/state.h"

enum { STATE_VERSION = 1 };

static bool has_verdict(enum state_kind kind)
{
	return kind == STATE_DEFERRED || kind == STATE_BOUNCED;
}

void state_put(struct buf *out, const struct state *s)
{
	wire_put_u8(out, STATE_VERSION);
	wire_put_u32(out, s->nrcpts);
	for (uint32_t i = 0; i < s->nrcpts; i++) {
		wire_put_u8(out, (uint8_t)s->rcpts[i].kind);
		if (has_verdict(s->rcpts[i].kind))
			verdict_put(out, &s->rcpts[i].verdict);
	}
}

bool state_get(span bytes, struct arena *a, struct state *ret)
{
	struct wire w = wire_from(bytes);
	struct state s;

	if (wire_u8(&w) != STATE_VERSION)
		return false;
	s.nrcpts = wire_u32(&w);
	if (w.failed || s.nrcpts > w.rest.len)
		return false;
	s.rcpts = arena_alloc(a, s.nrcpts, sizeof(*s.rcpts));
	if (!s.rcpts)
		return false;
	for (uint32_t i = 0; i < s.nrcpts; i++) {
		uint8_t kind = wire_u8(&w);

		if (kind > STATE_DONE)
			return false;
		s.rcpts[i].kind = (enum state_kind)kind;
		if (has_verdict(s.rcpts[i].kind) &&
		    !verdict_get(&w, &s.rcpts[i].verdict))
			return false;
	}
	if (!wire_is_done(&w))
		return false;
	*ret = s;
	return true;
}
