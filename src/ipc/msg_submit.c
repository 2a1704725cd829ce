/* SPDX-License-Identifier: ISC */
#include "ipc/msg_submit.h"

void submit_put(struct buf *out, const struct submit *m)
{
	wire_put_u64(out, m->number);
	wire_put_span(out, m->head);
	wire_put_u8(out, m->blob);
	wire_put_span(out, m->content);
	envelope_put(out, &m->envelope);
}

bool submit_get(span payload, struct arena *a, struct submit *ret)
{
	struct wire w = wire_from(payload);

	ret->number = wire_u64(&w);
	ret->head = wire_span(&w);
	ret->blob = wire_u8(&w) != 0;
	ret->content = wire_span(&w);
	return envelope_get(&w, a, &ret->envelope) && wire_is_done(&w) &&
	    ret->envelope.nrcpts > 0;
}

void submit_result_put(struct buf *out, const struct submit_result *m)
{
	wire_put_u64(out, m->number);
	wire_put_u8(out, m->what);
	wire_put_u64(out, m->id);
	wire_put_span(out, m->why);
}

bool submit_result_get(span payload, struct submit_result *ret)
{
	struct wire w = wire_from(payload);

	ret->number = wire_u64(&w);
	ret->what = wire_u8(&w);
	ret->id = wire_u64(&w);
	ret->why = wire_span(&w);
	return wire_is_done(&w) && ret->what <= SUBMIT_AGAIN;
}
