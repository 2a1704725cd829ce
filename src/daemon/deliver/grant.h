/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/grant.h - what a worker was let into, by the real names.
 *
 * A Maildir may be a link to another disk, or become one, and a home may be
 * replaced by another of the same name. A worker whose sandbox does not have
 * the place where the files really are finds that out before it touches
 * anything, and says so (WORK_REACH); the next one has it.
 */
#pragma once

#include "daemon/deliver/work.h"
#include "os/sandbox.h"

struct grant {
	const char *name;
	dev_t device;
	ino_t inode;
};

struct grants {
	size_t n;
	struct sandbox_path paths[WORK_MAX_PATHS]; /* until grants_close() */
	struct grant real[WORK_MAX_PATHS];
	struct arena arena;
};

/* Open the paths of a setup; of one that is not there, the nearest directory
 * above it that is. */
void grants_open(struct grants *g, const struct work_setup *setup);
/* The descriptors, once they are in the sandbox. */
void grants_close(struct grants *g);
/* All of it; idempotent. */
void grants_done(struct grants *g);

/*
 * False: the files of this item are out of reach; put the directory where
 * they really are into `elsewhere`.
 */
MUST_USE bool grants_have(const struct grants *g, const struct work_item *item,
    struct buf *elsewhere);
