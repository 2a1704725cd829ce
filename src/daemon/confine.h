/* SPDX-License-Identifier: ISC */
/*
 * daemon/confine.h - giving up what the role table does not grant.
 */
#pragma once

#include "daemon/roles.h"
#include "os/priv.h"

struct confine_plan {
	enum role role;
	const struct priv_user *user;     /* NULL: stay who we are */
	const struct sandbox_path *paths; /* what stays reachable */
	size_t npaths;
};

/*
 * Drop the user for good, then close the sandbox. 0, or a negative errno
 * with *ret_what naming the step that failed.
 */
MUST_USE int confine(const struct confine_plan *plan, const char **ret_what);
