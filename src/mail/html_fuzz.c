/* SPDX-License-Identifier: ISC */
/* Any bytes as HTML; the first one is the width. */
#include "mail/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(64U << 20);
	struct buf small = BUF_INIT(100);
	span html;

	if (!size)
		return 0;
	html = span_of(data + 1, size - 1);
	html_to_text(&out, html, data[0]);
	if (out.failed || out.len > 64 * size + 1000)
		bug("too much text");
	if (out.len && out.data[out.len - 1] != '\n')
		bug("no line end");
	html_to_text(&small, html, data[0]);
	if (small.len > 100)
		bug("a limit was passed");
	buf_done(&out);
	buf_done(&small);
	return 0;
}
