/* SPDX-License-Identifier: ISC */
/*
 * base/wire.h - the binary form of our messages and records.
 *
 * Little endian. A span is a u32 length and its bytes. Reading past the end,
 * or a length that does not fit, is a sticky failure: values read after that
 * are zero or empty, and one check of wire_ok() at the end covers all.
 * Writing goes to a buf, whose own sticky failure serves the same way.
 * Spans read are borrowed from the input.
 */
#pragma once

#include "base/buf.h"

struct wire {
	span rest;
	bool failed;
};

static inline struct wire wire_from(span bytes)
{
	return (struct wire){ .rest = bytes };
}

uint8_t wire_u8(struct wire *w);
uint16_t wire_u16(struct wire *w);
uint32_t wire_u32(struct wire *w);
uint64_t wire_u64(struct wire *w);
span wire_span(struct wire *w);
/* n raw bytes without a length. */
span wire_raw(struct wire *w, size_t n);
/* No failure so far and nothing left over. */
bool wire_is_done(const struct wire *w);

void wire_put_u8(struct buf *b, uint8_t n);
void wire_put_u16(struct buf *b, uint16_t n);
void wire_put_u32(struct buf *b, uint32_t n);
void wire_put_u64(struct buf *b, uint64_t n);
void wire_put_span(struct buf *b, span s);
