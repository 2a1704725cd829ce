/* SPDX-License-Identifier: ISC */
/*
 * store/flush.h - fsync() of many files at once.
 *
 * One after the other, each would wait for the disk to empty its cache. Asked
 * for at the same time, the kernel lets them share that.
 */
#pragma once

#include "base/base.h"

struct flush {
	int fd;
	int result; /* 0 or a negative errno */
};

struct flusher;

/* At most so many at a time. */
enum { FLUSHER_THREADS = 8 };

/* Its threads are made when there is something for them to do. Used by one
 * thread. */
struct flusher *flusher_new(void);
/* NULL is fine. */
void flusher_free(struct flusher **flusher);

/* All of them, and wait. NULL: one after the other. */
void flusher_run(struct flusher *flusher, struct flush *files, size_t n);
