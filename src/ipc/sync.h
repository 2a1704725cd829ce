/* SPDX-License-Identifier: ISC */
/*
 * ipc/sync.h - the same messages for a blocking worker or a command.
 *
 * sync_recv() waits for a message; before it has to wait, everything sent so
 * far leaves in one write. So a worker that answers as many questions as it
 * finds waiting costs one read and one write for all of them.
 */
#pragma once

#include "ipc/frame.h"

struct sync_conn;

struct sync_msg {
	uint16_t type;
	uint16_t nfds;
	int *
	    fds; /* take one by setting it to -1; the next recv closes the rest */
	span payload; /* until the next sync_recv() */
};

/* Takes the descriptor, makes it blocking. */
struct sync_conn *sync_new(int fd);
/* Flushes, closes. NULL is fine. */
void sync_free(struct sync_conn **conn);

enum sync_result { SYNC_OK, SYNC_END };
/* SYNC_OK, SYNC_END (the peer closed), or a negative errno (-EPROTO for
 * a broken frame, -ECONNRESET for an end inside one, -EAGAIN after the
 * SO_RCVTIMEO of the socket). */
MUST_USE int sync_recv(struct sync_conn *c, struct sync_msg *ret);
/* Whether a whole message can be had without waiting. */
bool sync_has_more(struct sync_conn *c);

struct buf *sync_begin(struct sync_conn *c, uint16_t type);
struct buf *sync_begin_fds(
    struct sync_conn *c, uint16_t type, const int *fds, size_t n);
void sync_end(struct sync_conn *c);
/* 0 or a negative errno. */
MUST_USE int sync_flush(struct sync_conn *c);
int sync_fd(const struct sync_conn *c);
