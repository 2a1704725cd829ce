/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/dead.c - where a mail goes that could not be sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "os/error.h"
#include "os/file.h"
#include "tool/mail/draft.h"
#include "tool/mail/run.h"

void draft_grave(struct mua *m, struct buf *ret_path)
{
	const char *dead = vars_get(m->vars, "DEAD");
	CLEANUP(buf_done) struct buf expanded = BUF_INIT(8192);

	if (!dead || !*dead || !mua_expand_name(m, span_str(dead), &expanded)) {
		buf_printf(ret_path, "%s/dead.letter", m->home ? m->home : "");
		return;
	}
	if (expanded.data[0] != '/')
		buf_printf(ret_path, "%s/", m->home ? m->home : "");
	buf_put(ret_path, buf_span(&expanded));
}

static void say_grave(const char *path, span message)
{
	printf(
	    "\"%s\" %zu/%zu\n", path, span_count(message, '\n'), message.len);
	(void)fflush(stdout);
}

/* Better anywhere than nowhere. */
static void bury_elsewhere(struct mua *m, span message)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(16384);
	CLEANUP(fd_close) int fd = run_temporary(m, &path);
	int r;

	if (fd < 0)
		return;
	r = file_write_all(fd, message);
	if (r == 0)
		say_grave(buf_cstr(&path), message);
	else
		mua_error(m, "%s: %s", buf_cstr(&path), strerror(-r));
}

void draft_bury(struct mua *m, span message)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(16384);
	CLEANUP(fd_close) int fd = -1;
	int r;

	if (message.len == 0)
		return;
	draft_grave(m, &path);
	fd = os_error(open(buf_cstr(&path),
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    0600));
	r = fd < 0 ? fd : file_write_all(fd, message);
	if (r == 0) {
		say_grave(buf_cstr(&path), message);
		return;
	}
	mua_error(m, "%s: %s", buf_cstr(&path), strerror(-r));
	bury_elsewhere(m, message);
}
