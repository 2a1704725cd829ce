/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/command_user.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

enum { GROUP_ROOM = 64 * 1024 };

static bool is_number(span name)
{
	uint64_t n;

	return span_to_u64(name, &n);
}

/* 0, 1: there is none, or a negative errno. */
static int find_group(span name, gid_t *ret)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(1024);
	CLEANUP(buf_done) struct buf room = BUF_INIT(GROUP_ROOM);
	struct group *found = NULL;
	struct group gr;
	int r;

	buf_put(&text, name);
	r = getgrnam_r(buf_cstr(&text), &gr, buf_room(&room, GROUP_ROOM),
	    GROUP_ROOM, &found);
	if (found)
		*ret = gr.gr_gid;
	return found ? 0 : r ? -r : 1;
}

static bool fail(struct buf *error, const char *what, span name)
{
	buf_printf(error, "%s: %.*s", what, PRI(name));
	return false;
}

/* A number is no name, as in Postfix: root may have another one. */
static bool find(
    span user, span group, struct priv_user *ret, struct buf *error)
{
	int r = is_number(user) ? PRIV_NO_USER : priv_find_user(user, ret);

	if (r != PRIV_OK)
		return fail(
		    error, r < 0 ? strerror(-r) : "unknown username", user);
	/* With this group, or his, and with no other one. */
	ret->ngroups = 0;
	if (group.len == 0)
		return true;
	r = find_group(group, &ret->gid);
	return r == 0 ||
	    fail(error, r < 0 ? strerror(-r) : "unknown group", group);
}

/* Who may write what we believe. */
static bool is_ours(
    struct conf *conf, const struct priv_user *user, struct buf *error)
{
	static const span owners[] = { SPAN_INIT("mail_owner"),
		SPAN_INIT("queue_owner") };
	span group = conf_value(conf, CONF_MAIN, SPAN("setgid_group"));
	struct priv_user owner;
	gid_t gid = 0;

	for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
		span name = conf_value(conf, CONF_MAIN, owners[i]);

		if (priv_find_user(name, &owner) != PRIV_OK)
			continue;
		if (user->uid == owner.uid)
			buf_printf(error,
			    "user= command-line attribute specifies mail "
			    "system owner %.*s",
			    PRI(name));
		else if (user->gid == owner.gid)
			buf_printf(error,
			    "user= command-line attribute specifies mail "
			    "system owner %.*s group id %u",
			    PRI(name), (unsigned)user->gid);
		else
			continue;
		return true;
	}
	if (find_group(group, &gid) != 0 || user->gid != gid)
		return false;
	buf_printf(error,
	    "user= command-line attribute specifies mail system %.*s group "
	    "id %u",
	    PRI(group), (unsigned)gid);
	return true;
}

bool command_user_find(struct conf *conf, span user, span group,
    struct priv_user *ret, struct buf *error)
{
	if (!find(user, group, ret, error))
		return false;
	if (geteuid() != 0)
		return true;
	if (ret->uid == 0 || ret->gid == 0) {
		buf_printf(error, "user= command-line attribute specifies %s",
		    ret->uid == 0 ? "root privileges"
		                  : "privileged group id 0");
		return false;
	}
	return !is_ours(conf, ret, error);
}
