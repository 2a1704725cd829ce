/* SPDX-License-Identifier: ISC */
#include "daemon/confine.h"

/*
 * The user first: with the uid goes the right to do what the sandbox could
 * not see. Between both is nothing that a stranger could steer.
 */
int confine(const struct confine_plan *plan, const char **ret_what)
{
	int r = 0;

	*ret_what = "drop privileges";
	if (plan->user)
		r = priv_drop(plan->user);
	if (r < 0)
		return r;
	*ret_what = "refuse core files";
	r = priv_no_dump();
	if (r < 0)
		return r;
	*ret_what = "enter the sandbox";
	return sandbox_enter(
	    role_info(plan->role)->may, plan->paths, plan->npaths);
}
