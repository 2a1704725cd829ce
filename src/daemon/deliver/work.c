/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/work.h"

void work_setup_put(struct buf *out, const struct work_setup *m)
{
	wire_put_u32(out, m->owner);
	wire_put_u8(out, m->claims);
	wire_put_span(out, m->path);
	wire_put_u32(out, m->locks);
	wire_put_u32(out, m->attempts);
	wire_put_u64(out, m->delay);
	wire_put_u64(out, m->stale);
	wire_put_u64(out, m->size_max);
	wire_put_u8(out, m->any_owner);
	wire_put_u8(out, m->original_to);
	wire_put_u8(out, m->delivered_to);
}

bool work_setup_get(span payload, struct work_setup *ret)
{
	struct wire w = wire_from(payload);

	ret->owner = wire_u32(&w);
	ret->claims = wire_u8(&w);
	ret->path = wire_span(&w);
	ret->locks = wire_u32(&w);
	ret->attempts = wire_u32(&w);
	ret->delay = wire_u64(&w);
	ret->stale = wire_u64(&w);
	ret->size_max = wire_u64(&w);
	ret->any_owner = wire_u8(&w);
	ret->original_to = wire_u8(&w);
	ret->delivered_to = wire_u8(&w);
	return wire_is_done(&w);
}

void work_item_put(struct buf *out, const struct work_item *m)
{
	wire_put_u64(out, m->number);
	wire_put_span(out, m->name);
	wire_put_span(out, m->sender);
	wire_put_span(out, m->address);
	wire_put_span(out, m->original);
	wire_put_u8(out, m->blob);
	wire_put_span(out, m->content);
}

bool work_item_get(span payload, struct work_item *ret)
{
	struct wire w = wire_from(payload);

	ret->number = wire_u64(&w);
	ret->name = wire_span(&w);
	ret->sender = wire_span(&w);
	ret->address = wire_span(&w);
	ret->original = wire_span(&w);
	ret->blob = wire_u8(&w);
	ret->content = wire_span(&w);
	return wire_is_done(&w);
}

void work_done_put(struct buf *out, const struct work_done *m)
{
	wire_put_u64(out, m->number);
	verdict_put(out, &m->verdict);
	wire_put_u8(out, m->foreign);
}

bool work_done_get(span payload, struct work_done *ret)
{
	struct wire w = wire_from(payload);

	ret->number = wire_u64(&w);
	if (!verdict_get(&w, &ret->verdict))
		return false;
	ret->foreign = wire_u8(&w);
	return wire_is_done(&w);
}

void work_claimed_put(struct buf *out, const struct work_claimed *m)
{
	wire_put_u8(out, m->result);
	wire_put_u8(out, m->has_lock);
	wire_put_u8(out, m->left);
	wire_put_u64(out, m->left_inode);
	wire_put_u64(out, m->left_size);
	wire_put_span(out, m->status);
	wire_put_span(out, m->reason);
}

bool work_claimed_get(span payload, struct work_claimed *ret)
{
	struct wire w = wire_from(payload);

	ret->result = wire_u8(&w);
	ret->has_lock = wire_u8(&w);
	ret->left = wire_u8(&w);
	ret->left_inode = wire_u64(&w);
	ret->left_size = wire_u64(&w);
	ret->status = wire_span(&w);
	ret->reason = wire_span(&w);
	return wire_is_done(&w);
}
