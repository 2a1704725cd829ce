/* SPDX-License-Identifier: ISC */
/*
 * map/replace.h - put a new file where an old one is, all at once.
 *
 * The new one is written beside it under another name, flushed and renamed:
 * who reads sees the old or the new table, and after a crash or with a full
 * disk the old one is still there.
 */
#pragma once

#include <sys/types.h>

#include "base/buf.h"

enum replace_lock { REPLACE_NO_LOCK, REPLACE_FCNTL, REPLACE_FLOCK };

struct replace {
	char *path; /* what is replaced: a symbolic link stays */
	char *temp; /* NULL: none is there */
	int old;    /* what there was, locked; -1: nothing */
	int fd;     /* the new one; -1: not made yet */
};

/*
 * Wait for others who change the file, and lock it: 0 or a negative errno.
 * End with replace_done() in any case.
 */
MUST_USE int replace_begin(
    struct replace *r, const char *path, enum replace_lock lock);
/* Make the new file: `mode`, or the old one's owner and mode if `keep`. */
MUST_USE int replace_make(struct replace *r, mode_t mode, bool keep);
/* Flush it and give it its name: 0 or a negative errno. */
MUST_USE int replace_commit(struct replace *r);
/* Without a commit everything is as it was. Idempotent. */
void replace_done(struct replace *r);
