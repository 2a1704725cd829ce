/* SPDX-License-Identifier: ISC */
/*
 * ipc/stream.c - see ipc/stream.h for the idea.
 *
 * The kernel never merges bytes across descriptors: a recvmsg() ends after
 * the bytes of one sendmsg() that carried some. Hence one call brings at
 * most one set, and together with those of a frame that is still incomplete
 * never more than 2 * FRAME_MAX_FDS.
 */
#include "ipc/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/error.h"

enum {
	/* One message above the high water mark must still fit. */
	OUT_MAX = 64 * 1024 * 1024,
	/* More memory than this is given back when everything is sent. */
	OUT_KEEP = 64 * 1024,
	/* A paused stream keeps what one read may bring. */
	HELD_MAX = FRAME_HEADER + FRAME_MAX + 1024 * 1024,
};

static void close_all(int *fds, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	*n = 0;
}

/*
 * Receiving
 */

void frames_in_init(struct stream_in *in)
{
	*in = (struct stream_in){ .held = BUF_INIT(HELD_MAX) };
}

void frames_in_done(struct stream_in *in)
{
	close_all(in->given, &in->ngiven);
	close_all(in->fds, &in->nfds);
	buf_done(&in->held);
	frames_in_init(in);
}

static span held_rest(const struct stream_in *in)
{
	return span_from(buf_span(&in->held), in->used);
}

/* Bytes that the frame at the front of `rest` lacks, as far as it tells. */
static size_t missing(span rest)
{
	struct frame_head head;

	if (!frame_peek(rest, &head))
		return FRAME_HEADER - rest.len;
	return (size_t)FRAME_HEADER + head.length - rest.len;
}

/* True if there was a place for it; else it is closed. */
static bool take_fd(struct stream_in *in, int fd)
{
	if (in->nfds == ARRAY_LEN(in->fds)) {
		(void)close(fd);
		return false;
	}
	in->fds[in->nfds++] = fd;
	return true;
}

/* True if that was all of them. */
static bool take_fds(struct stream_in *in, struct msghdr *m)
{
	bool ok = !(m->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		span bytes = span_of(CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (; bytes.len; bytes = span_from(bytes, sizeof(fd))) {
			memcpy(&fd, bytes.ptr, sizeof(fd));
			ok = take_fd(in, fd) && ok;
		}
	}
	return ok;
}

ssize_t frames_read(struct stream_in *in, int fd, char *scratch, size_t size)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FRAME_MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov[2] = { 0 };
	struct msghdr m = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	size_t into_held;
	ssize_t n;

	if (in->used) {
		buf_drop(&in->held, in->used);
		in->used = 0;
	}
	/* What a frame lacks goes to where its beginning is. */
	if (in->held.len) {
		iov[0].iov_len = missing(buf_span(&in->held));
		iov[0].iov_base = buf_room(&in->held, iov[0].iov_len);
	}
	iov[1].iov_len = size;
	iov[1].iov_base = scratch;

	n = os_size(recvmsg(fd, &m, MSG_CMSG_CLOEXEC));
	if (n < 0)
		return n;
	if (!take_fds(in, &m))
		return -EPROTO;
	into_held = MIN((size_t)n, iov[0].iov_len);
	in->held.len += into_held;
	in->fresh = span_of(scratch, (size_t)n - into_held);
	return n;
}

void frames_feed(struct stream_in *in, span bytes)
{
	in->fresh = bytes;
}

static void hold(struct stream_in *in, size_t n)
{
	buf_put(&in->held, span_first(in->fresh, n));
	in->fresh = span_from(in->fresh, n);
	if (in->held.failed)
		bug("stream: more than %d bytes held", HELD_MAX);
}

/*
 * A frame that began in an earlier read: add what it lacks, first of its
 * header, then of its payload.
 */
static enum frame_result next_held(struct stream_in *in, struct frame *ret)
{
	for (;;) {
		span rest = held_rest(in);
		enum frame_result r = frame_parse(&rest, ret);

		if (r == FRAME_OK)
			in->used = in->held.len - rest.len;
		if (r != FRAME_MORE || !in->fresh.len)
			return r;
		hold(in, MIN(missing(rest), in->fresh.len));
	}
}

static enum frame_result next_frame(struct stream_in *in, struct frame *ret)
{
	enum frame_result r;

	if (in->used < in->held.len)
		return next_held(in, ret);
	if (in->used) {
		buf_release(&in->held);
		in->used = 0;
	}
	r = frame_parse(&in->fresh, ret);
	if (r == FRAME_MORE)
		hold(in, in->fresh.len);
	return r;
}

/* Descriptors may wait for the frame they began to arrive with, only. */
static bool has_stray_fds(const struct stream_in *in)
{
	span rest = held_rest(in);
	struct frame_head head;

	if (!rest.len)
		return in->nfds != 0;
	if (!frame_peek(rest, &head))
		return in->nfds > FRAME_MAX_FDS;
	return in->nfds != head.nfds;
}

enum frame_result frames_next(struct stream_in *in, struct sync_msg *ret)
{
	struct frame f;
	enum frame_result r;

	close_all(in->given, &in->ngiven);
	r = next_frame(in, &f);
	if (r == FRAME_MORE && has_stray_fds(in))
		return FRAME_BROKEN;
	if (r != FRAME_OK)
		return r;
	if (f.nfds > in->nfds)
		return FRAME_BROKEN;
	in->ngiven = f.nfds;
	in->nfds -= f.nfds;
	memcpy(in->given, in->fds, f.nfds * sizeof(int));
	memmove(in->fds, in->fds + f.nfds, in->nfds * sizeof(int));
	ret->type = f.type;
	ret->nfds = f.nfds;
	ret->fds = in->given;
	ret->payload = f.payload;
	return FRAME_OK;
}

bool frames_has_more(const struct stream_in *in)
{
	span rest = held_rest(in);
	struct frame f;

	/* frames_next() leaves something fresh only with nothing held. */
	if (!rest.len)
		rest = in->fresh;
	return frame_parse(&rest, &f) != FRAME_MORE;
}

bool frames_is_partial(const struct stream_in *in)
{
	return held_rest(in).len || in->fresh.len;
}

void frames_keep(struct stream_in *in)
{
	if (in->used == in->held.len) {
		buf_release(&in->held);
		in->used = 0;
	}
	hold(in, in->fresh.len);
}

/*
 * Sending
 */

void frames_out_init(struct stream_out *out)
{
	*out = (struct stream_out){ .bytes = BUF_INIT(OUT_MAX) };
}

static void forget_mark(struct stream_out *out)
{
	close_all(out->marks[0].fds, &out->marks[0].n);
	out->nmarks--;
	memmove(
	    out->marks, out->marks + 1, out->nmarks * sizeof(out->marks[0]));
}

void frames_out_drop(struct stream_out *out)
{
	while (out->nmarks)
		forget_mark(out);
	mem_free(out->marks);
	out->marks = NULL;
	out->start += out->bytes.len;
	out->sent = 0;
	if (out->bytes.cap > OUT_KEEP)
		buf_release(&out->bytes);
	else
		buf_clear(&out->bytes);
}

void frames_out_done(struct stream_out *out)
{
	frames_out_drop(out);
	buf_done(&out->bytes);
}

static void add_mark(struct stream_out *out, const int *fds, size_t n)
{
	struct stream_mark m = { .at = out->start + out->bytes.len };

	if (n > FRAME_MAX_FDS)
		bug("stream: %zu descriptors in one message", n);
	for (; m.n < n; m.n++) {
		m.fds[m.n] = fcntl(fds[m.n], F_DUPFD_CLOEXEC, 3);
		if (m.fds[m.n] < 0) {
			close_all(m.fds, &m.n);
			out->bytes.failed = true;
			return;
		}
	}
	out->marks =
	    mem_resize(out->marks, out->nmarks + 1, sizeof(out->marks[0]));
	out->marks[out->nmarks++] = m;
}

struct buf *frames_begin(
    struct stream_out *out, uint16_t type, const int *fds, size_t n)
{
	if (n)
		add_mark(out, fds, n);
	out->frame = frame_begin(&out->bytes, type, (uint16_t)n);
	return &out->bytes;
}

int frames_end(struct stream_out *out)
{
	frame_end(&out->bytes, out->frame);
	return out->bytes.failed ? -ENOBUFS : 0;
}

size_t frames_backlog(const struct stream_out *out)
{
	return out->bytes.len - out->sent;
}

/* One call: up to where the next frame with descriptors begins. */
static ssize_t send_run(struct stream_out *out, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FRAME_MAX_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = out->bytes.data + out->sent,
		.iov_len = frames_backlog(out) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint64_t at = out->start + out->sent;
	bool with_fds = out->nmarks && out->marks[0].at == at;
	size_t next = with_fds ? 1 : 0;
	ssize_t n;

	if (out->nmarks > next)
		iov.iov_len = out->marks[next].at - at;
	if (with_fds) {
		size_t bytes = out->marks[0].n * sizeof(int);

		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(&control.align), out->marks[0].fds, bytes);
	}
	n = os_size(sendmsg(fd, &m, MSG_NOSIGNAL));
	if (n > 0 && with_fds)
		forget_mark(out);
	return n;
}

/* After a part was sent: what is out goes when it is half of all, so that
 * the moving costs no more than the sending. */
static void drop_sent(struct stream_out *out)
{
	if (out->sent < frames_backlog(out))
		return;
	buf_drop(&out->bytes, out->sent);
	out->start += out->sent;
	out->sent = 0;
}

int frames_flush(struct stream_out *out, int fd)
{
	ssize_t n = 0;

	while (frames_backlog(out) && (n >= 0 || n == -EINTR)) {
		n = send_run(out, fd);
		if (n > 0)
			out->sent += (size_t)n;
	}
	if (frames_backlog(out)) {
		drop_sent(out);
		return (int)n;
	}
	frames_out_drop(out);
	return 0;
}
