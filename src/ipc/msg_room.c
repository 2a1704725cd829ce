/* SPDX-License-Identifier: ISC */
#include "ipc/msg_room.h"

void room_ask_put(struct buf *out, const struct room_ask *m)
{
	wire_put_u64(out, m->ask);
	wire_put_span(out, m->transport);
	wire_put_span(out, m->address);
	wire_put_u64(out, m->size);
}

bool room_ask_get(span payload, struct room_ask *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->transport = wire_span(&w);
	ret->address = wire_span(&w);
	ret->size = wire_u64(&w);
	return wire_is_done(&w);
}

void room_is_put(struct buf *out, const struct room_is *m)
{
	wire_put_u64(out, m->ask);
	wire_put_u8(out, m->full);
}

bool room_is_get(span payload, struct room_is *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->full = wire_u8(&w);
	return wire_is_done(&w);
}
