/* SPDX-License-Identifier: ISC */
/*
 * ipc/stream.h - frames and descriptors over a unix stream socket: what chan
 * and sync have in common. Private to this folder.
 *
 * The descriptors of a frame are sent together with its first byte, and
 * never those of two frames in one call. So whatever descriptors a receiver
 * holds belong to the frames it has begun to receive; any other is a trick
 * to fill its table, and ends the connection.
 */
#pragma once

#include "ipc/sync.h"

/*
 * Receiving. Bytes are read into a scratch area of the caller, and frames
 * that are whole are handed out from there; only the beginning of a frame
 * whose rest has not arrived is kept. So an idle connection holds nothing,
 * and a large payload is copied at most once, and then only its beginning.
 */
struct stream_in {
	struct buf held; /* bytes of former reads */
	size_t used;     /* how many of them were handed out */
	span fresh;      /* of the last read: in the scratch, not handed out */
	int fds[2 * FRAME_MAX_FDS]; /* arrived, not handed out */
	size_t nfds;
	int given[FRAME_MAX_FDS]; /* with the last message; -1: taken */
	size_t ngiven;
};

void frames_in_init(struct stream_in *in);
void frames_in_done(struct stream_in *in);
/*
 * Read once. Returns the number of bytes, 0 at the end of file, -EPROTO if
 * descriptors came that nobody announced, or another negative errno. Only to
 * be called after frames_next() said FRAME_MORE.
 */
MUST_USE ssize_t frames_read(
    struct stream_in *in, int fd, char *scratch, size_t size);
/* The same for bytes that lie somewhere already. */
void frames_feed(struct stream_in *in, span bytes);
/*
 * The next whole message, valid until the next call of any of these. Closes
 * what was not taken of the message before.
 */
MUST_USE enum frame_result frames_next(
    struct stream_in *in, struct sync_msg *ret);
/* Whether frames_next() would say anything but FRAME_MORE. */
bool frames_has_more(const struct stream_in *in);
/* Whether the peer stopped in the middle of a frame. */
bool frames_is_partial(const struct stream_in *in);
/* The scratch will be used for something else: copy what is not handed out. */
void frames_keep(struct stream_in *in);

/*
 * Sending. Frames gather in one buffer; flushing is one call, plus one for
 * each frame with descriptors.
 */
struct stream_mark {
	uint64_t at; /* position in the stream, counted from its beginning */
	size_t n;
	int fds[FRAME_MAX_FDS];
};

struct stream_out {
	struct buf bytes;
	size_t sent;    /* how many of them are out */
	uint64_t start; /* position of bytes.data[0] in the stream */
	size_t frame;   /* where the frame being written began */
	struct stream_mark *marks;
	size_t nmarks;
};

void frames_out_init(struct stream_out *out);
void frames_out_done(struct stream_out *out);
/* Forget everything that was not sent. */
void frames_out_drop(struct stream_out *out);
/*
 * Begin a frame; the descriptors are duplicated. Returns the buffer for the
 * payload; its `failed` tells of all failures, these included.
 */
struct buf *frames_begin(
    struct stream_out *out, uint16_t type, const int *fds, size_t n);
/* 0, or -ENOBUFS: too much, or no descriptors; the stream is unusable. */
MUST_USE int frames_end(struct stream_out *out);
/* 0: everything is out; -EAGAIN: the rest later; or a negative errno. */
MUST_USE int frames_flush(struct stream_out *out, int fd);
size_t frames_backlog(const struct stream_out *out);

/* The parts of a sync_conn, for ipc/chan.c: its memory is freed, its output
 * sent, what arrived is in `ret_in`. Returns the descriptor. */
int sync_take_apart(struct sync_conn **conn, struct stream_in *ret_in);
