/* SPDX-License-Identifier: ISC */
/*
 * daemon/confine.h - giving up what the role table does not grant.
 */
#pragma once

#include "daemon/roles.h"

/* A directory or file that stays reachable. */
struct confine_path {
	int fd;          /* owned by the list */
	unsigned access; /* enum daemon_access */
};

struct confine_plan {
	enum role role;
	/* Who to become, when root; 0: nobody else. */
	uint32_t uid;
	uint32_t gid;
	const struct confine_path *paths;
	size_t npaths;
};

/*
 * Drop the user for good, then close the sandbox. 0, or a negative errno
 * with *ret_what naming the step that failed.
 */
MUST_USE int confine(const struct confine_plan *plan, const char **ret_what);
