/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/claims.h"

#include <string.h>

#include "conf/words.h"

static bool is_above(span dir, span path)
{
	return span_skip(&path, dir) && path.len > 0 &&
	    !memmem(path.ptr, path.len, "/../", 4) &&
	    !span_has_prefix(path, SPAN("../"));
}

/* Where one of the paths of forward_path may lead: below what stands in front
 * of its first variable, or below the home directory if nothing does. */
static bool is_forward(const struct service *at, span home, span path)
{
	span list = at->c.forward_path;
	span word;

	while ((word = words_next(&list)).len > 0) {
		span start = span_cut(&word, '$');
		span rest = path;

		if (start.len == 0 && span_skip(&rest, home))
			start = SPAN("/");
		if (start.len > 0 && is_above(start, rest))
			return true;
	}
	return false;
}

/* "dir/name" is all of `path`. */
static bool is_in(span dir, span name, span path)
{
	return span_skip(&path, dir) && span_skip(&path, SPAN("/")) &&
	    span_eq(path, name);
}

/* A spool that ends in '/' is one of Maildirs. */
static bool is_own_mailbox(const struct service *at,
    const struct local_step *step, const struct user *user)
{
	span path = step->what;

	if (step->flags & LOCAL_SPOOL)
		return true; /* the scribe has no other directory */
	if (at->c.home_mailbox.len > 0 &&
	    is_in(user->home, at->c.home_mailbox, path))
		return true;
	return span_skip(&path, at->c.mail_spool_directory) &&
	    span_skip(&path, step->user) && span_eq(path, SPAN("/"));
}

static bool is_for_root(const struct service *at, const struct local_step *step,
    const struct user *user)
{
	for (uint32_t i = 0; i < step->nforward; i++)
		if (!is_forward(at, user->home, step->forward[i]))
			return false;
	if (step->kind == LOCAL_MAILBOX)
		return is_own_mailbox(at, step, user);
	return step->kind != LOCAL_READ;
}

bool claims_allow(const struct service *at, const struct local_step *step,
    const struct user *user)
{
	if (step->by_uid)
		return span_eq(span_str(at->program->name), SPAN("virtual")) &&
		    user->uid >= at->c.virtual_minimum_uid && user->uid != 0 &&
		    user->gid != 0;
	return user->uid != 0 || is_for_root(at, step, user);
}
