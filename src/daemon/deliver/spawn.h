/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/spawn.h - start this program again, as a worker.
 */
#pragma once

#include "os/child.h"

struct spawned {
	struct child child; /* pid 0: none */
	int line;           /* our ends; take them with STEAL_FD() */
	int claims;
};

#define SPAWNED_NONE ((struct spawned){ { 0, -1 }, -1, -1 })

/*
 * As that user (NULL: as we are), with our descriptors 0 to 2, WORK_LINE_FD
 * and WORK_CLAIM_FD, no environment but the time zone, and no other trace of
 * us. 0 or a negative errno.
 */
MUST_USE int spawn_worker(const struct priv_user *user, struct spawned *ret);
/* Both are idempotent. The second one closes what was not taken; a process
 * that still runs goes on. */
void spawn_kill(const struct spawned *s);
void spawn_done(struct spawned *s);
