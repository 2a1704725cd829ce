/* SPDX-License-Identifier: ISC */
#include "tool/rmail_from.h"

enum { PATH_MAX_SIZE = 1 << 20 };

void rmail_from_init(struct rmail_from *f)
{
	buf_init(&f->path, PATH_MAX_SIZE);
	buf_init(&f->user, PATH_MAX_SIZE);
	buf_init(&f->nearest, PATH_MAX_SIZE);
}

void rmail_from_done(struct rmail_from *f)
{
	buf_done(&f->path);
	buf_done(&f->user);
	buf_done(&f->nearest);
}

/* The word behind "remote from"; ptr == NULL: it is not there. */
static span find_remote(span line)
{
	static const span words = SPAN_INIT("remote from ");

	for (; line.len >= words.len; line = span_from(line, 1))
		if (span_has_prefix(line, words)) {
			line = span_from(line, words.len);
			return span_cut(&line, ' ');
		}
	return SPAN_NONE;
}

static void take_host(struct rmail_from *f, span host)
{
	if (f->nearest.len == 0 && f->path.len == 0)
		buf_put(&f->nearest, host);
	buf_put(&f->path, host);
	buf_putc(&f->path, '!');
}

/* What follows "From ". */
static enum rmail_line take(struct rmail_from *f, span line)
{
	static const char blank[] = " \t\r";
	span user = span_word(&line, blank);
	span remote = find_remote(line);
	ssize_t bang = span_rfind(user, '!');

	if (user.len == 0)
		return RMAIL_LINE_CORRUPT;
	if (remote.ptr) {
		take_host(f, span_word(&remote, blank));
	} else if (bang == 0) {
		return RMAIL_LINE_BANG;
	} else if (bang > 0) {
		take_host(f, span_first(user, (size_t)bang));
		user = span_from(user, (size_t)bang + 1);
	}
	buf_clear(&f->user);
	buf_put(&f->user, user);
	return RMAIL_LINE_FROM;
}

enum rmail_line rmail_from_take(struct rmail_from *f, span line)
{
	if (!span_skip(&line, SPAN("From ")) &&
	    !span_skip(&line, SPAN(">From ")))
		return RMAIL_LINE_OTHER;
	return take(f, line);
}
