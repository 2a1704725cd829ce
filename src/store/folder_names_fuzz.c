/* SPDX-License-Identifier: ISC */
/*
 * Any name of a file, with the flags of the first byte: its new name has
 * these, belongs to the same message, and is what it stays.
 */
#include "store/folder_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LETTERS = 63 & ~FOLDER_OLD };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(1 << 16);
	CLEANUP(buf_done) struct buf again = BUF_INIT(1 << 16);
	span old = span_from(span_of(data, size), 1);
	uint8_t flags;

	if (size < 1 || size > 4096)
		return 0;
	flags = data[0] & LETTERS;
	folder_name_write(old, flags, &name);
	if (folder_name_flags(buf_span(&name)) != flags)
		bug("other flags");
	if (!span_eq(folder_name_base(old), folder_name_base(buf_span(&name))))
		bug("another message");
	if (folder_name_compare(old, buf_span(&name)) != 0)
		bug("another place");
	folder_name_write(buf_span(&name), flags, &again);
	if (!span_eq(buf_span(&name), buf_span(&again)))
		bug("it changes again");
	return 0;
}
