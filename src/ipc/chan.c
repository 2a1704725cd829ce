/* SPDX-License-Identifier: ISC */
/*
 * ipc/chan.c - frames in a loop process.
 *
 *	chan_end ──▶ output ──(LOOP_IPC hook: one sendmsg)──▶ peer
 *	                └── socket full: watch LOOP_OUT, go on there
 *
 *	LOOP_IN ──▶ one recvmsg into the scratch ──▶ message, message, ...
 *	                └── paused: the rest is kept, reading stops
 *
 * The scratch is shared by all chans of the process: it is in use only while
 * one of them hands out what it has just read.
 *
 * How a chan ends: fail() closes it at once and leaves `gone` to a hook, so
 * that no caller of chan_*() finds its own objects freed under its hands.
 * chan_free() may be called in any handler; the memory goes in LOOP_LAST.
 *
 * A peer that died may have sent something before. So a failed write is not
 * the end: the output is dropped from then on, and reading goes on until it
 * finds the end itself.
 */
#include "ipc/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/stream.h"
#include "os/error.h"

enum {
	SCRATCH = 256 * 1024,
	/* As much as the system grants: fewer rounds for large messages. */
	SEND_BUFFER = 1024 * 1024,
};

static char scratch[SCRATCH];

struct chan {
	struct loop *loop;
	struct loop_watch *watch;
	const struct chan_calls *calls;
	void *ctx;
	int fd; /* -1: failed or freed */
	int error;
	bool is_deaf;    /* the peer does not read any more */
	bool is_blocked; /* the socket takes no more for now */
	bool is_paused;
	bool was_high; /* the backlog was above CHAN_HIGH_WATER */
	struct stream_in in;
	struct stream_out out;
	struct loop_hook flush;
	struct loop_hook report;
	struct loop_hook bury;
	struct loop_timer resume; /* hands out what a pause kept */
};

static void watch_what_matters(struct chan *c)
{
	unsigned events = 0;

	if (!c->watch)
		return;
	if (!c->is_paused && !frames_has_more(&c->in))
		events |= LOOP_IN;
	if (c->is_blocked)
		events |= LOOP_OUT;
	loop_watch_set(c->watch, events);
}

static void hang_up(struct chan *c)
{
	loop_unwatch(&c->watch);
	loop_timer_stop(c->loop, &c->resume);
	loop_defer_cancel(&c->flush);
	if (c->fd >= 0)
		(void)close(STEAL_FD(c->fd));
}

static void fail(struct chan *c, int error)
{
	if (c->fd < 0)
		return;
	c->error = error;
	hang_up(c);
	loop_defer(c->loop, LOOP_IPC, &c->report);
}

static void on_report(void *ctx)
{
	struct chan *c = ctx;

	c->calls->gone(c->ctx, c->error);
}

/* Without the descriptor there is no output that could matter. */
static void try_output(struct chan *c)
{
	int r;

	if (c->fd < 0)
		return;
	r = c->is_deaf ? -EPIPE : frames_flush(&c->out, c->fd);
	c->is_blocked = r == -EAGAIN;
	if (r < 0 && r != -EAGAIN) {
		c->is_deaf = true;
		frames_out_drop(&c->out);
	}
	watch_what_matters(c);
	if (c->was_high && frames_backlog(&c->out) < CHAN_LOW_WATER) {
		c->was_high = false;
		if (c->calls->drained)
			c->calls->drained(c->ctx);
	}
}

static void on_flush(void *ctx)
{
	struct chan *c = ctx;

	if (!c->is_blocked)
		try_output(c);
}

/* Everything that is whole; stops when a handler pauses or ends the chan. */
static void hand_out(struct chan *c)
{
	while (c->fd >= 0 && !c->is_paused) {
		struct sync_msg m;
		struct chan_msg msg;
		enum frame_result r = frames_next(&c->in, &m);

		if (r == FRAME_MORE)
			break;
		if (r == FRAME_BROKEN) {
			fail(c, -EPROTO);
			break;
		}
		msg = (struct chan_msg){ m.type, m.nfds, m.fds, m.payload };
		c->calls->message(c->ctx, &msg);
	}
	frames_keep(&c->in);
	watch_what_matters(c);
}

static void on_resume(void *ctx)
{
	hand_out(ctx);
}

static void receive(struct chan *c)
{
	ssize_t n = frames_read(&c->in, c->fd, scratch, sizeof(scratch));

	if (n > 0)
		hand_out(c);
	else if (n == 0)
		fail(c, frames_is_partial(&c->in) ? -ECONNRESET : 0);
	else if (n != -EAGAIN && n != -EINTR)
		fail(c, (int)n);
}

static void on_event(void *ctx, unsigned events)
{
	struct chan *c = ctx;

	if (c->is_blocked && events & (LOOP_OUT | LOOP_HUP))
		try_output(c);
	if (c->fd >= 0 && !c->is_paused && !frames_has_more(&c->in) &&
	    events & (LOOP_IN | LOOP_HUP))
		receive(c);
}

/* The last reference is the loop's. */
static void on_bury(void *ctx)
{
	struct chan *c = ctx;

	frames_in_done(&c->in);
	frames_out_done(&c->out);
	mem_free(c);
}

static int adopt(struct loop *l, int fd, struct chan *c)
{
	int size = SEND_BUFFER;
	int flags = os_error(fcntl(fd, F_GETFL));
	int r = flags;

	if (r >= 0 && !(flags & O_NONBLOCK))
		r = os_error(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
	if (r >= 0)
		r = loop_watch(l, fd, LOOP_IN, on_event, c, &c->watch);
	if (r < 0)
		return r;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	c->loop = l;
	c->fd = fd;
	return 0;
}

int chan_new(struct loop *l, int fd, const struct chan_calls *calls, void *ctx,
    struct chan **ret_chan)
{
	struct chan *c = NEW(struct chan);
	int r;

	c->calls = calls;
	c->ctx = ctx;
	frames_in_init(&c->in);
	frames_out_init(&c->out);
	c->flush.fn = on_flush;
	c->report.fn = on_report;
	c->bury.fn = on_bury;
	c->resume.fn = on_resume;
	c->flush.ctx = c->report.ctx = c->bury.ctx = c->resume.ctx = c;
	r = adopt(l, fd, c);
	if (r < 0) {
		(void)close(fd);
		mem_free(c);
		return r;
	}
	*ret_chan = c;
	return 0;
}

int chan_from_sync(struct loop *l, struct sync_conn **conn,
    const struct chan_calls *calls, void *ctx, struct chan **ret_chan)
{
	struct stream_in in;
	int fd = sync_take_apart(conn, &in);
	int r = chan_new(l, fd, calls, ctx, ret_chan);

	if (r < 0) {
		frames_in_done(&in);
		return r;
	}
	(*ret_chan)->in = in;
	chan_pause(*ret_chan, false);
	return 0;
}

void chan_free(struct chan **chan)
{
	struct chan *c = *chan;

	if (!c)
		return;
	*chan = NULL;
	if (c->fd >= 0 && !c->is_deaf)
		(void)!frames_flush(&c->out, c->fd);
	hang_up(c);
	loop_defer_cancel(&c->report);
	loop_defer(c->loop, LOOP_LAST, &c->bury);
}

void chan_fail(struct chan *c, int error)
{
	fail(c, error);
}

struct buf *chan_begin(struct chan *c, uint16_t type)
{
	return frames_begin(&c->out, type, NULL, 0);
}

struct buf *chan_begin_fds(
    struct chan *c, uint16_t type, const int *fds, size_t n)
{
	return frames_begin(&c->out, type, fds, n);
}

void chan_end(struct chan *c)
{
	int r = frames_end(&c->out);

	if (r < 0)
		fail(c, r);
	if (c->fd < 0 || c->is_deaf) {
		frames_out_drop(&c->out);
		return;
	}
	if (frames_backlog(&c->out) > CHAN_HIGH_WATER)
		c->was_high = true;
	if (!c->is_blocked)
		loop_defer(c->loop, LOOP_IPC, &c->flush);
}

void chan_send(struct chan *c, uint16_t type)
{
	(void)chan_begin(c, type);
	chan_end(c);
}

size_t chan_backlog(const struct chan *c)
{
	return frames_backlog(&c->out);
}

void chan_pause(struct chan *c, bool pause)
{
	c->is_paused = pause;
	if (c->fd < 0)
		return;
	if (!pause && frames_has_more(&c->in))
		loop_timer_set(c->loop, &c->resume, loop_now(c->loop));
	watch_what_matters(c);
}
