/* SPDX-License-Identifier: ISC */
/*
 * The first byte says how the content is cut. However it was cut, the mailbox
 * is the same, and no line in it looks like the start of another message.
 */
#include "mail/mbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(span input, size_t step, struct buf *out)
{
	struct mbox m;

	mbox_init(&m, MBOX_FILE);
	while (input.len) {
		mbox_feed(&m, span_first(input, step), out);
		input = span_from(input, step);
	}
	mbox_finish(&m, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT(16 << 20);
	struct buf pieces = BUF_INIT(16 << 20);
	span input = span_from(span_of(data, size), 1);
	span rest;

	if (size < 1)
		return 0;
	run(input, SIZE_MAX, &whole);
	run(input, 1 + data[0], &pieces);
	if (!span_eq(buf_span(&whole), buf_span(&pieces)))
		bug("how the content was cut mattered");
	rest = buf_span(&whole);
	while (rest.len)
		if (span_has_prefix(span_cut(&rest, '\n'), SPAN("From ")))
			bug("a From_ line");
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
