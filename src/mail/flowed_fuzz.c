/* SPDX-License-Identifier: ISC */
/* Any bytes as format=flowed; the first one says how. */
#include "mail/flowed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything but blanks, quote marks and line ends. */
static size_t count_text(span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += !strchr(" >\r\n", s.ptr[i]) || !s.ptr[i];
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(64U << 20);
	span text;

	if (!size)
		return 0;
	text = span_of(data + 1, size - 1);
	flowed_unwrap(&out, text, data[0] & 1, data[0] >> 1);
	if (count_text(buf_span(&out)) != count_text(text))
		bug("text was lost or made");
	buf_done(&out);
	return 0;
}
