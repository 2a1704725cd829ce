/* SPDX-License-Identifier: ISC */
/* Any lines as a message. */
#include "mail/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_header(void *ctx UNUSED, enum mime_class class, span header)
{
	if (class > MIME_NESTED || header.len == 0)
		bug("no header");
}

static void on_body(void *ctx, span line UNUSED)
{
	++*(size_t *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t lines = 0;
	size_t bodies = 0;
	const struct mime_limits limits = { 1024, 32, 10 };
	const struct mime_events events = {
		.header = on_header, .body = on_body, .ctx = &bodies
	};
	struct mime *m = mime_new(&limits, &events, true);
	span rest = span_of(data, size);

	for (; rest.len; lines++)
		mime_line(m, span_cut(&rest, '\n'));
	mime_end(m);
	mime_free(&m);
	/* A blank line may be added before a body. */
	if (bodies > lines + 1)
		bug("more lines than there were");
	return 0;
}
