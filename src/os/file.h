/* SPDX-License-Identifier: ISC */
/*
 * os/file.h - small helpers for descriptors and files.
 */
#pragma once

#include "base/buf.h"

/* For CLEANUP(): closes unless negative, leaves -1. */
void fd_close(int *fd);

/*
 * Append the rest of the file to `out`, whose limit is the limit: 0,
 * -EFBIG if there is more (`out` then holds a part), or a negative errno.
 */
MUST_USE int file_read_all(int fd, struct buf *out);
/* The same for the file of that name. */
MUST_USE int file_read_named(span path, struct buf *out);
/* All of it, however many calls that takes: 0 or a negative errno. */
MUST_USE int file_write_all(int fd, span bytes);

/*
 * A file in memory with this content that nobody can change any more; its
 * position is at the beginning. The descriptor, or a negative errno.
 */
MUST_USE int file_memfd(const char *name, span bytes);
/*
 * The content of a file mapped for reading: 0, -EFBIG above `max`, or a
 * negative errno. Somebody who can shrink the file can crash us: for sealed
 * or own files. End with file_unmap(), which is idempotent.
 */
MUST_USE int file_map(int fd, size_t max, span *ret);
void file_unmap(span *map);
/*
 * The content in memory of its own, made for many reads all over it: 0,
 * -EFBIG above `max`, or a negative errno. A file that shrinks meanwhile
 * gives what is left. End with file_unmap().
 */
MUST_USE int file_copy(int fd, size_t max, span *ret);
