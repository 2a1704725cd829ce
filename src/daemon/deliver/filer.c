/* SPDX-License-Identifier: ISC */
/*
 * A filer acts as many users, and users say where their Maildirs are: each one
 * is looked for as its user, and all that is let in is a tmp/ and a new/ that
 * are his own directories, no links. So whatever he puts in their place, before
 * or after, there is nothing in them that is not his.
 *
 * A Maildir on a file system that may hang (another machine's, or a user's own
 * program) would hang everybody's mail: it is left to his worker.
 */
#include "daemon/deliver/filer.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "daemon/deliver/rights.h"
#include "os/error.h"
#include "os/file.h"
#include "os/priv.h"
#include "os/sandbox.h"

enum {
	PATH_LONGEST = 8192,
	/* Of the messages in work, and what we have anyway. */
	FILES = 2048,
	DIRS = 2 * WORK_MAX_MAILDIRS,
};

static bool is_local(int fd)
{
	static const unsigned long local[] = {
		EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
		F2FS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC,
		0x2fc12fc1, /* zfs */
		0xca451a4e, /* bcachefs */
	};
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(local); i++)
		if ((unsigned long)st.f_type == local[i])
			return true;
	return false;
}

/* -1: it is not there, or not fit. */
static int open_part(int root, const char *name, uid_t owner)
{
	CLEANUP(fd_close)
	int fd =
	    openat(root, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != owner || !is_local(fd))
		return -1;
	return STEAL_FD(fd);
}

static int open_root(const struct work_maildir *m)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_LONGEST);

	if (rights_take(m->uid, m->gid) < 0)
		return -1;
	buf_put(&path, m->path);
	return open(buf_cstr(&path), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Both or none. */
static size_t let_in(const struct work_maildir *m, struct sandbox_path *out)
{
	CLEANUP(fd_close) int root = open_root(m);
	CLEANUP(fd_close) int tmp = -1;
	CLEANUP(fd_close) int new = -1;

	if (root >= 0)
		tmp = open_part(root, "tmp", m->uid);
	if (tmp >= 0)
		new = open_part(root, "new", m->uid);
	if (new < 0)
		return 0;
	out[0] = (struct sandbox_path){ STEAL_FD(tmp), SANDBOX_DRAFT };
	out[1] = (struct sandbox_path){ STEAL_FD(new), SANDBOX_FILE_IN };
	return 2;
}

int filer_enclose(const struct work_setup *setup)
{
	struct sandbox_path *dirs = mem_new(DIRS, sizeof(*dirs));
	size_t n = 0;
	int r;

	/* Those that do not fit are not let in. */
	(void)priv_limit(RLIMIT_NOFILE, DIRS + FILES);
	r = rights_keep_acting();
	for (uint32_t i = 0; i < setup->nmaildirs && r == 0; i++)
		n += let_in(&setup->maildirs[i], &dirs[n]);
	if (r == 0)
		r = sandbox_enter(
		    SANDBOX_FILES | SANDBOX_THREADS | SANDBOX_FSUID, dirs, n);
	for (size_t i = 0; i < n; i++)
		fd_close(&dirs[i].fd);
	mem_free(dirs);
	return r;
}
