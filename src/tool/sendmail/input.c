/* SPDX-License-Identifier: ISC */
#include "tool/sendmail/input.h"

#include <unistd.h>

#include "os/error.h"

enum { READ_SIZE = 64 * 1024 };

void input_init(struct input *in, int fd, size_t max)
{
	*in = (struct input){ .fd = fd, .cap = max + READ_SIZE };
	in->data = mem_new(1, in->cap);
}

void input_done(struct input *in)
{
	mem_free(in->data);
	in->data = NULL;
}

/* More bytes behind those that are there. */
static void fill(struct input *in)
{
	ssize_t n;

	if (in->at > 0) {
		memmove(in->data, in->data + in->at, in->len - in->at);
		in->len -= in->at;
		in->at = 0;
	}
	do {
		n = os_size(
		    read(in->fd, in->data + in->len, in->cap - in->len));
	} while (n == -EINTR);
	if (n < 0)
		in->error = (int)n;
	if (n <= 0)
		in->eof = true;
	else
		in->len += (size_t)n;
}

enum input_piece input_next(struct input *in, size_t max, span *ret)
{
	size_t seen = 0;

	for (;;) {
		span have = span_of(in->data + in->at, in->len - in->at);
		span piece = span_first(have, max);
		ssize_t end = span_find(span_from(piece, seen), '\n');

		if (end >= 0) {
			*ret = span_first(piece, seen + (size_t)end);
			in->at += ret->len + 1;
			return INPUT_LINE;
		}
		if (piece.len == max || in->eof) {
			*ret = piece;
			in->at += piece.len;
			return piece.len ? INPUT_PART : INPUT_END;
		}
		seen = piece.len;
		fill(in);
	}
}
