/* SPDX-License-Identifier: ISC */
/*
 * What a worker or its parent may be told, and the header of a message. The
 * first byte chooses.
 */
#include "daemon/deliver/loops.h"
#include "daemon/deliver/work.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was decoded, encoded again, is what came in; only a flag, which is a
 * byte, may change. */
static void check_size(span input, const struct buf *again)
{
	if (!again->failed && again->len != input.len)
		bug("a message changed its size");
}

static void fuzz_setup(span input, struct arena *a, struct buf *again)
{
	struct work_setup setup;

	if (work_setup_get(input, a, &setup)) {
		work_setup_put(again, &setup);
		check_size(input, again);
	}
}

static void fuzz_item(span input, struct arena *a, struct buf *again)
{
	struct work_item item;

	if (work_item_get(input, a, &item)) {
		work_item_put(again, &item);
		check_size(input, again);
	}
}

static void fuzz_reach(span input, struct buf *again)
{
	struct work_reach reach;

	if (work_reach_get(input, &reach)) {
		work_reach_put(again, &reach);
		check_size(input, again);
	}
}

static void fuzz_done(span input, struct buf *again)
{
	struct work_done done;

	if (work_done_get(input, &done)) {
		work_done_put(again, &done);
		check_size(input, again);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_done) struct buf again = BUF_INIT(1 << 20);
	CLEANUP(arena_done) struct arena arena;
	span input;

	arena_init(&arena, 1 << 22);
	if (size == 0)
		return 0;
	input = span_of(data + 1, size - 1);
	if (data[0] == 0)
		fuzz_setup(input, &arena, &again);
	else if (data[0] == 1)
		fuzz_item(input, &arena, &again);
	else if (data[0] == 2)
		fuzz_done(input, &again);
	else if (data[0] == 3)
		fuzz_reach(input, &again);
	else
		loops_list(input, &again);
	return 0;
}
