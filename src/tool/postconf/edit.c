/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/edit.c - a configuration file, rewritten line by line.
 */
#include "tool/postconf/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "conf/edit.h"
#include "os/file.h"

enum {
	FILE_MAX_BYTES = 64 * 1024 * 1024,
	NEW_FILE_MAX = 2 * FILE_MAX_BYTES,
};

static bool says_something(span line)
{
	span text = span_trim(line);

	return text.len > 0 && text.ptr[0] != '#';
}

static span take_line(struct edit *e)
{
	ssize_t end = span_find(e->rest, '\n');
	span line = end < 0 ? e->rest : span_first(e->rest, (size_t)end + 1);

	e->rest = span_from(e->rest, line.len);
	e->line++;
	return line;
}

bool edit_next_line(struct edit *e, span *ret)
{
	while (e->rest.len > 0) {
		*ret = take_line(e);
		if (says_something(*ret))
			return true;
		buf_put(&e->out, *ret);
	}
	return false;
}

bool edit_next_part(struct edit *e, span *ret)
{
	while (e->rest.len > 0 &&
	    (e->rest.ptr[0] == '#' || ascii_is_space(e->rest.ptr[0]))) {
		*ret = take_line(e);
		if (says_something(*ret))
			return true;
		buf_put(&e->out, *ret);
	}
	return false;
}

/* fatal() does not come back: the temporary file must go before. */
static struct conf_edit *pending;

static void forget_pending(void)
{
	if (pending)
		conf_edit_done(pending);
}

static void read_old(struct postconf *pc, struct edit *e)
{
	CLEANUP(fd_close) int fd = open(e->path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		fatal(pc, "open %s for reading: %s", e->path, strerror(errno));
	r = file_read_all(fd, &e->text);
	if (r < 0)
		fatal(pc, "read %s: %s", e->path, strerror(-r));
	/* A last line without an end gets one, so that more can follow. */
	if (e->text.len > 0 && e->text.data[e->text.len - 1] != '\n')
		buf_putc(&e->text, '\n');
	e->rest = buf_span(&e->text);
}

void edit_run(
    struct postconf *pc, const char *name, edit_fn *rewrite, void *ctx)
{
	struct conf_edit file = CONF_EDIT_INIT;
	span path = keep_joined(pc, pc->dir, span_str(name), SPAN_NONE);
	struct edit e = {
		.path = path.ptr,
		.text = BUF_INIT(FILE_MAX_BYTES),
		.out = BUF_INIT(NEW_FILE_MAX),
	};
	int r;

	pending = &file;
	(void)atexit(forget_pending);
	r = conf_edit_open(&file, e.path);
	if (r < 0)
		fatal(pc, "open %s.tmp: %s", e.path, strerror(-r));
	read_old(pc, &e);
	rewrite(ctx, &e);
	r = e.out.failed ? -EFBIG : conf_edit_commit(&file, buf_span(&e.out));
	if (r < 0)
		fatal(pc, "close %s.tmp: %s", e.path, strerror(-r));
	forget_pending();
	pending = NULL;
	buf_done(&e.text);
	buf_done(&e.out);
}
