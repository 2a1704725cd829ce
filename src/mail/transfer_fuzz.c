/* SPDX-License-Identifier: ISC */
/*
 * First byte: the encoding, and where the rest is cut. Decoding does not
 * depend on that; what was encoded comes back.
 */
#include "mail/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(enum transfer kind, span text, size_t cut, struct buf *out)
{
	struct transfer_decoder t;

	transfer_init(&t, kind);
	while (text.len) {
		transfer_decode(&t, span_first(text, cut), out);
		text = span_from(text, cut);
	}
	transfer_finish(&t, out);
}

static void check_lines(span text)
{
	while (text.len) {
		span line = span_cut(&text, '\n');

		if (line.len > 76 || span_has_prefix(line, SPAN("From ")) ||
		    span_eq(line, SPAN(".")))
			bug("a line that may not pass");
	}
}

static void round_trip(enum transfer kind, span body)
{
	struct buf text = BUF_INIT(body.len * 4 + 16);
	struct buf back = BUF_INIT(body.len);

	transfer_encode(&text, kind, body);
	decode(kind, buf_span(&text), 1000, &back);
	if (text.failed || !span_eq(buf_span(&back), body))
		bug("it came back changed");
	if (kind == TRANSFER_QUOTED || kind == TRANSFER_BASE64)
		check_lines(buf_span(&text));
	buf_done(&text);
	buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A line of uuencode may say that it has been longer. */
	struct buf whole = BUF_INIT(size * 64);
	struct buf cut = BUF_INIT(size * 64);
	enum transfer kind;
	span text;

	if (!size)
		return 0;
	kind = (enum transfer)(data[0] % (TRANSFER_UNKNOWN + 1));
	text = span_of(data + 1, size - 1);
	decode(kind, text, size, &whole);
	decode(kind, text, 1 + data[0] / 16U, &cut);
	if (!span_eq(buf_span(&whole), buf_span(&cut)))
		bug("it matters where it is cut");
	buf_done(&whole);
	buf_done(&cut);
	if (kind != TRANSFER_UUENCODE)
		round_trip(kind, text);
	return 0;
}
