/* SPDX-License-Identifier: ISC */
/*
 * The bytes of a peer, once in one piece and once cut into small ones (the
 * first byte says how): the same frames must come out, and the same end.
 */
#include "ipc/frame.h"
#include "ipc/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sync_msg expect(span *rest, enum frame_result *ret)
{
	struct sync_msg m = { 0 };
	struct frame f;

	*ret = frame_parse(rest, &f);
	/* Nobody sends descriptors here, so announcing some is a lie. */
	if (*ret == FRAME_OK && f.nfds)
		*ret = FRAME_BROKEN;
	if (*ret == FRAME_OK)
		m = (struct sync_msg){ f.type, 0, NULL, f.payload };
	return m;
}

static enum frame_result compare(struct stream_in *in, span *rest)
{
	for (;;) {
		struct sync_msg got;
		struct sync_msg want;
		enum frame_result w;
		enum frame_result g = frames_next(in, &got);

		if (g == FRAME_MORE)
			return g;
		want = expect(rest, &w);
		/* A lie may be found out before the frame is whole. */
		if (g == FRAME_BROKEN && w != FRAME_OK)
			return g;
		if (g != w || got.type != want.type ||
		    !span_eq(got.payload, want.payload))
			bug("frame_fuzz: %d is not %d", (int)g, (int)w);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span all = span_of(data, size);
	span rest;
	struct stream_in in;
	enum frame_result r = FRAME_MORE;
	enum frame_result w;
	size_t step;

	if (!size)
		return 0;
	step = data[0] % 64U + 1;
	all = span_from(all, 1);
	rest = all;
	frames_in_init(&in);
	while (all.len && r == FRAME_MORE) {
		frames_feed(&in, span_first(all, step));
		all = span_from(all, step);
		r = compare(&in, &rest);
	}
	/* Nothing whole may be left when the stream waits for more. */
	(void)expect(&rest, &w);
	if (r == FRAME_MORE && w == FRAME_OK)
		bug("frame_fuzz: a frame was lost");
	frames_in_done(&in);
	return 0;
}
