/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/prepend.c - messages in front of those that an mbox has.
 *
 * That is what becomes of read mail without the variable append. While the
 * mbox is locked a new file is made beside it, with the new messages and then
 * all its bytes; it takes the place of the mbox when it is on stable storage.
 * Whoever is killed leaves the old mbox or the new one.
 */
#include "tool/mail/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"
#include "store/dotlock.h"
#include "tool/mail/term.h"

enum { PIECE = 64 << 10, PATH_LIMIT = 2 * PATH_MAX };

#define PATIENCE (20 * USEC_SEC)
#define STALE    (500 * USEC_SEC)

struct prepending {
	int dir;          /* of the mbox */
	const char *name; /* in it */
	int mbox;
	int fresh;
	struct buf fresh_path;
	struct buf lock_name;
	struct dotlock lock;
	struct dotlock_left left; /* by a delivery that was killed */
};

static bool wait_until(usec end)
{
	static const struct timespec moment = { .tv_nsec = 100000000 };

	if (term_interrupted() || clock_monotonic() > end)
		return false;
	(void)nanosleep(&moment, NULL);
	return true;
}

static int lock_beside(struct prepending *p, usec end)
{
	const struct dotlock_spec spec = { .dir = p->dir,
		.name = buf_cstr(&p->lock_name),
		.maker = geteuid(),
		.stale = STALE };
	int r;

	do {
		r = dotlock_try(&spec, &p->lock, &p->left);
		if (r != DOTLOCK_HELD)
			return r;
	} while (wait_until(end));
	return -EAGAIN;
}

static int lock_file(struct prepending *p, usec end)
{
	struct flock whole = { .l_type = F_WRLCK };
	int r;

	do {
		r = os_error(fcntl(p->mbox, F_SETLK, &whole));
		if (r != -EAGAIN && r != -EACCES)
			return r;
	} while (wait_until(end));
	return -EAGAIN;
}

/* Where the mbox ends: half a message that a killed delivery left is none. */
static int find_end(const struct prepending *p, uint64_t *ret)
{
	struct stat st;

	if (fstat(p->mbox, &st) < 0)
		return -errno;
	*ret = (uint64_t)st.st_size;
	if (p->left.found && p->left.inode == st.st_ino)
		*ret = MIN(*ret, p->left.size);
	return os_error(fchmod(p->fresh, st.st_mode & 0777));
}

static int copy_bytes(struct prepending *p)
{
	char piece[PIECE];
	uint64_t left = 0;
	int r = find_end(p, &left);

	while (r == 0 && left > 0) {
		ssize_t n =
		    os_size(read(p->mbox, piece, MIN(left, sizeof(piece))));

		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		left -= (uint64_t)n;
		r = file_write_all(p->fresh, span_of(piece, (size_t)n));
	}
	return r;
}

static int open_both(struct prepending *p)
{
	p->fresh = os_error(open(buf_cstr(&p->fresh_path),
	    O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
	if (p->fresh < 0)
		return p->fresh;
	p->mbox =
	    os_error(openat(p->dir, p->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
	return MIN(p->mbox, 0);
}

static int replace(struct prepending *p)
{
	const char *fresh = buf_cstr(&p->fresh_path);
	int r = open_both(p);

	if (r == 0)
		r = lock_file(p, clock_monotonic() + PATIENCE);
	if (r == 0)
		r = copy_bytes(p);
	if (r == 0)
		r = os_error(fsync(p->fresh));
	if (r == 0)
		r = os_error(renameat(AT_FDCWD, fresh, p->dir, p->name));
	if (r == 0)
		r = os_error(fsync(p->dir));
	return r;
}

/* `path` without links; cut into directory and name. */
static int open_places(struct prepending *p, char *path)
{
	char *slash = strrchr(path, '/');

	p->name = slash + 1;
	*slash = '\0';
	p->dir = os_error(
	    open(*path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	*slash = '/';
	buf_printf(&p->lock_name, "%s.lock", p->name);
	buf_printf(&p->fresh_path, "%s.fresh", path);
	return MIN(p->dir, 0);
}

static int say(struct mua *m, const char *path, int r)
{
	if (r < 0)
		mua_error(m, "%s: %s", path, strerror(-r));
	return r < 0;
}

/* The mbox is locked. */
static int put_in_front(
    struct mua *m, struct prepending *p, const struct copying *c)
{
	struct copying first = *c;
	int failed;

	first.path = buf_cstr(&p->fresh_path);
	/* One of an earlier time, which was killed. */
	if (unlink(first.path) < 0 && errno != ENOENT)
		return say(m, first.path, -errno);
	failed = copy_messages(m, &first) || say(m, p->name, replace(p));
	if (failed)
		(void)unlink(first.path);
	return failed;
}

int prepend_messages(struct mua *m, struct copying *c)
{
	struct prepending p = { .dir = -1,
		.mbox = -1,
		.fresh = -1,
		.fresh_path = BUF_INIT(PATH_LIMIT),
		.lock_name = BUF_INIT(PATH_LIMIT),
		.lock = { .fd = -1 } };
	char path[PATH_MAX];
	struct stat st;
	int r;

	if (!realpath(c->path, path) || stat(path, &st) < 0 ||
	    !S_ISREG(st.st_mode) || st.st_size == 0)
		return copy_messages(m, c);
	r = open_places(&p, path);
	if (r == 0)
		r = lock_beside(&p, clock_monotonic() + PATIENCE);
	r = r < 0 ? say(m, path, r) : put_in_front(m, &p, c);
	if (p.lock.fd >= 0)
		dotlock_drop(p.dir, buf_cstr(&p.lock_name), &p.lock);
	fd_close(&p.fresh);
	fd_close(&p.mbox);
	fd_close(&p.dir);
	buf_done(&p.fresh_path);
	buf_done(&p.lock_name);
	return r;
}
