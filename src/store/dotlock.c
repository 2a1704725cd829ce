/* SPDX-License-Identifier: ISC */
#include "store/dotlock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/clock.h"
#include "os/error.h"

/* "chasqui" and two numbers of twenty digits, with blanks and a newline. */
enum { NOTE_MAX = 64 };

#define MARK "chasqui"

/* A part of a note is none: its line has no end. */
static void write_note(int fd, span text)
{
	ssize_t n = pwrite(fd, text.ptr, text.len, 0);

	if (n > 0 && (size_t)n != text.len)
		(void)!ftruncate(fd, 0);
}

/*
 * Another process of ours may be looking into the new file just now, and
 * lock it for that moment, so this waits; it sees an empty file and leaves.
 */
static int hold(int fd)
{
	int r = os_error(flock(fd, LOCK_EX));

	if (r == 0)
		write_note(fd, SPAN(MARK "\n"));
	return r;
}

static bool parse_note(span text, struct dotlock_left *left)
{
	ssize_t end = span_find(text, '\n');
	span line;

	if (end < 0)
		return false;
	line = span_first(text, (size_t)end);
	if (!span_eq(span_cut(&line, ' '), SPAN(MARK)))
		return false;
	left->found = span_to_u64(span_cut(&line, ' '), &left->inode) &&
	    span_to_u64(line, &left->size);
	return true;
}

/*
 * Only a file that we could have made is believed: in a directory where
 * others may write, anybody could put one there that asks us to cut off a
 * mailbox.
 */
static bool is_ours(int fd, const struct dotlock_spec *spec)
{
	struct stat open_file;
	struct stat named;

	return fstat(fd, &open_file) == 0 && S_ISREG(open_file.st_mode) &&
	    open_file.st_nlink == 1 && open_file.st_uid == spec->maker &&
	    fstatat(spec->dir, spec->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    named.st_dev == open_file.st_dev &&
	    named.st_ino == open_file.st_ino;
}

/* DOTLOCK_OK if the file is ours and its holder is dead: now we hold it. */
static int take_over(const struct dotlock_spec *spec, struct dotlock *ret_lock,
    struct dotlock_left *ret_left)
{
	char text[NOTE_MAX];
	ssize_t n;
	int fd = openat(spec->dir, spec->name,
	    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return DOTLOCK_HELD;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_ours(fd, spec)) {
		n = pread(fd, text, sizeof(text), 0);
		if (n > 0 && parse_note(span_of(text, n), ret_left)) {
			ret_lock->fd = fd;
			return DOTLOCK_OK;
		}
	}
	(void)close(fd);
	return DOTLOCK_HELD;
}

/* DOTLOCK_HELD, or why a lock that is too old cannot be removed. */
static int remove_stale(const struct dotlock_spec *spec)
{
	struct stat st;
	int r;

	if (fstatat(spec->dir, spec->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DOTLOCK_HELD;
	if (clock_wall() <= (usec)st.st_ctime * USEC_SEC + spec->stale)
		return DOTLOCK_HELD;
	r = os_error(unlinkat(spec->dir, spec->name, 0));
	return r < 0 && r != -ENOENT ? r : DOTLOCK_HELD;
}

/*
 * A file that has its mark and its kernel lock before it has its name: who
 * is killed in between leaves nothing. -EOPNOTSUPP where that cannot be had.
 */
static int create_whole(int dir, const char *name)
{
	char path[32];
	int fd =
	    os_error(openat(dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
	int r;

	if (fd < 0)
		return -EOPNOTSUPP;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = hold(fd);
	if (r == 0)
		r = os_error(
		    linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW));
	if (r == 0)
		return fd;
	(void)close(fd);
	return r == -EEXIST ? r : -EOPNOTSUPP;
}

/* Killed between the first two calls, this leaves an empty lock file, which
 * is believed until it is too old. */
static int create_named(int dir, const char *name)
{
	struct dotlock lock = {
		.fd = os_error(openat(
		    dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)),
	};
	int r = lock.fd < 0 ? lock.fd : hold(lock.fd);

	if (lock.fd >= 0 && r < 0)
		dotlock_drop(dir, name, &lock);
	return r < 0 ? r : lock.fd;
}

int dotlock_try(const struct dotlock_spec *spec, struct dotlock *ret_lock,
    struct dotlock_left *ret_left)
{
	int fd = create_whole(spec->dir, spec->name);
	int r;

	*ret_left = (struct dotlock_left){ .found = false };
	if (fd == -EOPNOTSUPP)
		fd = create_named(spec->dir, spec->name);
	if (fd == -EEXIST) {
		r = take_over(spec, ret_lock, ret_left);
		return r == DOTLOCK_OK ? r : remove_stale(spec);
	}
	if (fd < 0)
		return fd;
	ret_lock->fd = fd;
	return DOTLOCK_OK;
}

void dotlock_note(const struct dotlock *lock, uint64_t inode, uint64_t size)
{
	char text[NOTE_MAX];
	int n;

	if (lock->fd < 0)
		return;
	/* Of one length, so that a later note covers an earlier one. */
	n = snprintf(text, sizeof(text), MARK " %020ju %020ju\n",
	    (uintmax_t)inode, (uintmax_t)size);
	write_note(lock->fd, span_of(text, (size_t)n));
}

void dotlock_drop(int dir, const char *name, struct dotlock *lock)
{
	if (lock->fd < 0)
		return;
	(void)unlinkat(dir, name, 0);
	dotlock_abandon(lock);
}

void dotlock_abandon(struct dotlock *lock)
{
	if (lock->fd >= 0)
		(void)close(lock->fd);
	lock->fd = -1;
}
