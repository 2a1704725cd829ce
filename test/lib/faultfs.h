/* SPDX-License-Identifier: ISC */
/*
 * test/lib/faultfs.h - a file system in memory that can be made to fail.
 *
 * It keeps two images of every file and directory: what a process sees, and
 * what is on the disk. A flush copies the one to the other; a power failure
 * goes back to what is on the disk, plus any part of what was on its way
 * (doc/queue.md 2). Sectors have 512 bytes. Not for several threads.
 */
#pragma once

#include "store/file_ops.h"

struct faultfs;

struct faultfs *faultfs_new(void);
void faultfs_free(struct faultfs *fs);
const struct file_ops *faultfs_ops(struct faultfs *fs);
/* The root directory, as a descriptor for the ops. */
int faultfs_root(const struct faultfs *fs);

enum fault {
	FAULT_NONE,
	FAULT_ERROR, /* -EIO; of a flush: with anything on the disk */
	FAULT_NOSPC, /* -ENOSPC, of calls that may say so; else as ERROR */
	FAULT_SHORT, /* a write does half, then -EIO; else as ERROR */
	FAULT_POWER, /* in the middle of the call; all later ones fail, too */
	FAULT_FULL,  /* from this call on the disk takes no new bytes */
	FAULTS,
};

/* The nth call from now (1 is the next) meets this fault. */
void faultfs_arm(struct faultfs *fs, unsigned nth, enum fault fault);
/* Calls since the last faultfs_arm(). */
unsigned faultfs_calls(const struct faultfs *fs);
/* Whether the fault has struck. */
bool faultfs_struck(const struct faultfs *fs);

/* In every nth call something else happens first, as if another thread had
 * done it; 0: never. It must not come to calls of its own. */
void faultfs_meanwhile(
    struct faultfs *fs, unsigned every, void (*fn)(void *ctx), void *ctx);

enum restart {
	RESTART_PROCESS,    /* the machine stayed up: all is as it was seen */
	RESTART_NOTHING,    /* of what was not flushed survived */
	RESTART_EVERYTHING, /* did, and is on the disk */
	RESTART_ANYTHING,   /* sectors and names at random */
	RESTARTS,
};

/* After FAULT_POWER, or at any time: all descriptors are gone. */
void faultfs_restart(struct faultfs *fs, enum restart how, uint64_t seed);

/* The size of the disk; files may not take more. */
void faultfs_set_capacity(struct faultfs *fs, uint64_t bytes);
/* Bit rot: flip a byte of a file, in both images. False: no such byte. */
bool faultfs_rot(struct faultfs *fs, const char *name, uint64_t at);
/* What a process sees in a file of the root; NONE: no such file. */
span faultfs_content(const struct faultfs *fs, const char *name);
