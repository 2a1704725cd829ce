/* SPDX-License-Identifier: ISC */
#include "base/wire.h"

#include <endian.h>
#include <string.h>

span wire_raw(struct wire *w, size_t n)
{
	span s;

	if (w->failed || n > w->rest.len) {
		w->failed = true;
		return SPAN_NONE;
	}
	s = span_first(w->rest, n);
	w->rest = span_from(w->rest, n);
	return s;
}

uint8_t wire_u8(struct wire *w)
{
	span s = wire_raw(w, 1);

	return s.len ? (uint8_t)s.ptr[0] : 0;
}

uint16_t wire_u16(struct wire *w)
{
	span s = wire_raw(w, sizeof(uint16_t));
	uint16_t n = 0;

	if (s.len)
		memcpy(&n, s.ptr, sizeof(n));
	return le16toh(n);
}

uint32_t wire_u32(struct wire *w)
{
	span s = wire_raw(w, sizeof(uint32_t));
	uint32_t n = 0;

	if (s.len)
		memcpy(&n, s.ptr, sizeof(n));
	return le32toh(n);
}

uint64_t wire_u64(struct wire *w)
{
	span s = wire_raw(w, sizeof(uint64_t));
	uint64_t n = 0;

	if (s.len)
		memcpy(&n, s.ptr, sizeof(n));
	return le64toh(n);
}

span wire_span(struct wire *w)
{
	return wire_raw(w, wire_u32(w));
}

bool wire_is_done(const struct wire *w)
{
	return !w->failed && w->rest.len == 0;
}

void wire_put_u8(struct buf *b, uint8_t n)
{
	buf_put(b, span_of(&n, sizeof(n)));
}

void wire_put_u16(struct buf *b, uint16_t n)
{
	n = htole16(n);
	buf_put(b, span_of(&n, sizeof(n)));
}

void wire_put_u32(struct buf *b, uint32_t n)
{
	n = htole32(n);
	buf_put(b, span_of(&n, sizeof(n)));
}

void wire_put_u64(struct buf *b, uint64_t n)
{
	n = htole64(n);
	buf_put(b, span_of(&n, sizeof(n)));
}

void wire_put_span(struct buf *b, span s)
{
	if (s.len > UINT32_MAX) {
		b->failed = true;
		return;
	}
	wire_put_u32(b, (uint32_t)s.len);
	buf_put(b, s);
}
