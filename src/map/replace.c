/* SPDX-License-Identifier: ISC */
#include "map/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

enum { MAX_PATH = 4096 };

static int lock_file(int fd, enum replace_lock how)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int r;

	do
		r = os_error(how == REPLACE_FCNTL ? fcntl(fd, F_SETLKW, &lock)
		                                  : flock(fd, LOCK_EX));
	while (r == -EINTR);
	return r;
}

/* When the lock is ours another file may have taken its place. */
static int lock_old(struct replace *r, enum replace_lock lock)
{
	int flags = lock == REPLACE_FCNTL ? O_RDWR : O_RDONLY;

	for (;;) {
		struct stat mine;
		struct stat there;
		int n;

		r->old = os_error(open(r->path, flags | O_CLOEXEC | O_NOCTTY));
		if (r->old == -ENOENT) {
			r->old = -1;
			return 0;
		}
		if (r->old < 0)
			return r->old;
		n = lock == REPLACE_NO_LOCK ? 0 : lock_file(r->old, lock);
		if (n == 0)
			n = os_error(fstat(r->old, &mine));
		if (n < 0)
			return n;
		if (stat(r->path, &there) == 0 && mine.st_ino == there.st_ino &&
		    mine.st_dev == there.st_dev)
			return 0;
		fd_close(&r->old);
	}
}

int replace_begin(struct replace *r, const char *path, enum replace_lock lock)
{
	char *real = realpath(path, NULL);

	*r = (struct replace){ .path = real ? real : span_dup(span_str(path)),
		.old = -1,
		.fd = -1 };
	return lock_old(r, lock);
}

static int set_owner(const struct replace *r, mode_t mode, bool keep)
{
	struct stat new;
	struct stat old;

	if (!keep || r->old < 0)
		return os_error(fchmod(r->fd, mode));
	if (fstat(r->fd, &new) < 0 || fstat(r->old, &old) < 0)
		return -errno;
	if ((new.st_uid != old.st_uid || new.st_gid != old.st_gid) &&
	    fchown(r->fd, old.st_uid, old.st_gid) < 0)
		return -errno;
	return os_error(fchmod(r->fd, old.st_mode & 07777));
}

int replace_make(struct replace *r, mode_t mode, bool keep)
{
	struct buf name = BUF_INIT(MAX_PATH);

	buf_printf(&name, "%s.XXXXXX", r->path);
	r->temp = span_dup(buf_span(&name));
	buf_done(&name);
	r->fd = os_error(mkostemp(r->temp, O_CLOEXEC));
	if (r->fd >= 0)
		return set_owner(r, mode, keep);
	mem_free(r->temp);
	r->temp = NULL;
	return r->fd;
}

/* That a file has that name must be as durable as the file. */
static int sync_folder(const char *path)
{
	CLEANUP(fd_close) int fd = -1;
	struct buf folder = BUF_INIT(MAX_PATH);
	ssize_t slash = span_rfind(span_str(path), '/');

	buf_put(&folder,
	    slash < 0 ? SPAN(".")
	              : span_first(span_str(path), (size_t)slash + 1));
	fd = os_error(
	    open(buf_cstr(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	buf_done(&folder);
	/* A folder may be searched and written, but not read. */
	if (fd == -EACCES)
		return 0;
	return fd < 0 ? fd : os_error(fsync(fd));
}

int replace_commit(struct replace *r)
{
	int n = os_error(fsync(r->fd));

	if (n == 0)
		n = os_error(rename(r->temp, r->path));
	if (n < 0)
		return n;
	mem_free(r->temp);
	r->temp = NULL;
	return sync_folder(r->path);
}

void replace_done(struct replace *r)
{
	if (r->temp)
		(void)unlink(r->temp);
	mem_free(r->temp);
	mem_free(r->path);
	r->temp = NULL;
	r->path = NULL;
	fd_close(&r->fd);
	fd_close(&r->old);
}
