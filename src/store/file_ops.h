/* SPDX-License-Identifier: ISC */
/*
 * store/file_ops.h - everything the spool asks of the operating system.
 *
 * One table, so that a test can put a file system behind it that fails, or
 * loses power, at any call (test/lib/faultfs.h). All functions return 0 (or
 * a count, or a descriptor) or a negative errno, never -EINTR. They are
 * called from several threads at a time.
 *
 * Directories and files are small numbers as in POSIX. What each call
 * promises about power failures is in doc/queue.md, "What we ask of the disk".
 */
#pragma once

#include "base/span.h"

#include <sys/types.h>

/* Return false to end the listing. */
typedef bool file_name_fn(void *ctx, const char *name);

struct file_ops {
	void *fs; /* passed as the first argument of each call */

	/* Flags as of openat(2); O_TMPFILE with an empty name. */
	int (*open)(void *fs, int dir, const char *name, int flags, mode_t m);
	int (*close)(void *fs, int fd);
	/* Fewer bytes than asked for: the end of the file. */
	ssize_t (*read)(void *fs, int fd, void *to, size_t n, uint64_t at);
	/* All n bytes, or an error with any of them written. */
	int (*write)(void *fs, int fd, span bytes, uint64_t at);
	/* The bytes written so far survive a power failure from now on. */
	int (*flush)(void *fs, int fd);
	/* Forget what memory has of a flushed file: what is read next is what
	 * the disk has, even if a flush failed once. */
	int (*uncache)(void *fs, int fd);
	/* As flush, for the names in a directory. */
	int (*flush_dir)(void *fs, int dir);
	int (*size)(void *fs, int fd, uint64_t *ret);
	int (*mkdir)(void *fs, int dir, const char *name);
	/* Give a file opened with O_TMPFILE a name. */
	int (*link)(void *fs, int fd, int dir, const char *name);
	int (*rename)(void *fs, int dir, const char *from, const char *to);
	int (*unlink)(void *fs, int dir, const char *name);
	int (*list)(void *fs, int dir, file_name_fn *fn, void *ctx);
	/* Bytes that an unprivileged process may still write. */
	int (*space)(void *fs, int dir, uint64_t *ret);
	/* -EWOULDBLOCK: somebody has it. Held until the descriptor closes. */
	int (*lock)(void *fs, int fd, bool exclusive);
	int (*random)(void *fs, void *to, size_t n);
};

extern const struct file_ops file_ops_real;
