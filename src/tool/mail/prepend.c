/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/prepend.c - messages in front of those that an mbox has.
 *
 * That is what becomes of read mail without the variable append. A new file
 * is made beside the mbox, first with the new messages, then, while the mbox
 * is locked, with all its bytes; it takes the place of the mbox when it is on
 * stable storage. Whoever is killed leaves the old mbox or the new one.
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
	struct buf lock_name;
	struct dotlock lock;
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
	struct dotlock_left left;
	int r;

	do {
		r = dotlock_try(&spec, &p->lock, &left);
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

static int copy_bytes(struct prepending *p)
{
	char piece[PIECE];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(p->mbox, piece, sizeof(piece))) != 0)
		r = n < 0 ? -errno
		          : file_write_all(p->fresh, span_of(piece, (size_t)n));
	return r;
}

static int replace(struct prepending *p, const char *fresh)
{
	usec end = clock_monotonic() + PATIENCE;
	int r = lock_beside(p, end);

	if (r == 0)
		p->mbox = os_error(
		    openat(p->dir, p->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
	if (r == 0 && p->mbox < 0)
		r = p->mbox;
	if (r == 0)
		r = lock_file(p, end);
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
static int open_places(struct prepending *p, char *path, const char *fresh)
{
	char *slash = strrchr(path, '/');

	p->name = slash + 1;
	*slash = '\0';
	p->dir = os_error(
	    open(*path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	*slash = '/';
	if (p->dir < 0)
		return p->dir;
	buf_printf(&p->lock_name, "%s.lock", p->name);
	p->fresh =
	    os_error(open(fresh, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
	return p->fresh < 0 ? p->fresh : 0;
}

static int put_in_front(struct mua *m, char *path, const char *fresh)
{
	struct prepending p = { .dir = -1,
		.mbox = -1,
		.fresh = -1,
		.lock_name = BUF_INIT(PATH_LIMIT),
		.lock = { .fd = -1 } };
	int r = open_places(&p, path, fresh);

	if (r == 0)
		r = replace(&p, fresh);
	if (r < 0) {
		mua_error(m, "%s: %s", path, strerror(-r));
		(void)unlink(fresh);
	}
	if (p.lock.fd >= 0)
		dotlock_drop(p.dir, buf_cstr(&p.lock_name), &p.lock);
	fd_close(&p.fresh);
	fd_close(&p.mbox);
	fd_close(&p.dir);
	buf_done(&p.lock_name);
	return r < 0;
}

int prepend_messages(struct mua *m, struct copying *c)
{
	CLEANUP(buf_done) struct buf fresh = BUF_INIT(PATH_LIMIT);
	struct copying first = *c;
	char path[PATH_MAX];
	struct stat st;

	if (!realpath(c->path, path) || stat(path, &st) < 0 ||
	    !S_ISREG(st.st_mode) || st.st_size == 0)
		return copy_messages(m, c);
	buf_printf(&fresh, "%s.fresh", path);
	first.path = buf_cstr(&fresh);
	/* One of an earlier time, which was killed. */
	if (unlink(first.path) < 0 && errno != ENOENT) {
		mua_error(m, "%s: %s", first.path, strerror(errno));
		return 1;
	}
	if (copy_messages(m, &first))
		return 1;
	return put_in_front(m, path, first.path);
}
