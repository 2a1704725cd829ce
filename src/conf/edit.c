/* SPDX-License-Identifier: ISC */
/*
 * conf/edit.c - replacing a file under a lock.
 *
 * The name of the temporary file is always the same, so a crash leaves one
 * at most, and the next edit uses it again. Who gets the lock may find that
 * the file was renamed or removed while he waited: then he tries again.
 */
#include "conf/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/error.h"
#include "os/file.h"

/* Nobody else may read it, or lock it to annoy us, before it is complete. */
enum { TMP_MODE = S_IRUSR | S_IWUSR };

static char *joined(const char *a, const char *b)
{
	size_t n = strlen(a) + strlen(b) + 1;
	char *all = mem_new(n, 1);

	(void)snprintf(all, n, "%s%s", a, b);
	return all;
}

static int lock(int fd)
{
	int r;

	do
		r = os_error(flock(fd, LOCK_EX));
	while (r == -EINTR);
	return r;
}

enum { TMP_OURS, TMP_AGAIN };

/* Whether the name still stands for what we have locked, and only for it. */
static int inspect(const struct conf_edit *e)
{
	struct stat mine;
	struct stat named;

	if (fstat(e->fd, &mine) < 0)
		return -errno;
	if (lstat(e->tmp, &named) < 0 || mine.st_dev != named.st_dev ||
	    mine.st_ino != named.st_ino)
		return TMP_AGAIN;
	if (S_ISREG(mine.st_mode) && mine.st_nlink == 1 &&
	    (mine.st_mode & 07777) == TMP_MODE)
		return TMP_OURS;
	/* Left behind by a crash, perhaps as a second name of the file. */
	if (unlink(e->tmp) < 0 && errno != ENOENT)
		return -errno;
	return TMP_AGAIN;
}

static int open_tmp(struct conf_edit *e)
{
	int r;

	do {
		fd_close(&e->fd);
		e->fd = open(e->tmp,
		    O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, TMP_MODE);
		if (e->fd < 0)
			return -errno;
		r = lock(e->fd);
		if (r == 0)
			r = inspect(e);
	} while (r == TMP_AGAIN);
	return r;
}

int conf_edit_open(struct conf_edit *e, const char *path)
{
	char real[PATH_MAX];
	int r;

	e->path = joined(realpath(path, real) ? real : path, "");
	e->tmp = joined(e->path, ".tmp");
	r = open_tmp(e);
	if (r == 0)
		r = os_error(ftruncate(e->fd, 0));
	return r;
}

/* Who may not give files away keeps what he writes. */
static int keep_owner(int fd, const struct stat *old)
{
	if (fchown(fd, old->st_uid, old->st_gid) < 0 && errno != EPERM)
		return -errno;
	return 0;
}

static int sync_folder(const char *path)
{
	CLEANUP(fd_close) int fd = -1;
	char copy[PATH_MAX];

	(void)snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : os_error(fsync(fd));
}

int conf_edit_commit(struct conf_edit *e, span text)
{
	struct stat old;
	int r;

	if (stat(e->path, &old) < 0)
		return -errno;
	r = file_write_all(e->fd, text);
	if (r == 0)
		r = keep_owner(e->fd, &old);
	/* After the owner: a change of owner takes bits away. */
	if (r == 0)
		r = os_error(fchmod(e->fd, old.st_mode & 07777));
	if (r == 0)
		r = os_error(fsync(e->fd));
	if (r == 0)
		r = os_error(rename(e->tmp, e->path));
	if (r < 0)
		return r;
	fd_close(&e->fd);
	return sync_folder(e->path);
}

void conf_edit_done(struct conf_edit *e)
{
	/* While we hold the lock it is ours. */
	if (e->fd >= 0)
		(void)unlink(e->tmp);
	fd_close(&e->fd);
	mem_free(e->path);
	mem_free(e->tmp);
	e->path = NULL;
	e->tmp = NULL;
}
