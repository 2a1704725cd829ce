/* SPDX-License-Identifier: ISC */
/*
 * A name, a line end, a text: whatever it is, it becomes UTF-8, and the same
 * UTF-8 wherever the text is cut.
 */
#include "mail/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_cut(span name, span text, size_t cut, span want)
{
	struct buf out = BUF_INIT(want.len);
	struct charset *c;

	/* glibc forgets what it has read of bad UTF-7. */
	if (span_find(name, '7') >= 0)
		return;
	c = charset_open(name);
	if (!c)
		return;
	while (text.len) {
		charset_decode(c, span_first(text, cut), false, &out);
		text = span_from(text, cut);
	}
	charset_decode(c, SPAN_NONE, true, &out);
	if (out.failed || !span_eq(buf_span(&out), want))
		bug("it matters where it is cut");
	charset_close(&c);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span text = span_of(data, size);
	span name = span_cut(&text, '\n');
	struct buf out = BUF_INIT(text.len * 8 + 64);
	struct buf back = BUF_INIT(text.len * 32 + 64);
	struct buf again = BUF_INIT(text.len * 8 + 64);

	charset_to_utf8(name, text, &out);
	if (out.failed || !charset_is_utf8(buf_span(&out)))
		bug("this is not UTF-8");
	check_cut(name, text, 1, buf_span(&out));
	check_cut(name, text, 3, buf_span(&out));
	if (charset_from_utf8(name, buf_span(&out), &back) == 0) {
		charset_to_utf8(name, buf_span(&back), &again);
		if (!charset_is_utf8(buf_span(&again)))
			bug("what we wrote is not of that set");
	} else if (back.len) {
		bug("a failure left something behind");
	}
	if (!charset_choose(name, buf_span(&out)).len)
		bug("no choice");
	buf_done(&out);
	buf_done(&back);
	buf_done(&again);
	return 0;
}
