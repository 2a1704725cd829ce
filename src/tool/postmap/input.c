/* SPDX-License-Identifier: ISC */
/*
 * tool/postmap/input.c - standard input in large pieces.
 *
 * A program that talks with us through two pipes waits for the answer to its
 * last line: so what is to be written leaves before we wait for input.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "tool/postmap/postmap.h"

enum { PIECE = 256 * 1024, MAX_LINE = 1 << 30 };

void input_init(struct input *in, struct tool *t)
{
	*in = (struct input){ .tool = t, .bytes = BUF_INIT(MAX_LINE) };
}

void input_done(struct input *in)
{
	buf_done(&in->bytes);
}

static bool must_wait(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

static void read_more(struct input *in)
{
	char *to;
	ssize_t n;

	buf_drop(&in->bytes, in->at);
	in->at = 0;
	if (must_wait())
		flush_out(in->tool, 0);
	to = buf_room(&in->bytes, PIECE);
	if (!to)
		fatal(in->tool, "line is too long");
	do
		n = read(STDIN_FILENO, to, PIECE);
	while (n < 0 && errno == EINTR);
	/* An error is an end, as with the C library. */
	in->ended = n <= 0;
	if (n > 0)
		in->bytes.len += (size_t)n;
	if (in->on_read)
		in->on_read(in->ctx, n > 0 ? (size_t)n : 0);
}

bool input_line(struct input *in, span *ret)
{
	size_t searched = 0;

	for (;;) {
		span rest = span_from(buf_span(&in->bytes), in->at);
		ssize_t end = span_find(span_from(rest, searched), '\n');

		if (end >= 0) {
			*ret = span_first(rest, searched + (size_t)end);
			in->at += ret->len + 1;
			return true;
		}
		searched = rest.len;
		if (in->ended) {
			*ret = rest;
			in->at += rest.len;
			return rest.len > 0;
		}
		read_more(in);
	}
}

size_t input_lines(struct input *in, span *ret, size_t most)
{
	size_t n = 0;

	if (!input_line(in, &ret[n]))
		return 0;
	for (n = 1; n < most; n++) {
		span rest = span_from(buf_span(&in->bytes), in->at);
		ssize_t end = span_find(rest, '\n');

		if (end < 0)
			break;
		ret[n] = span_first(rest, (size_t)end);
		in->at += ret[n].len + 1;
	}
	return n;
}
