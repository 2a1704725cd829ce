/* SPDX-License-Identifier: ISC */
#include "ipc/msg_queue.h"

void queue_commit_put(struct buf *out, const struct queue_commit *m)
{
	wire_put_u64(out, m->tag);
	wire_put_u8(out, m->blob);
	wire_put_span(out, m->content);
	envelope_put(out, &m->envelope);
}

bool queue_commit_get(span payload, struct arena *a, struct queue_commit *ret)
{
	struct wire w = wire_from(payload);

	ret->tag = wire_u64(&w);
	ret->blob = wire_u8(&w) != 0;
	ret->content = wire_span(&w);
	return envelope_get(&w, a, &ret->envelope) && wire_is_done(&w);
}

void queue_tag_put(struct buf *out, uint64_t tag)
{
	wire_put_u64(out, tag);
}

bool queue_tag_get(span payload, uint64_t *ret_tag)
{
	struct wire w = wire_from(payload);

	*ret_tag = wire_u64(&w);
	return wire_is_done(&w);
}

void queue_result_put(struct buf *out, uint64_t tag, enum queue_result r)
{
	wire_put_u64(out, tag);
	wire_put_u8(out, (uint8_t)r);
}

bool queue_result_get(span payload, struct queue_tag *ret)
{
	struct wire w = wire_from(payload);

	ret->tag = wire_u64(&w);
	ret->result = wire_u8(&w);
	return wire_is_done(&w) && ret->result <= QUEUE_ERROR;
}

void queue_ids_put(struct buf *out, const struct queue_ids *m)
{
	wire_put_u64(out, m->first);
	wire_put_u32(out, m->count);
}

bool queue_ids_get(span payload, struct queue_ids *ret)
{
	struct wire w = wire_from(payload);

	ret->first = wire_u64(&w);
	ret->count = wire_u32(&w);
	return wire_is_done(&w);
}
