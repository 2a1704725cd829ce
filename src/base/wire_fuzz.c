/* SPDX-License-Identifier: ISC */
/*
 * The first bytes of the input say what to read, the rest is read. Whatever
 * was read without a failure, written again, gives the same bytes.
 */
#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KINDS = 6 };

static void copy_one(struct wire *w, struct buf *out, unsigned kind)
{
	span s;

	switch (kind) {
	case 0:
		wire_put_u8(out, wire_u8(w));
		break;
	case 1:
		wire_put_u16(out, wire_u16(w));
		break;
	case 2:
		wire_put_u32(out, wire_u32(w));
		break;
	case 3:
		wire_put_u64(out, wire_u64(w));
		break;
	case 4:
		wire_put_span(out, wire_span(w));
		break;
	default:
		s = wire_raw(w, kind);
		buf_put(out, s);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(size + 64);
	span all = span_of(data, size);
	span plan;
	struct wire w;
	size_t before;

	if (!size)
		return 0;
	plan = span_first(span_from(all, 1), data[0] % 32);
	all = span_from(all, 1 + plan.len);
	w = wire_from(all);
	for (size_t i = 0; i < plan.len && !w.failed; i++) {
		before = out.len;
		copy_one(&w, &out, (unsigned char)plan.ptr[i] % KINDS);
		if (w.failed)
			out.len = before;
	}
	if (out.failed || !span_has_prefix(all, buf_span(&out)))
		bug("wire_fuzz: what was read is not what was there");
	if (w.failed && (wire_u64(&w) || wire_span(&w).ptr || wire_is_done(&w)))
		bug("wire_fuzz: a failure was forgotten");
	if (!w.failed && out.len + w.rest.len != all.len)
		bug("wire_fuzz: bytes were lost");
	buf_done(&out);
	return 0;
}
