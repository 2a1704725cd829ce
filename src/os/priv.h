/* SPDX-License-Identifier: ISC */
/*
 * os/priv.h - giving privileges up, for good.
 */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "base/span.h"

enum { PRIV_MAX_GROUPS = 64 };

struct priv_user {
	uid_t uid;
	gid_t gid;
	size_t ngroups; /* supplementary ones; the gid alone when 0 */
	gid_t groups[PRIV_MAX_GROUPS];
};

enum priv_result { PRIV_OK, PRIV_NO_USER };

/*
 * A user by name, or by number: a number that nobody has is a user without
 * name, its group is the same number. PRIV_OK, PRIV_NO_USER, or a negative
 * errno. Reads the user data base: not in a sandbox.
 */
MUST_USE int priv_find_user(span name, struct priv_user *ret);

/*
 * Become that user with exactly those groups, irrevocably. 0, or a negative
 * errno: -EPERM when we are neither root nor that user. That the way back is
 * closed is tried; if it were open, this is a bug().
 */
MUST_USE int priv_drop(const struct priv_user *user);

/* No exec gives more rights than we have, from now on. */
MUST_USE int priv_no_new(void);
/* No core file, and nobody of our uid may look into our memory. */
MUST_USE int priv_no_dump(void);
/*
 * Set a limit (RLIMIT_*), soft and hard, to `want` or as near as we may.
 * Returns what it is now.
 */
rlim_t priv_limit(int resource, rlim_t want);
