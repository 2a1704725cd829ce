/* SPDX-License-Identifier: ISC */
/* Any text as a file of aliases. */
#include "tool/postmap/alias.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ctx UNUSED, span text UNUSED)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct alias_lines lines;
	struct source s;
	span key;
	span value;

	alias_lines_init(&lines);
	source_init(&s, "fuzz", span_of(data, size));
	s.utf8 = size & 1;
	s.warn = ignore;
	while (alias_next(&lines, &s, &key, &value))
		continue;
	source_done(&s);
	alias_lines_done(&lines);
	return 0;
}
