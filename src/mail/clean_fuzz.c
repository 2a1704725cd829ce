/* SPDX-License-Identifier: ISC */
/*
 * The first byte chooses the mode and how the rest, a message, is cut.
 * Whole or in pieces, the result must be the same.
 */
#include "mail/clean.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(unsigned mode, span input, size_t step, struct buf *out)
{
	const struct clean_conf conf = { .myhostname = SPAN("mx.example.com"),
		.drop_headers = SPAN("bcc, content-length"),
		.undisclosed = SPAN("To: undisclosed-recipients:;"),
		.local = { .origin = SPAN("example.com"),
		    .domain = SPAN("example.com"),
		    .swap_bangpath = true,
		    .percent_hack = true,
		    .append_at_myorigin = true,
		    .append_dot_mydomain = true },
		.header_size_limit = mode & 1 ? 100 : 102400,
		.token_limit = 10240,
		.hopcount_limit = 5,
		.always_add_missing = mode & 2 };
	const struct clean_message m = { .id = (msgid)0x123456 << 20,
		.sender = SPAN("a@b.org"),
		.local = mode & 4 };
	struct clean c;

	clean_init(&c, &conf, &m);
	while (input.len) {
		clean_feed(&c, span_first(input, step), out);
		input = span_from(input, step);
	}
	clean_finish(&c, out);
	if (c.failed)
		bug("a message of %zu bytes hit a limit", input.len);
	clean_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT(64 << 20);
	struct buf pieces = BUF_INIT(64 << 20);
	span input = span_from(span_of(data, size), 1);

	if (size < 1)
		return 0;
	run(data[0], input, SIZE_MAX, &whole);
	run(data[0], input, 1 + data[0] / 8, &pieces);
	if (!span_eq(buf_span(&whole), buf_span(&pieces)))
		bug("how the content was cut mattered");
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
