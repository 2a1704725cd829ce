/* SPDX-License-Identifier: ISC */
/*
 * Any bytes to the terminal. What comes out is looked at as bytes, by rules
 * that know nothing of how it was made.
 */
#include "base/width.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bytes(span s, enum harmless how, bool ascii)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t b = (uint8_t)s.ptr[i];
		uint8_t next = i + 1 < s.len ? (uint8_t)s.ptr[i + 1] : 0;
		uint8_t third = i + 2 < s.len ? (uint8_t)s.ptr[i + 2] : 0;
		bool is_line = b == '\t' || b == '\n';

		if ((b < 0x20 && !(is_line && how == HARMLESS_LINES)) ||
		    b == 0x7f)
			bug("a control character: %02x", b);
		if (ascii && b > 0x7e)
			bug("no ASCII: %02x", b);
		if (b == 0xc0 || b == 0xc1 || b > 0xf4)
			bug("no UTF-8: %02x", b);
		if (b == 0xc2 && next < 0xa0)
			bug("a C1 control");
		if (b == 0xe2 && next == 0x80 && third >= 0xa8 && third <= 0xae)
			bug("a separator or an override");
		if (b == 0xe2 && next == 0x81 && third >= 0xa6 && third <= 0xaf)
			bug("an isolate");
	}
}

static void check_again(span once, enum harmless how, bool ascii)
{
	struct buf twice = BUF_INIT(16U << 20);

	width_harmless(&twice, once, how, ascii);
	if (!span_eq(once, buf_span(&twice)))
		bug("harmless text was changed");
	buf_done(&twice);
}

static void check_pad(span text, size_t columns, bool left)
{
	struct buf out = BUF_INIT(16U << 20);

	if (width_text(width_first(text, columns)) > columns)
		bug("too wide");
	width_pad(&out, text, columns, left);
	if (width_text(buf_span(&out)) != columns)
		bug("not as wide as it should be");
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span text = span_of(data, size);

	for (unsigned i = 0; i < 4; i++) {
		enum harmless how = i & 1 ? HARMLESS_LINES : HARMLESS_LINE;
		struct buf out = BUF_INIT(16U << 20);

		width_harmless(&out, text, how, i & 2);
		check_bytes(buf_span(&out), how, i & 2);
		check_again(buf_span(&out), how, i & 2);
		if (how == HARMLESS_LINE)
			check_pad(buf_span(&out), size % 97, false);
		buf_done(&out);
	}
	check_pad(text, size % 31, false);
	return 0;
}
