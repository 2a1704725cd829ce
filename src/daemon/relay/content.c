/* SPDX-License-Identifier: ISC */
/*
 * relay/content.c - the bytes of a job on their way into a socket.
 *
 * Three ways. From memory: one sendmsg() for the content and the commands
 * behind it. From a descriptor: sendfile(), at most a slice at a time, so
 * that one fast receiver does not keep the others waiting. And when lines
 * have to be broken: through a buffer of moderate size, from memory or from
 * a mapping.
 *
 * To know whether lines are too long the content is looked at once, however
 * it came; reading it through the page cache is also what sendfile() will
 * need.
 */
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon/relay/relay.h"
#include "os/error.h"
#include "os/file.h"

enum {
	SLICE = 1024 * 1024,
	CHUNK = 64 * 1024,
	CHUNK_MAX = CHUNK + 16,
};

static bool ends_in_crlf(span bytes)
{
	return !bytes.len ||
	    (bytes.len >= 2 && bytes.ptr[bytes.len - 2] == '\r' &&
	        bytes.ptr[bytes.len - 1] == '\n');
}

/* How it has to be sent, from all its bytes. */
static void look_at(struct content *c, span bytes, uint32_t line_limit)
{
	uint64_t growth = smtp_fold_growth(bytes, line_limit);

	c->size = bytes.len + growth;
	c->open_end = !ends_in_crlf(bytes);
	c->folding = growth > 0;
	c->folds = c->folding;
	if (c->folding)
		c->bytes = bytes;
	smtp_fold_init(&c->fold, line_limit);
	buf_init(&c->chunk, CHUNK_MAX);
}

int content_open(struct content *c, span bytes, int fd, uint32_t line_limit)
{
	int r;

	*c = (struct content){ .fd = fd };
	if (fd < 0) {
		c->bytes = bytes;
		look_at(c, bytes, line_limit);
		return 0;
	}
	r = file_map(fd, SIZE_MAX / 2, &c->map);
	if (r < 0) {
		fd_close(&c->fd);
		return r;
	}
	look_at(c, c->map, line_limit);
	if (!c->folding)
		file_unmap(&c->map);
	return 0;
}

void content_close(struct content *c)
{
	file_unmap(&c->map);
	fd_close(&c->fd);
	buf_done(&c->chunk);
	c->bytes = SPAN_NONE;
}

void content_rewind(struct content *c)
{
	c->taken = 0;
	smtp_fold_init(&c->fold, c->fold.limit);
	buf_clear(&c->chunk);
}

/* The socket does not write through the pointer. */
static struct iovec part_of(span s)
{
	union {
		const char *from;
		void *to;
	} pointer = { .from = s.ptr };

	return (struct iovec){ pointer.to, s.len };
}

static ssize_t send_two(int fd, span first, span second)
{
	struct iovec parts[2] = { part_of(first), part_of(second) };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };

	if (!first.len) {
		m.msg_iov = parts + 1;
		m.msg_iovlen = 1;
	}
	return os_size(sendmsg(fd, &m, MSG_NOSIGNAL));
}

static ssize_t send_folded(
    struct content *c, int fd, const struct smtp_client_output *out)
{
	span rest = span_from(c->bytes, c->taken);
	span commands = SPAN_NONE;
	ssize_t n;

	smtp_fold_put(&c->fold, &rest, &c->chunk, CHUNK);
	c->taken = c->bytes.len - rest.len;
	if (c->chunk.failed || c->chunk.len > out->content_left)
		return -EIO;
	if (c->chunk.len == out->content_left)
		commands = out->commands;
	n = send_two(fd, buf_span(&c->chunk), commands);
	if (n > 0)
		buf_drop(&c->chunk, MIN((size_t)n, c->chunk.len));
	return n;
}

static ssize_t send_file(
    struct content *c, int fd, const struct smtp_client_output *out)
{
	off_t at = (off_t)out->content_at;
	size_t want = (size_t)MIN(out->content_left, (uint64_t)SLICE);
	ssize_t n = os_size(sendfile(fd, c->fd, &at, want));
	ssize_t more;

	if (n == 0)
		return -EIO;
	if (n < 0 || (uint64_t)n < out->content_left)
		return n;
	more = send_two(fd, SPAN_NONE, out->commands);
	return more > 0 ? n + more : n;
}

ssize_t content_send(
    struct content *c, int fd, const struct smtp_client_output *out)
{
	if (!out->content_left)
		return send_two(fd, SPAN_NONE, out->commands);
	if (c->folding)
		return send_folded(c, fd, out);
	if (out->content.ptr)
		return send_two(fd, out->content, out->commands);
	return send_file(c, fd, out);
}
