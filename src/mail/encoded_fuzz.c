/* SPDX-License-Identifier: ISC */
/*
 * A character set, a line end, the value of a field: it becomes UTF-8, which
 * can be written and read again.
 */
#include "mail/encoded.h"

#include "mail/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each line begins with a blank, and none is empty: no header ends here. */
static void check_lines(span text)
{
	bool first = true;

	if (span_find(text, '\r') >= 0 || span_find(text, '\0') >= 0)
		bug("a line end, or worse");
	for (; text.len; first = false) {
		span line = span_cut(&text, '\n');

		if (!first && (!span_trim(line).len || line.ptr[0] != ' '))
			if (!span_trim(line).len || line.ptr[0] != '\t')
				bug("the header ends here");
	}
}

static void round_trip(span utf8, span charset, enum encoded_where where)
{
	struct buf text = BUF_INIT(utf8.len * 100 + 1000);
	struct buf back = BUF_INIT(utf8.len * 3 + 1000);

	encoded_encode(&text, utf8, charset, where, 9);
	check_lines(buf_span(&text));
	encoded_decode(&back, buf_span(&text));
	for (size_t i = 0; i < utf8.len; i++)
		if (memchr("\r\n", utf8.ptr[i], 3))
			goto done; /* these become blanks */
	if (charset_is_utf8(utf8) &&
	    !span_eq(span_trim(buf_span(&back)), span_trim(utf8)))
		bug("it came back changed");
done:
	buf_done(&text);
	buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span value = span_of(data, size);
	span charset = span_cut(&value, '\n');
	struct buf out = BUF_INIT(size * 8 + 64);

	encoded_decode(&out, value);
	if (out.failed || !charset_is_utf8(buf_span(&out)))
		bug("this is not UTF-8");
	round_trip(buf_span(&out), SPAN("utf-8"), ENCODED_TEXT);
	round_trip(value, charset, ENCODED_TEXT);
	round_trip(value, SPAN("utf-8"), ENCODED_PHRASE);
	buf_done(&out);
	return 0;
}
