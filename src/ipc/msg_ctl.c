/* SPDX-License-Identifier: ISC */
#include "ipc/msg_ctl.h"

enum { RCPT_MIN = 3 * 4 };

void ctl_entry_put(struct buf *out, const struct ctl_entry *m)
{
	wire_put_u64(out, m->id);
	wire_put_u64(out, m->arrival);
	wire_put_u64(out, m->size);
	wire_put_u8(out, m->queue);
	wire_put_u8(out, m->forced_expire);
	wire_put_span(out, m->sender);
	wire_put_u32(out, m->nrcpts);
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		wire_put_span(out, m->rcpts[i].addr);
		wire_put_span(out, m->rcpts[i].orig);
		wire_put_span(out, m->rcpts[i].reason);
	}
}

bool ctl_entry_get(span payload, struct arena *a, struct ctl_entry *ret)
{
	struct wire w = wire_from(payload);

	ret->id = wire_u64(&w);
	ret->arrival = wire_u64(&w);
	ret->size = wire_u64(&w);
	ret->queue = wire_u8(&w);
	ret->forced_expire = wire_u8(&w) != 0;
	ret->sender = wire_span(&w);
	ret->nrcpts = wire_u32(&w);
	if (w.failed || ret->queue > CTL_HOLD ||
	    ret->nrcpts > w.rest.len / RCPT_MIN)
		return false;
	ret->rcpts = arena_alloc(a, ret->nrcpts, sizeof(*ret->rcpts));
	if (!ret->rcpts)
		return false;
	for (uint32_t i = 0; i < ret->nrcpts; i++) {
		ret->rcpts[i].addr = wire_span(&w);
		ret->rcpts[i].orig = wire_span(&w);
		ret->rcpts[i].reason = wire_span(&w);
	}
	return wire_is_done(&w);
}
