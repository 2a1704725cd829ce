/* SPDX-License-Identifier: ISC */
#include "os/priv.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/error.h"

enum { NAME_LIMIT = 256, ENTRY_LIMIT = 64 * 1024 };

/*
 * Looking up
 */

static int add_groups(const struct passwd *pw, struct priv_user *u)
{
	int n = PRIV_MAX_GROUPS;

	/* A user with more groups than that goes without the others. */
	if (getgrouplist(pw->pw_name, pw->pw_gid, u->groups, &n) < 0)
		n = PRIV_MAX_GROUPS;
	u->ngroups = (size_t)n;
	return PRIV_OK;
}

/* One of the two; the answer is in `room`. */
static int find_entry(const char *name, uid_t uid, struct buf *room,
    struct passwd *pw, struct passwd **ret_found)
{
	int r;

	for (size_t size = 1024;; size *= 2) {
		buf_clear(room);
		if (!buf_room(room, size))
			return -ERANGE;
		r = name ? getpwnam_r(name, pw, room->data, size, ret_found)
		         : getpwuid_r(uid, pw, room->data, size, ret_found);
		if (r != ERANGE)
			break;
	}
	/* Some say "not found" this way. */
	if (r == ENOENT || r == ESRCH || r == EBADF || r == EPERM)
		r = 0;
	return -r;
}

static int find_by_name(const char *name, struct priv_user *ret)
{
	struct buf room = BUF_INIT(ENTRY_LIMIT);
	struct passwd pw;
	struct passwd *found = NULL;
	int r = find_entry(name, 0, &room, &pw, &found);

	if (r == 0 && !found)
		r = PRIV_NO_USER;
	if (r == 0) {
		*ret = (struct priv_user){ .uid = pw.pw_uid, .gid = pw.pw_gid };
		r = add_groups(&pw, ret);
	}
	buf_done(&room);
	return r;
}

static int find_by_uid(uid_t uid, struct priv_user *ret)
{
	struct buf room = BUF_INIT(ENTRY_LIMIT);
	struct passwd pw;
	struct passwd *found = NULL;
	int r = find_entry(NULL, uid, &room, &pw, &found);

	*ret = (struct priv_user){ .uid = uid, .gid = uid };
	if (r == 0 && found) {
		ret->gid = pw.pw_gid;
		r = add_groups(&pw, ret);
	}
	buf_done(&room);
	return r;
}

int priv_find_user(span name, struct priv_user *ret)
{
	char text[NAME_LIMIT];
	uint32_t uid;

	if (!name.len || name.len >= sizeof(text) || span_find(name, '\0') >= 0)
		return PRIV_NO_USER;
	/* (uid_t)-1 means "leave as it is" to the kernel. */
	if (span_to_u32(name, &uid))
		return uid == UINT32_MAX ? PRIV_NO_USER : find_by_uid(uid, ret);
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	return find_by_name(text, ret);
}

/*
 * Dropping
 */

static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(data); i++)
		if (data[i].effective | data[i].permitted | data[i].inheritable)
			return true;
	return false;
}

static bool is_exactly(const struct priv_user *u)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) < 0)
		return false;
	for (size_t i = 0; i < 3; i++)
		if (uid[i] != u->uid || gid[i] != u->gid)
			return false;
	return true;
}

static void assert_no_way_back(const struct priv_user *u)
{
	if (!is_exactly(u))
		bug("priv_drop: uid or gid did not change");
	if (u->uid == 0)
		return;
	if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0)
		bug("priv_drop: root came back");
	if (u->gid != 0 && (setgid(0) == 0 || setegid(0) == 0))
		bug("priv_drop: group root came back");
	if (has_capabilities())
		bug("priv_drop: capabilities are left");
}

int priv_drop(const struct priv_user *u)
{
	bool alone = u->ngroups == 0;

	/* Not root: there is nothing to drop, and no way to another user. */
	if (geteuid() != 0)
		return u->uid == geteuid() && u->uid == getuid() ? 0 : -EPERM;
	if (setgroups(alone ? 1 : u->ngroups, alone ? &u->gid : u->groups) < 0)
		return -errno;
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		return -errno;
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		return -errno;
	assert_no_way_back(u);
	return 0;
}

int priv_no_new(void)
{
	return os_error(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L));
}

int priv_no_dump(void)
{
	(void)priv_limit(RLIMIT_CORE, 0);
	return os_error(prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L));
}

rlim_t priv_limit(int resource, rlim_t want)
{
	struct rlimit both = { .rlim_cur = want, .rlim_max = want };

	if (setrlimit((__rlimit_resource_t)resource, &both) == 0)
		return want;
	/* More than our hard limit, and we may not raise it. */
	if (getrlimit((__rlimit_resource_t)resource, &both) < 0)
		return 0;
	both.rlim_cur = both.rlim_max;
	(void)setrlimit((__rlimit_resource_t)resource, &both);
	return both.rlim_cur;
}
