/* SPDX-License-Identifier: ISC */
/*
 * The first line of a journal: what is accepted is what would be written.
 * With the first byte odd, the checksum is made right.
 */
#include "store/folder_journal.h"

#include "store/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(4096);
	CLEANUP(buf_done) struct buf again = BUF_INIT(4096);
	struct folder_journal_head h;

	if (size < 1 || size > 512)
		return 0;
	buf_put(&line, span_from(span_of(data, size), 1));
	if (data[0] & 1)
		buf_printf(
		    &line, " %ju\n", (uintmax_t)crc32c(0, buf_span(&line)));
	if (!folder_journal_parse_head(buf_span(&line), &h))
		return 0;
	if (h.from > h.old_size || h.from > h.new_size)
		bug("impossible sizes");
	folder_journal_write_head(&h, &again);
	if (!folder_journal_parse_head(buf_span(&again), &h))
		bug("it cannot be read back");
	return 0;
}
