/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/users.h"

enum { NAME_LONGEST = 256 };

void users_init(struct users *u)
{
	u->db = passwd_new(NULL);
}

void users_done(struct users *u)
{
	passwd_free(&u->db);
}

/* What the mailbox will be called too: no slash, nothing hidden. */
static bool is_sane(span name)
{
	return name.len > 0 && name.len < NAME_LONGEST && name.ptr[0] != '.' &&
	    span_find(name, '/') < 0;
}

int users_find(struct users *u, usec now, span name, struct user *ret)
{
	struct passwd_entry e;
	int r = is_sane(name) ? passwd_find(u->db, now, name, &e) : PASSWD_NONE;

	if (r < 0)
		return r;
	if (r == PASSWD_NONE)
		return USERS_UNKNOWN;
	*ret = (struct user){ e.uid, e.gid, e.home };
	return USERS_OK;
}
