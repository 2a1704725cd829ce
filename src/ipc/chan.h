/* SPDX-License-Identifier: ISC */
/*
 * ipc/chan.h - a connection between two of our processes, in a loop process.
 *
 * Messages sent during one round of the loop leave in one system call at its
 * end; messages that arrived are handed out one by one. The other end may be
 * a chan too, or a blocking worker using ipc/sync.h.
 *
 * The peer may have been taken over: payloads are decoded with care, and
 * whoever receives a message that the peer's role may not send calls
 * chan_fail(), which logs nothing, closes and reports `gone`.
 */
#pragma once

#include "ipc/sync.h"
#include "os/loop.h"

struct chan;

/* One message; its payload lives until the handler returns. */
struct chan_msg {
	uint16_t type;
	uint16_t nfds;
	int *fds; /* the handler takes one by setting it to -1; the
		   * rest is closed after the handler */
	span payload;
};

struct chan_calls {
	void (*message)(void *ctx, struct chan_msg *msg);
	/* The peer is gone (error 0: it closed; else a negative errno,
	 * -EPROTO if it broke the rules). All it sent before was handed out.
	 * The chan is still valid; the handler usually frees it. Called
	 * once, never from inside a function of this header. */
	void (*gone)(void *ctx, int error);
	/* Optional: the backlog fell below CHAN_LOW_WATER again. */
	void (*drained)(void *ctx);
};

enum {
	CHAN_HIGH_WATER = 4 * 1024 * 1024,
	CHAN_LOW_WATER = 1024 * 1024,
};

/* Takes the descriptor (even when it fails), makes it non-blocking. */
MUST_USE int chan_new(struct loop *l, int fd, const struct chan_calls *calls,
    void *ctx, struct chan **ret_chan);
/* Go on with a connection that began blocking; nothing that arrived already
 * is lost. Takes `conn` (even when it fails). */
MUST_USE int chan_from_sync(struct loop *l, struct sync_conn **conn,
    const struct chan_calls *calls, void *ctx, struct chan **ret_chan);
/* What was not sent yet is tried once more, then lost. NULL is fine. */
void chan_free(struct chan **chan);
/* `gone` is called at the end of the round, with this error. */
void chan_fail(struct chan *c, int error);

/*
 * Write a message straight into the output: begin, wire_put_*() into the
 * returned buffer, end. No other call on the chan in between.
 */
struct buf *chan_begin(struct chan *c, uint16_t type);
void chan_end(struct chan *c);
/* The same with descriptors; they are duplicated for the sending, the
 * caller keeps its own. At most FRAME_MAX_FDS. */
struct buf *chan_begin_fds(
    struct chan *c, uint16_t type, const int *fds, size_t n);
/* A message without payload. */
void chan_send(struct chan *c, uint16_t type);

/* Bytes waiting for the peer: above CHAN_HIGH_WATER stop making more. */
size_t chan_backlog(const struct chan *c);
/* Stop or resume handing out messages. */
void chan_pause(struct chan *c, bool pause);
