/* SPDX-License-Identifier: ISC */
/*
 * A mailbox is locked in the order of store/mailbox.c: NAME.lock, flock,
 * fcntl. In the spool directory of Debian users may not make files; there the
 * kernel's locks must do, and all who deliver take them, too.
 *
 * The fcntl lock is one of the open file, not of the process (F_OFD_SETLK):
 * others see no difference, but it does not go away when this process closes
 * the same file elsewhere.
 */
#include "store/folder_internal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"

enum { LOCK_NAME_MAX = 8192 };

#define WAIT_DEFAULT  (20 * USEC_SEC)
#define STALE_DEFAULT (500 * USEC_SEC)
#define WAIT_SHARED   (5 * USEC_SEC)

static int kernel_lock(int fd, int flock_how, short fcntl_how)
{
	struct flock all = { .l_type = fcntl_how, .l_whence = SEEK_SET };
	int r = os_error(flock(fd, flock_how | LOCK_NB));

	if (r < 0)
		return r;
	r = os_error(fcntl(fd, F_OFD_SETLK, &all));
	return r == -EACCES ? -EAGAIN : r;
}

static void kernel_unlock(int fd)
{
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	(void)fcntl(fd, F_OFD_SETLK, &all);
	(void)flock(fd, LOCK_UN);
}

bool folder_wait(const struct folder_spec *spec, usec since, unsigned round)
{
	usec limit = spec->lock_wait ? spec->lock_wait : WAIT_DEFAULT;
	usec pause = MIN((usec)round + 1, (usec)10) * 25 * USEC_MSEC;
	struct timespec time = { .tv_nsec = (long)(pause * 1000) };

	if (clock_monotonic() - since >= limit)
		return false;
	if (spec->interrupted && spec->interrupted(spec->ctx))
		return false;
	(void)nanosleep(&time, NULL);
	return !spec->interrupted || !spec->interrupted(spec->ctx);
}

void folder_lock_shared(const struct folder *f, int fd)
{
	struct folder_spec spec = f->spec;
	usec since = clock_monotonic();

	if (spec.lock_wait == 0 || spec.lock_wait > WAIT_SHARED)
		spec.lock_wait = WAIT_SHARED;
	for (unsigned i = 0;; i++) {
		int r = kernel_lock(fd, LOCK_SH, F_RDLCK);

		if (r == 0)
			return;
		kernel_unlock(fd);
		if (r != -EAGAIN || !folder_wait(&spec, since, i))
			return;
	}
}

void folder_unlock_shared(int fd)
{
	kernel_unlock(fd);
}

usec folder_lock_stale(const struct folder_spec *spec)
{
	return spec->lock_stale ? spec->lock_stale : STALE_DEFAULT;
}

static const char *lock_name(const struct folder *f, struct buf *out)
{
	buf_put(out, span_str(f->place.name));
	buf_put(out, SPAN(".lock"));
	return buf_cstr(out);
}

/* Nobody can make one here: the kernel's locks must do. */
static bool is_no_place(int r)
{
	return r == -EACCES || r == -EPERM || r == -EROFS ||
	    r == -ENAMETOOLONG || r == -ENOSPC || r == -EDQUOT;
}

static int take_dotlock(
    const struct folder *f, struct folder_lock *l, struct dotlock_left *left)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(LOCK_NAME_MAX);
	const struct dotlock_spec spec = {
		.dir = f->place.dir,
		.name = lock_name(f, &name),
		.maker = geteuid(),
		.stale = folder_lock_stale(&f->spec),
	};
	int r = dotlock_try(&spec, &l->dot, left);

	if (r == DOTLOCK_HELD)
		return -EAGAIN;
	return is_no_place(r) ? 0 : r;
}

/* Somebody may have put another file there before we had the lock. */
static int check_name(const struct folder *f, struct folder_lock *l)
{
	struct stat named;

	if (fstat(l->fd, &l->st) < 0)
		return -errno;
	if (fstatat(f->place.dir, f->place.name, &named, AT_SYMLINK_NOFOLLOW) <
	    0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (named.st_ino != l->st.st_ino || named.st_dev != l->st.st_dev)
		return -EAGAIN;
	return 0;
}

/*
 * Root must not write to what a user put in the way of it: a second name of
 * somebody else's file, where others may make names.
 */
static int check_file(const struct folder *f, const struct folder_lock *l)
{
	struct stat dir;

	if (!S_ISREG(l->st.st_mode))
		return -EINVAL;
	if (geteuid() != 0 || l->st.st_nlink == 1)
		return 0;
	if (fstat(f->place.dir, &dir) < 0)
		return -errno;
	return dir.st_uid != 0 || dir.st_mode & (S_IWGRP | S_IWOTH) ? -EMLINK
	                                                            : 0;
}

/* A delivery that was killed left half a message. */
static int repair(const struct folder *f, struct folder_lock *l,
    const struct dotlock_left *left)
{
	int r;

	if (!left->found || left->inode != l->st.st_ino ||
	    left->size >= (uint64_t)l->st.st_size)
		return 0;
	r = os_error(f->ops->ftruncate(l->fd, (off_t)left->size));
	if (r == 0 && fstat(l->fd, &l->st) < 0)
		r = -errno;
	return r;
}

static int try_once(struct folder *f, struct folder_lock *l)
{
	struct dotlock_left left = { .found = false };
	int r = take_dotlock(f, l, &left);

	if (r < 0)
		return r;
	l->fd = os_error(openat(f->place.dir, f->place.name,
	    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
	r = l->fd < 0 ? l->fd : kernel_lock(l->fd, LOCK_EX, F_WRLCK);
	if (r == 0)
		r = check_name(f, l);
	if (r == 0)
		r = check_file(f, l);
	if (r == 0)
		r = repair(f, l, &left);
	return r;
}

bool folder_lock_has_dotlock(const struct folder_lock *l)
{
	return l->dot.fd >= 0;
}

void folder_lock_drop(struct folder *f, struct folder_lock *l)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(LOCK_NAME_MAX);

	fd_close(&l->fd);
	dotlock_drop(f->place.dir, lock_name(f, &name), &l->dot);
}

int folder_lock_take(
    struct folder *f, struct folder_lock *l, struct folder_trouble *t)
{
	usec since = clock_monotonic();
	int r;

	for (unsigned i = 0;; i++) {
		*l = (struct folder_lock){ .dot = { .fd = -1 }, .fd = -1 };
		r = try_once(f, l);
		if (r == 0)
			return 0;
		folder_lock_drop(f, l);
		if (r != -EAGAIN || !folder_wait(&f->spec, since, i))
			break;
	}
	return folder_fail(t, r, f->path,
	    r == -EAGAIN ? "somebody else has locked the mailbox" : "");
}
