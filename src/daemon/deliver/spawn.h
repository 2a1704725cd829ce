/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/spawn.h - start this program again, as one of its kinds.
 */
#pragma once

#include "daemon/deliver/work.h"
#include "os/child.h"

struct spawned {
	struct child child; /* pid 0: none */
	int line;           /* our end; take it with STEAL_FD() */
};

#define SPAWNED_NONE ((struct spawned){ { 0, -1 }, -1 })

/*
 * As that user (NULL: as we are), with our descriptors 0 to 2 and
 * WORK_LINE_FD, no environment but the time zone, and no other trace of us. 0
 * or a negative errno.
 */
MUST_USE int spawn_worker(
    enum work_kind kind, const struct priv_user *user, struct spawned *ret);
/* Both are idempotent. The second one closes what was not taken; a process
 * that still runs goes on. */
void spawn_kill(const struct spawned *s);
void spawn_done(struct spawned *s);
