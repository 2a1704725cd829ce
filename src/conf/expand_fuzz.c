/* SPDX-License-Identifier: ISC */
/* conf/expand_fuzz.c - one definition per line, the last line is expanded. */
#include "conf/expand.h"

static span definitions;

static span look_up(void *ctx UNUSED, span name)
{
	span rest = definitions;

	while (rest.len > 0) {
		span line = span_cut(&rest, '\n');

		if (span_eq(span_cut(&line, '='), name))
			return line;
	}
	return SPAN_NONE;
}

static void no_name(void *ctx UNUSED, span name)
{
	if (name.len == 0)
		bug("empty name");
}

/* "${:x}" has an empty name, as in Postfix. */
static void any_name(void *ctx UNUSED, span name)
{
	if (!name.ptr)
		bug("no name");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(EXPAND_MAX);
	CLEANUP(buf_done) struct buf error = BUF_INIT(4096);
	span all = span_of(data, size);
	ssize_t last = span_rfind(all, '\n');
	span text = span_from(all, (size_t)(last + 1));

	definitions = span_first(all, (size_t)(last + 1));
	if (expand_text(text, look_up, NULL, &out, &error) == EXPAND_BAD &&
	    error.len == 0)
		bug("refused without a reason");
	expand_names(text, no_name, NULL);
	buf_clear(&error);
	if (expand_scan(text, any_name, NULL, &error) == EXPAND_BAD &&
	    error.len == 0)
		bug("refused without a reason");
	return 0;
}
