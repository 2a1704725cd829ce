/* SPDX-License-Identifier: ISC */
/*
 * base/buf.h - a growing buffer with a ceiling.
 *
 * Passing the limit is a sticky failure: later puts do nothing, so one check
 * of `failed` covers a whole run of them. The bytes are data[0..len).
 * An empty buffer holds no memory; buf_done() is idempotent.
 */
#pragma once

#include "base/span.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
};

#define BUF_INIT(limit) \
	{ \
		.max = (limit) \
	}

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
/* As buf_done(), but overwrites the bytes first: for secrets. */
void buf_wipe(struct buf *b);
/* Empty it, clear the failure, keep the memory. */
void buf_clear(struct buf *b);
/* Empty it and give the memory back; the limit stays. */
void buf_release(struct buf *b);

void buf_put(struct buf *b, span s);
void buf_putc(struct buf *b, char c);
void buf_put_u64(struct buf *b, uint64_t n);
PRINTF_LIKE(2, 3) void buf_printf(struct buf *b, const char *format, ...);
/* With a trailing NUL that is not counted: for calls that want a C string. */
const char *buf_cstr(struct buf *b);

/*
 * Room for n more bytes at data + len, or NULL (and failed) past the limit.
 * Write there, then add what was written to `len`.
 */
char *buf_room(struct buf *b, size_t n);
/* Forget the first n bytes; what remains moves to the front. */
void buf_drop(struct buf *b, size_t n);

static inline span buf_span(const struct buf *b)
{
	return span_of(b->data, b->len);
}
