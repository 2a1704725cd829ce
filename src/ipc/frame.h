/* SPDX-License-Identifier: ISC */
/*
 * ipc/frame.h - how typed messages lie in a byte stream between two of our
 * processes.
 *
 *	u32 length of the payload | u16 type | u16 descriptors | payload
 *
 * Descriptors travel beside the bytes (SCM_RIGHTS) in the order in which the
 * frames announce them. A frame larger than FRAME_MAX, or one that announces
 * more than FRAME_MAX_FDS, is a hostile or broken peer: the connection ends.
 */
#pragma once

#include "base/wire.h"

enum {
	FRAME_HEADER = 8,
	FRAME_MAX = 16 * 1024 * 1024,
	FRAME_MAX_FDS = 8,
};

struct frame {
	uint16_t type;
	uint16_t nfds;
	span payload; /* borrowed from the input */
};

enum frame_result { FRAME_OK, FRAME_MORE, FRAME_BROKEN };

/* Take one frame off the front of `rest`. */
MUST_USE enum frame_result frame_parse(span *rest, struct frame *ret);

struct frame_head {
	uint32_t length; /* of the payload */
	uint16_t type;
	uint16_t nfds;
};
/* What a frame says of itself before it is whole; not checked. False: not
 * even its header is there. */
MUST_USE bool frame_peek(span start, struct frame_head *ret);

/*
 * Append a header now and fill in its length once the payload is written:
 *
 *	size_t at = frame_begin(out, TYPE, 0);
 *	wire_put_u64(out, ...);
 *	frame_end(out, at);
 *
 * A payload above FRAME_MAX sets out->failed.
 */
size_t frame_begin(struct buf *out, uint16_t type, uint16_t nfds);
void frame_end(struct buf *out, size_t at);
