/* SPDX-License-Identifier: ISC */
/* What was read as a date is written as the same date. */
#include "mail/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(DATE_MAX);
	usec first;
	usec again;

	if (!date_parse(span_of(data, size), &first))
		return 0;
	date_write(&text, first);
	if (text.failed || !date_parse(buf_span(&text), &again))
		bug("what we write cannot be read");
	if (first != again)
		bug("%llu became %llu", (unsigned long long)first,
		    (unsigned long long)again);
	return 0;
}
