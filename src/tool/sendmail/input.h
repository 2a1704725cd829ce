/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/input.h - a message from standard input, line by line.
 */
#pragma once

#include "base/span.h"

struct input {
	int fd;
	int error; /* a negative errno: reading ended early */
	bool eof;
	char *data;
	size_t at;
	size_t len;
	size_t cap;
};

enum input_piece {
	INPUT_LINE, /* a line, or the rest of one */
	INPUT_PART, /* the line goes on, or the input ends without LF */
	INPUT_END,
};

/* Pieces have at most `max` bytes. */
void input_init(struct input *in, int fd, size_t max);
void input_done(struct input *in);
/* The next piece without its LF; it lives until the next call. */
enum input_piece input_next(struct input *in, size_t max, span *ret);
