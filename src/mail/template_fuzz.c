/* SPDX-License-Identifier: ISC */
/* Template files: texts lie in the arena, and complaints have words. */
#include "mail/template.h"

static void on_warning(void *ctx UNUSED, span text)
{
	if (text.len == 0)
		bug("a warning without words");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_done) struct buf error = BUF_INIT(8192);
	struct arena arena;
	const struct template_file file = {
		.path = SPAN("T"), .arena = &arena, .warn = on_warning
	};
	struct templates t;

	arena_init(&arena, (size_t)4 * 1024 * 1024);
	templates_preset(&t);
	if (!templates_parse(&t, &file, span_of(data, size), &error) &&
	    error.len == 0)
		bug("refused without a reason");
	for (size_t i = 0; i < TEMPLATES; i++)
		if (t.of[i].text.len == 0 || t.of[i].subject.len == 0 ||
		    t.of[i].charset.len == 0)
			bug("an empty template");
	arena_done(&arena);
	return 0;
}
