/* SPDX-License-Identifier: ISC */
/*
 * Committing an mbox, under the locks of folder_lock.c:
 *
 *	1. If it changed since we read it, read it anew.
 *	2. List what changes (folder_plan.h). Nothing: done.
 *	3. Write it, in the way that moves the least:
 *	   a. the end of the file goes, nothing else: cut it;
 *	   b. some bytes of one page, as many as before: write over them;
 *	   c. a whole new file beside the old one, put in its place by
 *	      rename(), where the directory may be written to and is locked
 *	      by NAME.lock;
 *	   d. from the first change to the end, with a journal
 *	      (folder_journal.h): where (c) cannot be done, and in great
 *	      mailboxes with a change near the end.
 *
 * Readers who have the old file open still read the old one after (c), and
 * see from its name that there is a new one.
 */
#include "store/folder_journal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

enum {
	NAME_LENGTH = 8192,
	XATTR_MAX = 65536,
	PAGE = 4096,
	SMALL = 1 << 20, /* replaced as a whole */
};

/* Writing */

int folder_write_piece(void *ctx, span piece)
{
	struct folder_target *out = ctx;

	while (piece.len > 0) {
		ssize_t n = os_size(out->ops->write(
		    out->fd, piece.ptr, piece.len, (off_t)out->at));

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		out->at += (uint64_t)n;
		piece = span_from(piece, (size_t)n);
	}
	return 0;
}

int folder_flush_dir(const struct folder *f, int dir)
{
	int r = os_error(f->ops->fsync(dir));

	return r == -EBADF || r == -EINVAL ? 0 : r;
}

/* A new file */

/* What cannot be set on the new file must not be lost: -EPERM then. */
static int copy_xattr(int from, int to, const char *name)
{
	char value[4096];
	ssize_t n = fgetxattr(from, name, value, sizeof(value));
	char same[4096];

	if (n < 0)
		return errno == ENODATA ? 0 : -EPERM;
	if (fsetxattr(to, name, value, (size_t)n, 0) == 0)
		return 0;
	/* The system may have set it already, and let nobody else do so. */
	if (fgetxattr(to, name, same, sizeof(same)) == n &&
	    memcmp(same, value, (size_t)n) == 0)
		return 0;
	return -EPERM;
}

static int copy_xattrs(int from, int to)
{
	char *names = mem_new(XATTR_MAX, 1);
	ssize_t n = flistxattr(from, names, XATTR_MAX);
	int r = n < 0 && errno != ENOTSUP ? -EPERM : 0;

	for (ssize_t i = 0; r == 0 && i < n;
	     i += (ssize_t)strlen(names + i) + 1)
		r = copy_xattr(from, to, names + i);
	mem_free(names);
	return r;
}

static int copy_rights(int from, int to, const struct stat *st)
{
	struct stat now;

	if (fstat(to, &now) < 0)
		return -errno;
	if ((now.st_uid != st->st_uid || now.st_gid != st->st_gid) &&
	    fchown(to, st->st_uid, st->st_gid) < 0)
		return -EPERM;
	if (fchmod(to, st->st_mode & 07777) < 0)
		return -EPERM;
	return copy_xattrs(from, to);
}

static const char *new_name(const struct folder *f, struct buf *out)
{
	buf_printf(out, ".%s.new", f->place.name);
	return buf_cstr(out);
}

/* We have NAME.lock, so whoever made it was killed. */
static void remove_leftover(const struct folder *f, const struct folder_lock *l)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(NAME_LENGTH);
	const char *name = new_name(f, &text);

	if (folder_lock_has_dotlock(l) &&
	    faccessat(f->place.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		(void)f->ops->unlink(f->place.dir, name);
}

static int fill_new(const struct folder *f, const struct folder_plan *p,
    const struct folder_lock *l, int fd)
{
	struct folder_plan whole = *p;
	struct folder_target out = { .ops = f->ops, .fd = fd };
	struct folder_edit start = { .at = 0 };
	int r = copy_rights(l->fd, fd, &l->st);

	if (r < 0)
		return r;
	/* What stands before the first edit, as an edit of nothing. */
	whole.edits = &start;
	whole.count = 1;
	whole.old_size = folder_plan_from(p);
	r = folder_plan_stream(&whole, l->fd, folder_write_piece, &out);
	if (r == 0)
		r = folder_plan_stream(p, l->fd, folder_write_piece, &out);
	return r == 0 ? os_error(f->ops->fsync(fd)) : r;
}

/* -EPERM: it cannot be made as the old one is. */
static int replace(
    struct folder *f, const struct folder_plan *p, struct folder_lock *l)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(NAME_LENGTH);
	CLEANUP(fd_close) int fd = -1;
	const char *name;
	int r;

	name = new_name(f, &text);
	r = fd = os_error(f->ops->create(f->place.dir, name));
	if (fd < 0)
		return r;
	r = fill_new(f, p, l, fd);
	if (r == 0)
		r = os_error(f->ops->rename(f->place.dir, name, f->place.name));
	if (r < 0) {
		(void)f->ops->unlink(f->place.dir, name);
		return r;
	}
	fd_close(&l->fd);
	l->fd = STEAL_FD(fd);
	return folder_flush_dir(f, f->place.dir);
}

static bool is_tail_only(const struct folder_plan *p)
{
	const struct folder_edit *e = &p->edits[0];

	return p->count == 1 && e->put == 0 && e->at + e->cut == p->old_size;
}

static int cut_tail(
    struct folder *f, const struct folder_plan *p, const struct folder_lock *l)
{
	int r = os_error(f->ops->ftruncate(l->fd, (off_t)p->new_size));

	return r < 0 ? r : os_error(f->ops->fsync(l->fd));
}

/* All of it within one page, and nothing moves. */
static bool is_patch(const struct folder_plan *p)
{
	const struct folder_edit *last = &p->edits[p->count - 1];
	char text[FOLDER_EDIT_TEXT];

	if (p->edits[0].at / PAGE != (last->at + last->cut) / PAGE)
		return false;
	for (size_t i = 0; i < p->count; i++)
		if (folder_edit_text(&p->edits[i], text) != p->edits[i].cut)
			return false;
	return true;
}

static int patch(
    struct folder *f, const struct folder_plan *p, const struct folder_lock *l)
{
	const struct folder_edit *last = &p->edits[p->count - 1];
	uint64_t from = p->edits[0].at;
	size_t n = (size_t)(last->at + last->cut - from);
	struct folder_target out = { .ops = f->ops, .fd = l->fd, .at = from };
	char bytes[PAGE + FOLDER_EDIT_TEXT];
	char text[FOLDER_EDIT_TEXT];
	int r;

	if (folder_pread(l->fd, bytes, n, from) != (ssize_t)n)
		return -ESTALE;
	for (size_t i = 0; i < p->count; i++)
		memcpy(bytes + (p->edits[i].at - from), text,
		    folder_edit_text(&p->edits[i], text));
	r = folder_write_piece(&out, span_of(bytes, n));
	return r < 0 ? r : os_error(f->ops->fsync(l->fd));
}

/* What moves less: the journal writes the end twice, and flushes often. */
static bool is_better_in_place(const struct folder_plan *p)
{
	uint64_t from = folder_plan_from(p);
	uint64_t end = MAX(p->old_size, p->new_size) - from;

	return p->old_size > SMALL && end < p->old_size / 3;
}

static bool may_replace(const struct folder_lock *l)
{
	return folder_lock_has_dotlock(l) && l->st.st_nlink == 1;
}

static int write_plan(
    struct folder *f, const struct folder_plan *p, struct folder_lock *l)
{
	int r = -EPERM;

	if (is_tail_only(p))
		return cut_tail(f, p, l);
	if (is_patch(p))
		return patch(f, p, l);
	if (may_replace(l) && !is_better_in_place(p))
		r = replace(f, p, l);
	/* Or somebody made a file of that name where all may. */
	if (r == -EPERM || r == -EACCES || r == -EEXIST)
		r = folder_journal_commit(f, p, l);
	return r;
}

/* Order */

static int compare_places(const void *a, const void *b)
{
	const struct folder_item *x = a;
	const struct folder_item *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static void sort_items(struct folder *f)
{
	bool sorted = true;

	for (size_t i = 1; i < f->count; i++)
		sorted = sorted && f->items[i - 1].at < f->items[i].at;
	if (!sorted)
		qsort(f->items, f->count, sizeof(*f->items), compare_places);
}

/* After writing */

/* Shells tell of new mail when the file was written to after it was read. */
static void set_times(int fd, bool is_news)
{
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_NOW },
		{ .tv_nsec = UTIME_OMIT },
	};
	struct stat st;

	if (is_news && fstat(fd, &st) == 0) {
		times[0] = st.st_mtim;
		times[0].tv_sec--;
	}
	/* Of no harm if it fails. */
	(void)futimens(fd, times);
}

/* Read from what is there now. After a failure nothing is taken for granted:
 * a stamp that no file has makes us look for each message. */
static int adopt(struct folder *f, const struct folder_lock *l, int result)
{
	struct stat st;
	int fd = os_error(openat(f->place.dir, f->place.name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));

	if (fd < 0)
		return result < 0 ? result : fd;
	if (fstat(l->fd, &st) < 0)
		st = l->st;
	if (result < 0)
		st.st_size = -1;
	folder_stamp_take(&f->stamp, &st);
	folder_mbox_adopt(f, fd);
	return result;
}

/* True: it is gone now. */
static bool remove_empty(struct folder *f, const struct folder_commit *c)
{
	return c->remove_empty && f->count == 0 &&
	    f->ops->unlink(f->place.dir, f->place.name) == 0;
}

static int catch_up(
    struct folder *f, struct folder_lock *l, struct folder_commit *c)
{
	struct folder_stamp now;
	size_t found;
	int r;

	remove_leftover(f, l);
	r = folder_journal_recover(f, l);
	if (r == 0 && fstat(l->fd, &l->st) < 0)
		r = -errno;
	if (r < 0)
		return r;
	folder_stamp_take(&now, &l->st);
	if (!folder_stamp_eq(&now, &f->stamp))
		r = folder_mbox_resync(f, l->fd, &found);
	c->ret_new = f->count - f->shown;
	folder_drop_gone(f);
	return r;
}

/* Messages that came meanwhile are nothing the user could have seen. */
static int write_changes(
    struct folder *f, struct folder_commit *c, struct folder_lock *l)
{
	struct folder_plan p;
	size_t seen = f->count - c->ret_new;
	int r;

	for (size_t i = 0; c->mark_old && i < seen; i++)
		f->items[i].m.flags |= FOLDER_OLD;
	sort_items(f);
	r = folder_plan_make(&p, f, l->fd);
	if (r == 0 && p.count > 0) {
		r = write_plan(f, &p, l);
		if (r == 0) {
			set_times(l->fd, c->ret_new > 0);
			folder_plan_apply(&p, f);
		}
	}
	folder_plan_done(&p);
	return r;
}

static bool has_work(const struct folder *f, const struct folder_commit *c)
{
	if (folder_is_changed(f) || (c->remove_empty && c->ret_kept == 0))
		return true;
	for (size_t i = 0; c->mark_old && i < f->count; i++)
		if (!(f->items[i].m.flags & FOLDER_OLD))
			return true;
	return false;
}

int folder_mbox_commit(
    struct folder *f, struct folder_commit *c, struct folder_trouble *t)
{
	struct folder_lock l;
	int r;

	/* Somebody else removed it, and with it all we could change. */
	if (faccessat(f->place.dir, f->place.name, F_OK, AT_SYMLINK_NOFOLLOW) <
	        0 &&
	    errno == ENOENT) {
		f->count = c->ret_kept = 0;
		return 0;
	}
	if (!has_work(f, c)) {
		r = folder_refresh(f, &c->ret_new, t);
		folder_drop_gone(f);
		c->ret_kept = f->count;
		return r;
	}
	r = folder_lock_take(f, &l, t);
	if (r < 0)
		return r;
	r = catch_up(f, &l, c);
	if (r == 0)
		r = write_changes(f, c, &l);
	c->ret_kept = f->count;
	if (r < 0 || !remove_empty(f, c))
		r = adopt(f, &l, r);
	folder_lock_drop(f, &l);
	return r < 0 ? folder_fail(t, r, f->path, "") : 0;
}
