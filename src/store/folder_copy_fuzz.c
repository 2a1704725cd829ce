/* SPDX-License-Identifier: ISC */
/*
 * The first bytes say how and with which flags a message is copied, and how
 * it is cut. How it was cut does not matter; in an mbox it is one message,
 * with these flags and no other.
 */
#include "store/folder_copy.h"
#include "store/folder_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(
    span input, size_t step, unsigned how, uint8_t flags, struct buf *out)
{
	struct folder_copy c;

	folder_copy_init(&c, how, flags);
	while (input.len > 0) {
		folder_copy_feed(&c, span_first(input, step), out);
		input = span_from(input, step);
	}
	folder_copy_finish(&c, out);
	if (out->failed)
		bug("it grew");
}

struct seen {
	size_t count;
	uint8_t flags;
};

static void add_found(void *ctx, const struct folder_item *item)
{
	struct seen *s = ctx;

	s->count++;
	s->flags = item->m.flags;
}

static void check_mbox(const struct buf *content, uint8_t flags)
{
	static const struct folder_scan_calls calls = { .found = add_found };
	CLEANUP(buf_done) struct buf file = BUF_INIT(4 << 20);
	struct seen seen = { .count = 0 };
	struct folder_scan s;

	buf_put(&file, SPAN("From x Wed Feb 19 05:10:35 2020\n"));
	buf_put(&file, buf_span(content));
	folder_scan_init(&s, 0, &calls, &seen);
	(void)folder_scan_feed(&s, buf_span(&file), true);
	if (!folder_scan_end(&s) || seen.count != 1)
		bug("%zu messages", seen.count);
	if (seen.flags != flags)
		bug("flags %x, not %x", seen.flags, flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_done) struct buf whole = BUF_INIT(4 << 20);
	CLEANUP(buf_done) struct buf pieces = BUF_INIT(4 << 20);
	span input = span_from(span_of(data, size), 3);
	unsigned how;
	uint8_t flags;

	if (size < 3 || size > 65536)
		return 0;
	how = data[0] & 7;
	flags = data[1] & 31;
	run(input, SIZE_MAX, how, flags, &whole);
	run(input, 1 + data[2], how, flags, &pieces);
	if (!span_eq(buf_span(&whole), buf_span(&pieces)))
		bug("how it was cut mattered");
	if (how == 7)
		check_mbox(&whole, flags);
	return 0;
}
