/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SMALLEST = 64 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT(max);
}

void buf_done(struct buf *b)
{
	mem_free(b->data);
	*b = (struct buf)BUF_INIT(b->max);
}

void buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_done(b);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

void buf_release(struct buf *b)
{
	buf_done(b);
}

static bool grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : SMALLEST;

	if (need > b->max) {
		b->failed = true;
		return false;
	}
	while (cap < need)
		cap += cap / 2 + SMALLEST;
	cap = MIN(cap, MAX(b->max, (size_t)SMALLEST));
	b->data = mem_resize(b->data, cap, 1);
	b->cap = cap;
	return true;
}

char *buf_room(struct buf *b, size_t n)
{
	size_t need;

	if (b->failed)
		return NULL;
	if (ADD_OVERFLOWS(b->len, n, &need)) {
		b->failed = true;
		return NULL;
	}
	if ((need > b->cap || need > b->max) && !grow(b, need))
		return NULL;
	if (!b->data && !grow(b, MIN((size_t)1, b->max)))
		return NULL;
	return b->data + b->len;
}

void buf_put(struct buf *b, span s)
{
	char *p;

	if (!s.len)
		return;
	p = buf_room(b, s.len);
	if (!p)
		return;
	memcpy(p, s.ptr, s.len);
	b->len += s.len;
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, span_of(&c, 1));
}

void buf_put_u64(struct buf *b, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	buf_put(b, span_of(digits + at, sizeof(digits) - at));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_list again;
	int n;
	char *p;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	/* vsnprintf writes a NUL that we do not count: one byte more. */
	p = n < 0 ? NULL : buf_room(b, (size_t)n + 1);
	if (p) {
		(void)vsnprintf(p, (size_t)n + 1, format, again);
		b->len += (size_t)n;
	} else {
		b->failed = true;
	}
	va_end(again);
}

const char *buf_cstr(struct buf *b)
{
	char *p = buf_room(b, 1);

	if (!p)
		return "";
	*p = '\0';
	return b->data;
}

void buf_drop(struct buf *b, size_t n)
{
	if (n > b->len)
		bug("buf_drop: %zu of %zu", n, b->len);
	b->len -= n;
	if (b->len)
		memmove(b->data, b->data + n, b->len);
}
