/* SPDX-License-Identifier: ISC */
/*
 * The right side of an alias. Items are what their kind says, are not much
 * longer than the text, and have no bytes that would end a line or a string.
 */
#include "mail/alias_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *prefix_of(enum alias_kind kind)
{
	switch (kind) {
	case ALIAS_FILE:
		return "/";
	case ALIAS_HOME:
		return "~";
	case ALIAS_ADDRESS:
	case ALIAS_COMMAND:
	case ALIAS_INCLUDE:
		break;
	}
	return "";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span text = span_of(data, size);
	struct alias_list l;
	struct arena a;

	arena_init(&a, 1 << 24);
	if (alias_list_parse(text, &a, &l)) {
		for (size_t i = 0; i < l.count; i++) {
			const struct alias_item *item = &l.items[i];

			if (!span_has_prefix(
			        item->text, span_str(prefix_of(item->kind))))
				bug("item %zu is of another kind", i);
			/* Brackets are closed, blanks put between. */
			if (item->text.len > 2 * size)
				bug("item %zu is longer than all", i);
			if (memchr(item->text.ptr, '\0', item->text.len))
				bug("item %zu has a NUL", i);
			if (memchr(item->text.ptr, '\n', item->text.len))
				bug("item %zu has a line end", i);
		}
		if (l.semicolons && span_find(text, ';') < 0)
			bug("no ';' there");
	}
	arena_done(&a);
	return 0;
}
