/* SPDX-License-Identifier: ISC */
/*
 * Three sizes describe a mailbox while we hold it:
 *
 *	synced <= whole <= end
 *
 * What is before `synced` was there or is safe on the disk; up to `whole`
 * there are whole messages; from there to `end` lies the one being written.
 * A failed write cuts the file back to `whole`, a failed fsync to `synced`
 * (the kernel forgets which pages it could not write, so none of them can be
 * trusted). The note in the dotlock says `synced`, for whoever comes after a
 * killed process: he cuts off there, and the queue delivers again.
 *
 * A reader that honours none of the locks may see half a message for the
 * moment it takes to write it; that cannot be helped in this format.
 */
#include "store/mailbox.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"

static const struct mailbox_ops system_ops = {
	.write = write,
	.fsync = fsync,
	.ftruncate = ftruncate,
};

static const struct {
	span name;
	unsigned bit;
} lock_names[] = {
	{ SPAN_INIT("dotlock"), MAILBOX_DOTLOCK },
	{ SPAN_INIT("fcntl"), MAILBOX_FCNTL },
	{ SPAN_INIT("flock"), MAILBOX_FLOCK },
};

static unsigned lock_bit(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(lock_names); i++)
		if (span_eq_nocase(lock_names[i].name, name))
			return lock_names[i].bit;
	return 0;
}

bool mailbox_locks_parse(span text, unsigned *ret_locks)
{
	unsigned locks = 0;
	span word;

	while ((word = span_word(&text, ", \t\r\n")).len > 0) {
		unsigned bit = lock_bit(word);

		if (bit == 0)
			return false;
		locks |= bit;
	}
	if (locks == 0)
		return false;
	*ret_locks = locks;
	return true;
}

span mailbox_status(int error, span other)
{
	if (error == -EAGAIN || error == -ESTALE)
		return SPAN("4.2.0");
	if (error == -ENOSPC)
		return SPAN("4.3.0");
	if (error == -EDQUOT || error == -EFBIG)
		return SPAN("5.2.2");
	return other;
}

void mailbox_trouble_set(struct mailbox_trouble *t, span status, int error)
{
	t->status = status;
	t->foreign = false;
	t->special = false;
	t->error = error;
	buf_clear(&t->reason);
}

/* "what: No such file"; without an error just "what". */
static int refuse(
    struct mailbox_trouble *t, span status, const char *what, int error)
{
	mailbox_trouble_set(t, status, error);
	buf_put(&t->reason, span_str(what));
	if (error < 0)
		buf_printf(&t->reason, ": %s", strerror(-error));
	return MAILBOX_REFUSED;
}

void mailbox_init(struct mailbox *m)
{
	*m = (struct mailbox){ .fd = -1, .lock = { .fd = -1 } };
}

/* The dotlock */

/* Any address fits, so that a long name is the file system's to refuse. */
enum { LOCK_NAME_MAX = 8192 };

static const char *lock_name(const struct mailbox_spec *spec, struct buf *out)
{
	buf_put(out, span_str(spec->name));
	buf_put(out, SPAN(".lock"));
	return buf_cstr(out);
}

/* Not beside /dev/null and the like. */
static bool wants_dotlock(const struct mailbox_spec *spec)
{
	struct stat st;

	if (!(spec->locks & MAILBOX_DOTLOCK))
		return false;
	return fstatat(spec->dir, spec->name, &st, 0) < 0 ||
	    S_ISREG(st.st_mode);
}

/* No lock file can be made there: who writes to any file goes on. */
static int no_dotlock(
    const struct mailbox_spec *spec, struct mailbox_trouble *t)
{
	if (!(spec->rules & MAILBOX_ANY_FILE))
		return MAILBOX_REFUSED;
	buf_clear(&t->warning);
	buf_put(&t->warning, buf_span(&t->reason));
	return MAILBOX_OK;
}

static int claim_dotlock(struct mailbox *m, const struct mailbox_spec *spec,
    struct mailbox_trouble *t)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(LOCK_NAME_MAX);
	const struct dotlock_spec lock = {
		.dir = spec->dir,
		.name = lock_name(spec, &name),
		.maker = spec->maker,
		.stale = spec->stale,
	};
	int r = dotlock_try(&lock, &m->lock, &m->left);

	if (r == DOTLOCK_OK)
		return MAILBOX_OK;
	if (r == DOTLOCK_HELD)
		mailbox_trouble_set(t, SPAN("4.2.0"), -EEXIST);
	else
		mailbox_trouble_set(t, mailbox_status(r, spec->other), r);
	buf_printf(&t->reason, "unable to create lock file %s/%s.lock: %s",
	    spec->path, spec->name, strerror(-t->error));
	return r == DOTLOCK_HELD ? MAILBOX_LOCKED : no_dotlock(spec, t);
}

void mailbox_release(struct mailbox *m, const struct mailbox_spec *spec)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(LOCK_NAME_MAX);

	if (m->damaged)
		dotlock_abandon(&m->lock);
	else
		dotlock_drop(spec->dir, lock_name(spec, &name), &m->lock);
}

/* Opening: links and strange files can be planted by others */

static int check_links(int fd, int follow, const struct mailbox_spec *spec,
    struct mailbox_trouble *t)
{
	struct stat st;
	struct stat named;

	if (fstat(fd, &st) < 0)
		return refuse(t, spec->other, "cannot open file", -errno);
	if (st.st_nlink != 1) {
		(void)refuse(t, spec->other, "", 0);
		buf_printf(&t->reason, "file has %ju hard links",
		    (uintmax_t)st.st_nlink);
		return MAILBOX_REFUSED;
	}
	if (fstatat(spec->dir, spec->name, &named, follow) < 0)
		return refuse(
		    t, spec->other, "file status changed unexpectedly", -errno);
	if (named.st_dev != st.st_dev || named.st_ino != st.st_ino ||
	    named.st_mode != st.st_mode)
		return refuse(
		    t, spec->other, "file status changed unexpectedly", 0);
	return MAILBOX_OK;
}

/* A link that root made, where only root could make it: /dev/stdout. */
static bool may_follow(const struct mailbox_spec *spec)
{
	struct stat link;
	struct stat dir;

	return fstatat(spec->dir, spec->name, &link, AT_SYMLINK_NOFOLLOW) ==
	    0 &&
	    S_ISLNK(link.st_mode) && link.st_uid == 0 &&
	    fstat(spec->dir, &dir) == 0 && dir.st_uid == 0 &&
	    (dir.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool leads_nowhere(const struct mailbox_spec *spec)
{
	struct stat st;

	return fstatat(spec->dir, spec->name, &st, 0) < 0 && errno == ENOENT;
}

/* A descriptor or a negative errno. */
static int open_existing(const struct mailbox_spec *spec, bool *ret_followed)
{
	int flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = os_error(openat(spec->dir, spec->name, flags | O_NOFOLLOW));

	*ret_followed = fd == -ELOOP && may_follow(spec);
	if (*ret_followed)
		fd = os_error(openat(spec->dir, spec->name, flags));
	return fd;
}

static int open_new(const struct mailbox_spec *spec)
{
	return os_error(openat(spec->dir, spec->name,
	    O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

/* A new file belongs to who made it, which may be root. */
static int give_away(
    int fd, const struct mailbox_spec *spec, struct mailbox_trouble *t)
{
	if (spec->rules & MAILBOX_GIVE_AWAY &&
	    fchown(fd, spec->owner, spec->group) < 0)
		return refuse(
		    t, spec->other, "cannot change file ownership", -errno);
	return MAILBOX_OK;
}

static int claim_file(struct mailbox *m, const struct mailbox_spec *spec,
    struct mailbox_trouble *t)
{
	bool followed;

	m->fd = open_existing(spec, &followed);
	if (m->fd == -ENOENT) {
		m->fd = open_new(spec);
		if (m->fd >= 0)
			return give_away(m->fd, spec, t);
		if (m->fd != -EEXIST)
			return refuse(t, mailbox_status(m->fd, spec->other),
			    "cannot create file exclusively", m->fd);
		m->fd = open_existing(spec, &followed);
	}
	if (m->fd == -ELOOP && leads_nowhere(spec))
		m->fd = -ENOENT;
	if (m->fd == -ELOOP)
		return refuse(t, spec->other, "file is a symbolic link", 0);
	if (m->fd < 0)
		return refuse(t, mailbox_status(m->fd, spec->other),
		    "cannot open file", m->fd);
	return check_links(m->fd, followed ? 0 : AT_SYMLINK_NOFOLLOW, spec, t);
}

int mailbox_claim(struct mailbox *m, const struct mailbox_spec *spec,
    struct mailbox_trouble *t)
{
	int r = MAILBOX_OK;

	if (wants_dotlock(spec))
		r = claim_dotlock(m, spec, t);
	if (r == MAILBOX_OK)
		r = claim_file(m, spec, t);
	if (r == MAILBOX_REFUSED) {
		mailbox_close(m);
		mailbox_release(m, spec);
	}
	return r;
}

/* Locking what is open */

static int try_flock(int fd)
{
	return os_error(flock(fd, LOCK_EX | LOCK_NB));
}

static int try_fcntl(int fd)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return os_error(fcntl(fd, F_SETLK, &all));
}

static int kernel_lock(int fd, int (*try_lock)(int fd),
    const struct mailbox_spec *spec, struct mailbox_trouble *t)
{
	int r = try_lock(fd);

	if (r == 0)
		return MAILBOX_OK;
	/* Linux has both words for it. */
	if (r == -EACCES)
		r = -EAGAIN;
	(void)refuse(t, mailbox_status(r, spec->other),
	    "unable to lock for exclusive access", r);
	return r == -EAGAIN ? MAILBOX_LOCKED : MAILBOX_REFUSED;
}

static int refuse_destination(const struct mailbox_spec *spec,
    struct mailbox_trouble *t, span status, const char *what)
{
	mailbox_trouble_set(t, status, 0);
	buf_printf(&t->reason, "destination %s/%s is not %s", spec->path,
	    spec->name, what);
	return MAILBOX_REFUSED;
}

/* Some readers replace the file: the one we locked may be gone by now. */
static int check_locked(struct mailbox *m, const struct mailbox_spec *spec,
    struct mailbox_trouble *t, struct stat *st)
{
	const mode_t any_x = S_IXUSR | S_IXGRP | S_IXOTH;
	bool any_file = spec->rules & MAILBOX_ANY_FILE;

	if (fstat(m->fd, st) < 0 || (S_ISREG(st->st_mode) && st->st_nlink != 1))
		return refuse(t, SPAN("4.2.0"),
		    "target file status changed unexpectedly", 0);
	m->is_plain = S_ISREG(st->st_mode);
	if (any_file && m->is_plain && st->st_mode & any_x)
		return refuse(t, SPAN("5.7.1"), "file is executable", 0);
	if (any_file)
		return MAILBOX_OK;
	if (!m->is_plain) {
		(void)refuse_destination(
		    spec, t, spec->other, "a regular file");
		t->special = true;
		return MAILBOX_REFUSED;
	}
	if (!(spec->rules & MAILBOX_ANY_OWNER) && st->st_uid != spec->owner) {
		(void)refuse_destination(
		    spec, t, SPAN("4.2.0"), "owned by recipient");
		t->foreign = true;
		return MAILBOX_REFUSED;
	}
	return MAILBOX_OK;
}

static int refuse_damaged(const struct mailbox *m, struct mailbox_trouble *t)
{
	return refuse(t, SPAN("4.2.0"), "cannot remove an unfinished message",
	    m->damaged);
}

/* What a killed writer left. If it cannot be cut off, the note must stay. */
static int repair(
    struct mailbox *m, const struct stat *st, struct mailbox_trouble *t)
{
	m->synced = m->is_plain ? (uint64_t)st->st_size : 0;
	if (m->is_plain && m->left.found && m->left.inode == st->st_ino &&
	    m->left.size < m->synced) {
		m->damaged =
		    os_error(m->ops->ftruncate(m->fd, (off_t)m->left.size));
		if (m->damaged < 0)
			return refuse_damaged(m, t);
		m->synced = m->left.size;
	}
	m->whole = m->end = m->synced;
	return MAILBOX_OK;
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int mailbox_lock(struct mailbox *m, const struct mailbox_spec *spec,
    struct mailbox_trouble *t)
{
	struct stat st;
	int r = MAILBOX_OK;

	m->ops = spec->ops ? spec->ops : &system_ops;
	m->size_max = spec->size_max;
	if (is_regular(m->fd)) {
		if (spec->locks & MAILBOX_FLOCK)
			r = kernel_lock(m->fd, try_flock, spec, t);
		if (r == MAILBOX_OK && spec->locks & MAILBOX_FCNTL)
			r = kernel_lock(m->fd, try_fcntl, spec, t);
	}
	if (r == MAILBOX_OK)
		r = check_locked(m, spec, t, &st);
	if (r == MAILBOX_OK)
		r = repair(m, &st, t);
	if (r == MAILBOX_OK)
		dotlock_note(&m->lock, st.st_ino, m->synced);
	return r;
}

/* Writing */

void mailbox_begin(struct mailbox *m)
{
	m->error = m->damaged ? -EIO : 0;
}

void mailbox_put(struct mailbox *m, span bytes)
{
	if (m->error < 0)
		return;
	if (m->size_max > 0 && m->end + bytes.len > m->size_max) {
		m->error = -EFBIG;
		return;
	}
	while (bytes.len > 0) {
		ssize_t n = os_size(m->ops->write(m->fd, bytes.ptr, bytes.len));

		if (n == -EINTR)
			continue;
		if (n <= 0) {
			m->error = n < 0 ? (int)n : -EIO;
			return;
		}
		m->end += (uint64_t)n;
		bytes = span_from(bytes, (size_t)n);
	}
}

/* A failed write may have written something: cut in any case. */
static void cut_back(struct mailbox *m, uint64_t size)
{
	if (m->is_plain && !m->damaged)
		m->damaged = os_error(m->ops->ftruncate(m->fd, (off_t)size));
	m->whole = m->end = size;
}

void mailbox_rollback(struct mailbox *m)
{
	cut_back(m, m->whole);
}

void mailbox_undo(struct mailbox *m)
{
	if (m->end > m->synced)
		cut_back(m, m->synced);
}

static int refuse_write(struct mailbox_trouble *t, int error)
{
	return refuse(t, mailbox_status(error, SPAN("5.3.0")),
	    "error writing message", error);
}

int mailbox_commit(struct mailbox *m, struct mailbox_trouble *t)
{
	if (m->error < 0) {
		mailbox_rollback(m);
		return refuse_write(t, m->error);
	}
	m->whole = m->end;
	return MAILBOX_OK;
}

void mailbox_start(const struct mailbox *m)
{
	/* If this fails, the flush will tell. */
	if (m->is_plain && m->whole > m->synced)
		(void)sync_file_range(m->fd, (off_t)m->synced,
		    (off_t)(m->whole - m->synced), SYNC_FILE_RANGE_WRITE);
}

int mailbox_flush(const struct mailbox *m)
{
	if (!m->is_plain || m->whole == m->synced)
		return 0;
	return os_error(m->ops->fsync(m->fd));
}

int mailbox_flushed(struct mailbox *m, int result, struct mailbox_trouble *t)
{
	if (result < 0) {
		cut_back(m, m->synced);
		return refuse_write(t, result);
	}
	/*
	 * The note in the lock file has the size from before all of them, and
	 * whoever comes next cuts off there: no message since then is safe.
	 */
	if (m->damaged && m->whole > m->synced && m->lock.fd >= 0) {
		cut_back(m, m->synced);
		return refuse_damaged(m, t);
	}
	m->synced = m->whole;
	return MAILBOX_OK;
}

int mailbox_sync(struct mailbox *m, struct mailbox_trouble *t)
{
	return mailbox_flushed(m, mailbox_flush(m), t);
}

void mailbox_close(struct mailbox *m)
{
	if (m->fd >= 0)
		(void)close(m->fd);
	m->fd = -1;
}
