/* SPDX-License-Identifier: ISC */
#include "ipc/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/stream.h"

enum { SCRATCH = 64 * 1024 };

struct sync_conn {
	int fd;
	struct stream_in in;
	struct stream_out out;
	char *scratch; /* from the first read on */
};

struct sync_conn *sync_new(int fd)
{
	struct sync_conn *c = NEW(struct sync_conn);
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && flags & O_NONBLOCK)
		(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	c->fd = fd;
	frames_in_init(&c->in);
	frames_out_init(&c->out);
	return c;
}

int sync_flush(struct sync_conn *c)
{
	int r = c->out.bytes.failed ? -ENOBUFS : frames_flush(&c->out, c->fd);

	if (r < 0)
		frames_out_drop(&c->out);
	return r;
}

int sync_take_apart(struct sync_conn **conn, struct stream_in *ret_in)
{
	struct sync_conn *c = STEAL(*conn);
	int fd = c->fd;

	/* If it fails, reading will tell. */
	(void)!sync_flush(c);
	frames_keep(&c->in);
	*ret_in = c->in;
	frames_out_done(&c->out);
	mem_free(c->scratch);
	mem_free(c);
	return fd;
}

void sync_free(struct sync_conn **conn)
{
	struct stream_in in;
	int fd;

	if (!*conn)
		return;
	fd = sync_take_apart(conn, &in);
	frames_in_done(&in);
	(void)close(fd);
}

/* Before we wait, the peer gets what it may be waiting for. */
static int wait_for_bytes(struct sync_conn *c)
{
	ssize_t n = sync_flush(c);

	/* A peer that closed may have said something before. */
	if (n < 0 && n != -EPIPE && n != -ECONNRESET)
		return (int)n;
	if (!c->scratch)
		c->scratch = mem_new(1, SCRATCH);
	do {
		n = frames_read(&c->in, c->fd, c->scratch, SCRATCH);
	} while (n == -EINTR);
	if (n == 0 && frames_is_partial(&c->in))
		return -ECONNRESET;
	if (n == 0)
		return SYNC_END;
	return n < 0 ? (int)n : SYNC_OK;
}

int sync_recv(struct sync_conn *c, struct sync_msg *ret)
{
	for (;;) {
		enum frame_result f = frames_next(&c->in, ret);
		int r;

		if (f == FRAME_OK)
			return SYNC_OK;
		if (f == FRAME_BROKEN)
			return -EPROTO;
		r = wait_for_bytes(c);
		if (r != SYNC_OK)
			return r;
	}
}

bool sync_has_more(struct sync_conn *c)
{
	return frames_has_more(&c->in);
}

struct buf *sync_begin(struct sync_conn *c, uint16_t type)
{
	return frames_begin(&c->out, type, NULL, 0);
}

struct buf *sync_begin_fds(
    struct sync_conn *c, uint16_t type, const int *fds, size_t n)
{
	return frames_begin(&c->out, type, fds, n);
}

/* A failure stays in the buffer until the flush reports it. */
void sync_end(struct sync_conn *c)
{
	(void)!frames_end(&c->out);
}

int sync_fd(const struct sync_conn *c)
{
	return c->fd;
}
