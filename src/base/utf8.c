/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"

/* first, first + step, ... last fold to a character at this distance. */
struct fold_run {
	uint32_t first;
	uint32_t last;
	uint32_t step;
	int32_t distance;
};

/* A character that folds to several. */
struct fold_long {
	uint32_t from;
	char to[8];
};

#include "base/utf8_fold.h"

bool utf8_is_ascii(span s)
{
	size_t i = 0;

	for (; s.len - i >= 8; i += 8) {
		uint64_t eight;

		memcpy(&eight, s.ptr + i, 8);
		if (eight & 0x8080808080808080)
			return false;
	}
	for (; i < s.len; i++)
		if ((uint8_t)s.ptr[i] & 0x80)
			return false;
	return true;
}

/* How many bytes the character at the beginning has; 0: it is no UTF-8. */
static size_t decode(span s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t lead = (uint8_t)s.ptr[0];
	size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	uint32_t c = lead & (0x7fU >> n);

	if (lead < 0xc2 || lead > 0xf4 || n > s.len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		uint8_t b = (uint8_t)s.ptr[i];

		if ((b & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

uint32_t utf8_next(span *rest)
{
	uint32_t c = (uint8_t)rest->ptr[0];
	size_t n = 1;

	if (c >= 0x80) {
		n = decode(*rest, &c);
		if (!n) {
			c = 0xfffd;
			n = 1;
		}
	}
	*rest = span_from(*rest, n);
	return c;
}

void utf8_put(struct buf *out, uint32_t c)
{
	char b[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		b[i] = (char)(0x80 | (c & 0x3f));
	b[0] = n == 1 ? (char)c : (char)((0xf00U >> n & 0xf0) | c);
	buf_put(out, span_of(b, n));
}

static const struct fold_run *find_run(uint32_t c)
{
	size_t low = 0;
	size_t high = ARRAY_LEN(runs);

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct fold_run *r = &runs[middle];

		if (c < r->first)
			high = middle;
		else if (c > r->last)
			low = middle + 1;
		else
			return (c - r->first) % r->step == 0 ? r : NULL;
	}
	return NULL;
}

static const struct fold_long *find_long(uint32_t c)
{
	size_t low = 0;
	size_t high = ARRAY_LEN(longs);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c == longs[middle].from)
			return &longs[middle];
		if (c < longs[middle].from)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static void fold_char(span as_is, uint32_t c, struct buf *out)
{
	const struct fold_run *run = find_run(c);
	const struct fold_long *several = run ? NULL : find_long(c);

	if (run)
		utf8_put(out, (uint32_t)((int32_t)c + run->distance));
	else if (several)
		buf_put(out, span_str(several->to));
	else
		buf_put(out, as_is);
}

void utf8_fold(span s, struct buf *out)
{
	while (s.len) {
		span as_is = s;
		uint32_t c = utf8_next(&s);

		if (c < 0x80) {
			buf_putc(out, ascii_lower((char)c));
			continue;
		}
		as_is.len -= s.len;
		fold_char(as_is, c, out);
	}
}
