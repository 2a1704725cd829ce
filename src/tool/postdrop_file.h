/* SPDX-License-Identifier: ISC */
/*
 * tool/postdrop_file.h - a new file in maildrop/, and the nudge for pickup.
 *
 * Used by postdrop, and by sendmail when it may write there itself. The
 * process stands in queue_directory. There is one file at a time: until it is
 * complete, a signal that ends the process removes it.
 */
#pragma once

#include "base/buf.h"
#include "tool/voice.h"

enum {
	POSTDROP_ID_MAX = 24,
	POSTDROP_PATH_MAX = 64,
	POSTDROP_FLUSH = 64 * 1024, /* more than this is written */
	POSTDROP_BUF_MAX = 256 * 1024 * 1024,
};

struct postdrop_file {
	int fd;
	int error; /* the first failure to write, a negative errno */
	/* Records that are not written yet. */
	struct buf out;
	char id[POSTDROP_ID_MAX];
	char path[POSTDROP_PATH_MAX];
};

void postdrop_file_init(struct postdrop_file *f);
/* Removes a file that is not complete. Idempotent. */
void postdrop_file_done(struct postdrop_file *f);

/*
 * Make it; nobody reads it yet. From now on SIGINT, SIGQUIT, SIGTERM and
 * SIGHUP remove it and end the process, as far as they were not ignored.
 * 0 or a negative errno.
 */
MUST_USE int postdrop_file_create(struct postdrop_file *f);
/* Write what has gathered. A failure is kept in `error`. */
void postdrop_file_flush(struct postdrop_file *f);
/*
 * Complete: on stable storage, and pickup may take it. 0, or a negative
 * errno: then it is gone.
 */
MUST_USE int postdrop_file_commit(struct postdrop_file *f);

/* The most a file may hold, if the process may hold more; 0: no limit. */
void postdrop_limit(uint64_t bytes);
/*
 * Tell pickup to look. Never waits; that nobody listens is no failure, since
 * pickup looks by itself when it starts, but a missing socket is told.
 */
void postdrop_nudge(struct voice *v);
