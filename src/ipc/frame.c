/* SPDX-License-Identifier: ISC */
#include "ipc/frame.h"

#include <endian.h>
#include <string.h>

bool frame_peek(span start, struct frame_head *ret)
{
	struct wire w = wire_from(start);

	if (start.len < FRAME_HEADER)
		return false;
	ret->length = wire_u32(&w);
	ret->type = wire_u16(&w);
	ret->nfds = wire_u16(&w);
	return true;
}

/* The header alone decides whether a frame is broken: nobody waits for the
 * rest of such a one. */
enum frame_result frame_parse(span *rest, struct frame *ret)
{
	struct frame_head head;
	span payload;

	if (!frame_peek(*rest, &head))
		return FRAME_MORE;
	if (head.length > FRAME_MAX || head.nfds > FRAME_MAX_FDS)
		return FRAME_BROKEN;
	payload = span_from(*rest, FRAME_HEADER);
	if (payload.len < head.length)
		return FRAME_MORE;
	*rest = span_from(payload, head.length);
	ret->type = head.type;
	ret->nfds = head.nfds;
	ret->payload = span_first(payload, head.length);
	return FRAME_OK;
}

size_t frame_begin(struct buf *out, uint16_t type, uint16_t nfds)
{
	size_t at = out->len;

	wire_put_u32(out, 0);
	wire_put_u16(out, type);
	wire_put_u16(out, nfds);
	return at;
}

void frame_end(struct buf *out, size_t at)
{
	uint32_t length;

	if (out->failed)
		return;
	if (out->len - at - FRAME_HEADER > FRAME_MAX) {
		out->failed = true;
		return;
	}
	length = htole32((uint32_t)(out->len - at - FRAME_HEADER));
	memcpy(out->data + at, &length, sizeof(length));
}
