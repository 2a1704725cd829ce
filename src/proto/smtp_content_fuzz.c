/* SPDX-License-Identifier: ISC */
/*
 * The content machine: cutting must not matter, and what comes out has
 * nothing that the next hop could take for an end.
 *
 * Input: kind, size of the pieces, content.
 */
#include "proto/smtp_content.h"

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 22 };

static bool run(
    enum smtp_content_kind kind, span in, size_t cut, struct buf *out)
{
	struct smtp_content c;
	span piece;

	smtp_content_init(&c, kind);
	while (in.len) {
		span some = span_first(in, cut);

		in = span_from(in, some.len);
		for (;;) {
			enum smtp_content_result r =
			    smtp_content_next(&c, &some, &piece);

			if (r == SMTP_CONTENT_END)
				return true;
			if (r == SMTP_CONTENT_MORE)
				break;
			if (!piece.len)
				bug("an empty piece");
			buf_put(out, piece);
		}
		if (some.len)
			bug("input left over");
	}
	if (kind != SMTP_CONTENT_BDAT)
		return false;
	while (smtp_content_finish(&c, &piece) == SMTP_CONTENT_PIECE)
		buf_put(out, piece);
	return true;
}

static void check_wire_form(span s, bool ended)
{
	for (size_t i = 0; i < s.len; i++) {
		bool cr = i && s.ptr[i - 1] == '\r';

		if ((s.ptr[i] == '\n') != cr)
			bug("a bare CR or LF at %zu", i);
	}
	if (s.len && s.ptr[s.len - 1] == '\r')
		bug("a CR at the end");
	if (ended && s.len && s.ptr[s.len - 1] != '\n')
		bug("no line end at the end");
	for (size_t i = 0; i + 2 < s.len; i++)
		if ((i == 0 || s.ptr[i - 1] == '\n') &&
		    !memcmp(s.ptr + i, ".\r\n", 3))
			bug("a lone dot at %zu", i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT(OUT_MAX);
	struct buf cut = BUF_INIT(OUT_MAX);
	enum smtp_content_kind kind;
	span in;
	bool ended;

	if (size < 2)
		return 0;
	kind = (enum smtp_content_kind)(data[0] % 3);
	in = span_of(data + 2, size - 2);
	ended = run(kind, in, in.len + 1, &whole);
	if (run(kind, in, data[1] % 17 + 1u, &cut) != ended ||
	    !span_eq(buf_span(&whole), buf_span(&cut)))
		bug("cutting matters");
	check_wire_form(buf_span(&whole), ended);
	buf_done(&whole);
	buf_done(&cut);
	return 0;
}
