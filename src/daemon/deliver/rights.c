/* SPDX-License-Identifier: ISC */
/*
 * The C library would change all threads; a bare system call changes only the
 * one that calls.
 */
#include "daemon/deliver/rights.h"

#include <linux/capability.h>
#include <stdint.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/error.h"

enum { NOBODY = -1 };

/* Who we are, as the kernel told: most of the time it need not be asked. */
static struct {
	bool known;
	uid_t uid;
	gid_t gid;
} acting;

/* These calls do not say whether they worked; an impossible id asks. */
static int set_uid(uid_t uid)
{
	(void)setfsuid(uid);
	return (uid_t)setfsuid((uid_t)NOBODY) == uid ? 0 : -EPERM;
}

static int set_gid(gid_t gid)
{
	(void)setfsgid(gid);
	return (gid_t)setfsgid((gid_t)NOBODY) == gid ? 0 : -EPERM;
}

/*
 * To take a gid and groups needs CAP_SETGID, which stays whatever the uid. The
 * uid comes last: with root's it takes the file capabilities away.
 */
int rights_take(uid_t uid, gid_t gid)
{
	int r;

	if (acting.known && acting.uid == uid && acting.gid == gid)
		return 0;
	if (geteuid() != 0)
		return uid == geteuid() ? 0 : -EPERM;
	acting.known = false;
	r = os_error((int)syscall(SYS_setgroups, (size_t)1, &gid));
	if (r == 0)
		r = set_gid(gid);
	if (r == 0)
		r = set_uid(uid);
	acting.known = r == 0;
	acting.uid = uid;
	acting.gid = gid;
	return r;
}

int rights_return(void)
{
	acting.known = false;
	return geteuid() == 0 ? set_uid(0) : 0;
}

static int keep(uint64_t caps)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(data); i++)
		data[i].effective = data[i].permitted =
		    (uint32_t)(caps >> (32 * i));
	return os_error((int)syscall(SYS_capset, &header, data));
}

int rights_keep_files_only(void)
{
	return keep(1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_CHOWN |
	    1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH |
	    1U << CAP_FOWNER);
}

int rights_keep_acting(void)
{
	return keep(1U << CAP_SETUID | 1U << CAP_SETGID);
}

int rights_keep_none(void)
{
	return keep(0);
}
