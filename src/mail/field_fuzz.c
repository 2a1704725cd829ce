/* SPDX-License-Identifier: ISC */
/* Any bytes as a message: its fields and its body are within it, in order. */
#include "mail/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(const struct field *f, span value)
{
	struct buf out = BUF_INIT(value.len);

	if (!f->name.len || f->whole.len < f->name.len + 1)
		bug("no name");
	if (f->value.len && f->value.ptr < f->name.ptr + f->name.len)
		bug("the value is before the colon");
	field_unfold(&out, value);
	if (out.failed || span_find(buf_span(&out), '\n') >= 0 ||
	    span_find(buf_span(&out), '\r') >= 0)
		bug("not unfolded");
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	span message = span_of(data, size);
	span header;
	span body;
	span rest;
	struct field f;
	const char *at;

	field_split(message, &header, &body);
	if (header.ptr != message.ptr || header.len + body.len > size ||
	    size - header.len - body.len > 2)
		bug("lost in splitting");
	at = header.ptr;
	for (rest = header; field_next(&rest, &f);) {
		span value;

		if (f.whole.ptr < at || f.whole.ptr + f.whole.len != rest.ptr)
			bug("a field is not where it should be");
		at = rest.ptr;
		check_field(&f, f.value);
		if (!field_find(header, f.name, &value))
			bug("it is not found again");
		if (size > 4096)
			break;
	}
	return 0;
}
