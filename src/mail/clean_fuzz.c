/* SPDX-License-Identifier: ISC */
/*
 * The first byte chooses the mode and how the rest, a message, is cut.
 * Whole or in pieces, the result must be the same. Some modes have tables:
 * they change every other address into the piece of the message where they
 * are asked, whatever that is.
 */
#include "mail/clean.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(struct clean *c, span message, struct buf *out)
{
	struct wire w = wire_from(buf_span(&c->asked));
	span *answers = mem_new(c->nasked, sizeof(*answers));
	uint32_t count = 0;
	uint8_t class;
	span addr;

	while (clean_next_question(&w, &class, &addr)) {
		if (count == c->nasked)
			bug("more questions than told");
		if (addr.len & 1)
			answers[count] = span_first(
			    span_from(message, addr.len % (message.len + 1)),
			    class == CLEAN_SENDER ? 20 : addr.len);
		count++;
	}
	if (count != c->nasked)
		bug("less questions than told");
	clean_answer(c, answers, count, out);
	mem_free(answers);
}

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
		.always_add_missing = mode & 2,
		.map_senders = mode & 8,
		.map_recipients = mode & 16 };
	const struct clean_message m = { .id = (msgid)0x123456 << 20,
		.sender = SPAN("a@b.org"),
		.local = mode & 4 };
	span message = input;
	struct clean c;

	clean_init(&c, &conf, &m);
	while (input.len) {
		clean_feed(&c, span_first(input, step), out);
		input = span_from(input, step);
		if (c.asking)
			answer(&c, message, out);
	}
	clean_finish(&c, out);
	if (c.asking)
		answer(&c, message, out);
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
