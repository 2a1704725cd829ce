/* SPDX-License-Identifier: ISC */
/*
 * store/dotlock.h - the lock file beside a mailbox, NAME.lock.
 *
 * Everybody who changes a mailbox creates this file first, and removes it
 * last. Whoever finds it waits; whoever finds it older than a limit may
 * remove it. That is all other programs know of it.
 *
 * Our own lock files say more, so that a holder who was killed neither
 * blocks the mailbox until then nor leaves half a message in it:
 *
 *	"chasqui\n"            held; nothing was written yet
 *	"chasqui INODE SIZE\n" that mailbox had this size: what stands behind
 *	                       it is being written and was promised to nobody
 *
 * The holder keeps the file open with a kernel lock (flock) on it, which
 * dies with him. A file of ours without the kernel lock is taken over.
 */
#pragma once

#include <sys/types.h>

#include "base/time.h"

struct dotlock {
	int fd; /* -1: not held */
};

/* What a dead holder left unfinished, if `found`. */
struct dotlock_left {
	bool found;
	uint64_t inode;
	uint64_t size;
};

enum dotlock_result {
	DOTLOCK_OK,
	DOTLOCK_HELD, /* somebody has it: wait, then try again */
};

struct dotlock_spec {
	int dir;          /* where it is, ... */
	const char *name; /* ... and its name there */
	uid_t maker;      /* whose file it is when we make it */
	usec stale;
};

/*
 * Try once. A lock file that is older than `stale` is removed (and reported as
 * held, once more). Returns DOTLOCK_OK, DOTLOCK_HELD or a negative errno.
 */
MUST_USE int dotlock_try(const struct dotlock_spec *spec,
    struct dotlock *ret_lock, struct dotlock_left *ret_left);

/*
 * From now on the mailbox changes behind `size`. Where this cannot be written,
 * on a full disk, the lock works without it, as everybody else's does.
 */
void dotlock_note(const struct dotlock *lock, uint64_t inode, uint64_t size);

/* Remove the file; does nothing if the lock is not held. */
void dotlock_drop(int dir, const char *name, struct dotlock *lock);
/*
 * Let go, but leave the file: the mailbox is damaged behind the size noted,
 * and whoever claims the lock next shall repair it.
 */
void dotlock_abandon(struct dotlock *lock);
