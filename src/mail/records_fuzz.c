/* SPDX-License-Identifier: ISC */
/*
 * What was read and written again reads the same, and nothing is left out of
 * the input but what is broken.
 */
#include "mail/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(16 << 20);
	span rest = span_of(data, size);
	struct record r;

	while (record_take(&rest, LONGEST, &r) == RECORD_OK) {
		struct record again;
		span name;
		span value;
		span copy;

		if (r.data.len > LONGEST)
			bug("a record that is too long");
		buf_clear(&out);
		record_put(&out, r.type, r.data);
		copy = buf_span(&out);
		if (record_take(&copy, LONGEST, &again) != RECORD_OK ||
		    copy.len || again.type != r.type ||
		    !span_eq(again.data, r.data))
			bug("a record that does not read as it was written");
		if (record_attr(r.data, &name, &value) &&
		    name.len + value.len >= r.data.len)
			bug("an attribute that is longer than its record");
	}
	buf_done(&out);
	return 0;
}
