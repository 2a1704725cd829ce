/* SPDX-License-Identifier: ISC */
/*
 * store/file_ops.c - the real file system behind store/file_ops.h.
 *
 * An unnamed file gets its name through /proc/self/fd: linkat() with
 * AT_EMPTY_PATH needs a capability on kernels before 6.10.
 */
#include "store/file_ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int error_of(int r)
{
	return r < 0 ? -errno : r;
}

static int real_open(
    void *fs, int dir, const char *name, int flags, mode_t mode)
{
	int fd;

	(void)fs;
	if (!*name) /* an unnamed file, in the directory itself */
		name = ".";
	do
		fd = error_of(openat(dir, name, flags | O_CLOEXEC, mode));
	while (fd == -EINTR);
	return fd;
}

static int real_close(void *fs, int fd)
{
	(void)fs;
	return error_of(close(fd));
}

static ssize_t real_read(void *fs, int fd, void *to, size_t n, uint64_t at)
{
	size_t done = 0;

	(void)fs;
	while (done < n) {
		ssize_t r =
		    pread(fd, (char *)to + done, n - done, (off_t)(at + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

static int real_write(void *fs, int fd, span bytes, uint64_t at)
{
	(void)fs;
	while (bytes.len) {
		ssize_t r = pwrite(fd, bytes.ptr, bytes.len, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		/* A short write is followed by the reason for it. */
		bytes = span_from(bytes, (size_t)r);
		at += (uint64_t)r;
	}
	return 0;
}

static int real_flush(void *fs, int fd)
{
	(void)fs;
	return error_of(fdatasync(fd));
}

static int real_uncache(void *fs, int fd)
{
	(void)fs;
	return -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static int real_flush_dir(void *fs, int dir)
{
	(void)fs;
	return error_of(fsync(dir));
}

static int real_size(void *fs, int fd, uint64_t *ret)
{
	struct stat st;

	(void)fs;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = (uint64_t)st.st_size;
	return 0;
}

static int real_mkdir(void *fs, int dir, const char *name)
{
	(void)fs;
	return error_of(mkdirat(dir, name, 0700));
}

static int real_link(void *fs, int fd, int dir, const char *name)
{
	char path[64];

	(void)fs;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return error_of(linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW));
}

static int real_rename(void *fs, int dir, const char *from, const char *to)
{
	(void)fs;
	return error_of(renameat(dir, from, dir, to));
}

static int real_unlink(void *fs, int dir, const char *name)
{
	(void)fs;
	return error_of(unlinkat(dir, name, 0));
}

static int real_list(void *fs, int dir, file_name_fn *fn, void *ctx)
{
	int fd = real_open(fs, dir, ".", O_RDONLY | O_DIRECTORY, 0);
	struct dirent *entry;
	DIR *d;

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	errno = 0;
	while ((entry = readdir(d))) {
		if (entry->d_name[0] != '.' && !fn(ctx, entry->d_name))
			break;
		errno = 0;
	}
	fd = entry ? 0 : -errno;
	(void)closedir(d);
	return fd;
}

static int real_space(void *fs, int dir, uint64_t *ret)
{
	struct statvfs st;

	(void)fs;
	if (fstatvfs(dir, &st) < 0)
		return -errno;
	*ret = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

static int real_lock(void *fs, int fd, bool exclusive)
{
	(void)fs;
	return error_of(flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB));
}

static int real_random(void *fs, void *to, size_t n)
{
	ssize_t r;

	(void)fs;
	do
		r = getrandom(to, n, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return (size_t)r == n ? 0 : -EIO;
}

const struct file_ops file_ops_real = {
	.open = real_open,
	.close = real_close,
	.read = real_read,
	.write = real_write,
	.flush = real_flush,
	.uncache = real_uncache,
	.flush_dir = real_flush_dir,
	.size = real_size,
	.mkdir = real_mkdir,
	.link = real_link,
	.rename = real_rename,
	.unlink = real_unlink,
	.list = real_list,
	.space = real_space,
	.lock = real_lock,
	.random = real_random,
};
