/* SPDX-License-Identifier: ISC */
/*
 * Directories are opened once per batch, and everything else happens below
 * their descriptors: whoever renames or replaces a directory meanwhile moves
 * the mail with it, but cannot send it elsewhere. tmp/ and new/ that are
 * symbolic links are refused.
 *
 * A batch is safe in this order:
 *
 *	all files are written                  (tmp/)
 *	all are on their way to the disk
 *	each is flushed
 *	each is renamed                        (new/)
 *	new/ is flushed                        delivered
 *
 * so that a name in new/ never stands for less than the message, and the
 * disk works on all of them at once. The steps are taken by many Maildirs
 * together, the two flushes, too: what the file system writes to make the
 * first one safe, its journal, mostly is what the others need. A file that fails is removed, from
 * new/, too: it was promised to nobody, and the queue delivers it again.
 */
#include "store/maildir.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/address.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"

enum { NAME_LENGTH = 512 };

static int start_write_out(int fd)
{
	return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static int system_open(int dir, const char *name, int flags, mode_t mode)
{
	return openat(dir, name, flags, mode);
}

int maildir_rename(int from, const char *name, int to, const char *as)
{
	if (renameat2(from, name, to, as, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (linkat(from, name, to, as, 0) < 0)
		return -1;
	/* The name in tmp/ is of no importance any more. */
	(void)unlinkat(from, name, 0);
	return 0;
}

static int system_unlink(int dir, const char *name)
{
	return unlinkat(dir, name, 0);
}

static const struct maildir_ops system_ops = {
	.open = system_open,
	.mkdir = mkdirat,
	.write = write,
	.start = start_write_out,
	.flush = flusher_run,
	.rename = maildir_rename,
	.unlink = system_unlink,
};

/* Names */

void maildir_put_host(struct buf *out)
{
	char name[HOST_NAME_MAX + 1] = "localhost";

	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		(void)snprintf(name, sizeof(name), "localhost");
	for (const char *c = name; *c; c++) {
		if (*c == '/' || *c == ':')
			buf_put(out, *c == '/' ? SPAN("\\057") : SPAN("\\072"));
		else
			buf_putc(out, *c);
	}
}

static const char *tmp_name(struct maildir *d, const struct maildir_file *f)
{
	buf_clear(&d->scratch);
	buf_printf(&d->scratch, "%ju.P%dQ%u.", (uintmax_t)f->when / USEC_SEC,
	    (int)d->pid, f->serial);
	buf_put(&d->scratch, buf_span(&d->host));
	return buf_cstr(&d->scratch);
}

static const char *new_name(struct maildir *d, const struct maildir_file *f)
{
	buf_clear(&d->to);
	buf_printf(&d->to, "%ju.V%jxI%jxM%ju.", (uintmax_t)f->when / USEC_SEC,
	    (uintmax_t)f->device, (uintmax_t)f->inode,
	    (uintmax_t)f->when % USEC_SEC);
	buf_put(&d->to, buf_span(&d->host));
	return buf_cstr(&d->to);
}

void maildir_init(struct maildir *d)
{
	*d = (struct maildir){
		.pid = getpid(), .root = -1, .tmp = -1, .seen = -1
	};
	buf_init(&d->host, NAME_LENGTH);
	buf_init(&d->scratch, NAME_LENGTH);
	buf_init(&d->to, NAME_LENGTH);
	maildir_put_host(&d->host);
}

void maildir_done(struct maildir *d)
{
	maildir_close(d);
	buf_done(&d->host);
	buf_done(&d->scratch);
	buf_done(&d->to);
}

/* 0 or a negative errno: then nothing may be done by name. */
static int become(const struct maildir *d)
{
	const struct maildir_spec *s = &d->spec;

	return s->become ? s->become(s->owner, s->group) : 0;
}

/* Directories */

static int flush_one(const struct maildir *d, int fd)
{
	struct flush f = { .fd = fd };

	d->ops->flush(NULL, &f, 1);
	return f.result;
}

/*
 * A name that was made in a directory must not be lost with the message that
 * is in it. Who may not read the directory flushes all of the file system.
 */
static int flush_name(const struct maildir *d, int dir, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	CLEANUP(fd_close) int fd = os_error(d->ops->open(dir, ".", flags, 0));

	if (fd >= 0)
		return flush_one(d, fd);
	fd = os_error(d->ops->open(dir, name, flags, 0));
	return fd < 0 ? fd : os_error(syncfs(fd));
}

/* In a directory that hands its group down, too. */
static int keep_group(const struct maildir *d, int dir, const char *name)
{
	gid_t group = d->spec.become ? d->spec.group : getegid();
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (st.st_gid == group)
		return 0;
	return os_error(
	    fchownat(dir, name, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW));
}

static int make_directory(const struct maildir *d, int dir, const char *name)
{
	int r = os_error(d->ops->mkdir(dir, name, 0700));

	if (r == -EEXIST)
		return 0;
	if (r == 0)
		r = keep_group(d, dir, name);
	return r < 0 ? r : flush_name(d, dir, name);
}

/* A directory to look further from. */
static int enter(const struct maildir *d, int dir, const char *name)
{
	return os_error(
	    d->ops->open(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
}

/* All of the path, from the top. The descriptor of its end. */
static int make_path(const struct maildir *d)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(NAME_LENGTH);
	CLEANUP(fd_close) int fd = enter(d, AT_FDCWD, "/");
	span rest = span_str(d->spec.path);
	span part;
	int r;

	while (fd >= 0 && (part = span_word(&rest, "/")).len) {
		int next;

		buf_clear(&name);
		buf_put(&name, part);
		if (name.failed)
			return -ENAMETOOLONG;
		r = make_directory(d, fd, buf_cstr(&name));
		if (r < 0)
			return r;
		next = enter(d, fd, buf_cstr(&name));
		(void)close(fd);
		fd = next;
	}
	return STEAL_FD(fd);
}

static int open_root(struct maildir *d)
{
	if (d->root >= 0)
		return 0;
	d->root = enter(d, AT_FDCWD, d->spec.path);
	if (d->root == -ENOENT)
		d->root = make_path(d);
	return d->root < 0 ? d->root : 0;
}

static int open_or_make(struct maildir *d, const char *name, int flags)
{
	int r;

	flags |= O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	r = os_error(d->ops->open(d->root, name, flags, 0));
	if (r != -ENOENT)
		return r;
	r = make_directory(d, d->root, name);
	return r < 0 ? r : os_error(d->ops->open(d->root, name, flags, 0));
}

static int open_tmp(struct maildir *d)
{
	int r;

	if (d->tmp >= 0)
		return 0;
	r = open_root(d);
	if (r == 0)
		r = d->tmp = open_or_make(d, "tmp", O_PATH);
	return r < 0 ? r : 0;
}

/* Where new/ is missing, cur/ may be, too. */
static int open_new(struct maildir *d)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	if (d->seen >= 0)
		return 0;
	d->seen = os_error(d->ops->open(d->root, "new", flags, 0));
	if (d->seen == -ENOENT) {
		/* Whoever needs it makes it, if we cannot. */
		(void)!make_directory(d, d->root, "cur");
		d->seen = open_or_make(d, "new", O_RDONLY);
	}
	return d->seen < 0 ? d->seen : 0;
}

static void close_directories(struct maildir *d)
{
	fd_close(&d->root);
	fd_close(&d->tmp);
	fd_close(&d->seen);
}

void maildir_open(struct maildir *d, const struct maildir_spec *spec)
{
	close_directories(d);
	d->spec = *spec;
	d->ops = spec->ops ? spec->ops : &system_ops;
	d->count = 0;
}

/* Texts */

static int refuse_name(struct maildir *d, const struct maildir_file *f,
    const char *dir, struct mailbox_trouble *t)
{
	bool vanished = f->error == -ENOENT && (*dir == 'n' || d->count > 0);

	/* A directory that went away under our hands may come back. */
	mailbox_trouble_set(t,
	    vanished ? SPAN("4.2.0") : mailbox_status(f->error, d->spec.other),
	    f->error);
	buf_printf(&t->reason, "create maildir file %s%s/%s: %s", d->spec.path,
	    dir, *dir == 't' ? tmp_name(d, f) : new_name(d, f),
	    strerror(-f->error));
	return MAILDIR_REFUSED;
}

static int refuse_write(const struct maildir_file *f, struct mailbox_trouble *t)
{
	mailbox_trouble_set(
	    t, mailbox_status(f->error, SPAN("5.3.0")), f->error);
	buf_printf(
	    &t->reason, "error writing message: %s", strerror(-f->error));
	return MAILDIR_REFUSED;
}

static int refuse(
    struct maildir *d, struct maildir_file *f, struct mailbox_trouble *t)
{
	return f->wrote ? refuse_write(f, t) : refuse_name(d, f, "new", t);
}

/* One message */

static struct maildir_file *current(struct maildir *d)
{
	assert(d->count < MAILDIR_BATCH);
	return &d->files[d->count];
}

static int create(struct maildir *d, struct maildir_file *f)
{
	/* So that no two files of this process have one name. */
	static uint32_t serial;
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int r = become(d);

	if (r == 0)
		r = open_tmp(d);
	if (r < 0)
		return r;
	/* Another process may have had our number within this second. */
	for (int i = 0; i < 3; i++) {
		f->serial = serial++;
		f->fd =
		    os_error(d->ops->open(d->tmp, tmp_name(d, f), flags, 0600));
		if (f->fd != -EEXIST)
			break;
	}
	return f->fd;
}

/* Its number is a part of its name. */
static int identify(struct maildir_file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return -errno;
	f->device = st.st_dev;
	f->inode = st.st_ino;
	return 0;
}

static void remove_file(struct maildir *d, struct maildir_file *f)
{
	enum maildir_stage stage = f->stage;

	fd_close(&f->fd);
	f->stage = MAILDIR_GONE;
	if (stage == MAILDIR_GONE || become(d) < 0)
		return;
	if (stage == MAILDIR_WRITTEN)
		(void)d->ops->unlink(d->tmp, tmp_name(d, f));
	else if (stage == MAILDIR_SEEN)
		(void)d->ops->unlink(d->seen, new_name(d, f));
}

int maildir_begin(struct maildir *d, struct mailbox_trouble *t)
{
	struct maildir_file *f = current(d);
	int r;

	*f = (struct maildir_file){ .fd = -1, .when = clock_wall() };
	r = create(d, f);
	if (r == -ENOENT && d->count == 0) {
		/* tmp/ was removed since we opened it. */
		close_directories(d);
		r = create(d, f);
	}
	if (r >= 0) {
		f->stage = MAILDIR_WRITTEN;
		r = identify(f);
	}
	if (r >= 0)
		return MAILDIR_OK;
	f->error = r;
	remove_file(d, f);
	return refuse_name(d, f, "tmp", t);
}

static void fail_write(struct maildir_file *f, int error)
{
	f->error = error;
	f->wrote = true;
}

void maildir_put(struct maildir *d, span bytes)
{
	struct maildir_file *f = current(d);

	if (f->error == 0 && d->spec.size_max > 0 &&
	    f->size + bytes.len > d->spec.size_max)
		fail_write(f, -EFBIG);
	while (f->error == 0 && bytes.len > 0) {
		ssize_t n = os_size(d->ops->write(f->fd, bytes.ptr, bytes.len));

		if (n == -EINTR)
			continue;
		if (n <= 0) {
			fail_write(f, n < 0 ? (int)n : -EIO);
			return;
		}
		f->size += (uint64_t)n;
		bytes = span_from(bytes, (size_t)n);
	}
}

uint64_t maildir_size(const struct maildir *d)
{
	return d->files[d->count].size;
}

void maildir_rollback(struct maildir *d)
{
	remove_file(d, current(d));
}

int maildir_commit(struct maildir *d, struct mailbox_trouble *t)
{
	struct maildir_file *f = current(d);

	if (f->error == 0)
		f->error = become(d);
	if (f->error == 0)
		f->error = open_new(d);
	if (f->error < 0) {
		remove_file(d, f);
		return refuse(d, f, t);
	}
	d->count++;
	return MAILDIR_OK;
}

/* All of them */

static void start_files(const struct maildir *d)
{
	/* A hint, and one that some file systems do not know. */
	for (size_t i = 0; i < d->count; i++)
		if (d->files[i].stage == MAILDIR_WRITTEN)
			(void)d->ops->start(d->files[i].fd);
}

static bool has(const struct maildir *d, enum maildir_stage stage)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->files[i].stage == stage)
			return true;
	return false;
}

/* What has to be flushed now, in the order in which take() finds it. */
static size_t gather(const struct maildir *d, struct flush *out)
{
	size_t n = 0;

	if (has(d, MAILDIR_SEEN))
		out[n++].fd = d->seen;
	for (size_t i = 0; i < d->count; i++)
		if (d->files[i].stage == MAILDIR_WRITTEN)
			out[n++].fd = d->files[i].fd;
	return n;
}

static void take_name(struct maildir *d, struct maildir_file *f, int flushed)
{
	if (flushed == 0) {
		f->stage = MAILDIR_DONE;
		return;
	}
	f->error = flushed;
	remove_file(d, f);
}

static void show(struct maildir *d, struct maildir_file *f)
{
	f->error = become(d);
	if (f->error == 0)
		f->error = os_error(d->ops->rename(
		    d->tmp, tmp_name(d, f), d->seen, new_name(d, f)));
	if (f->error < 0)
		remove_file(d, f);
	else
		f->stage = MAILDIR_SEEN;
}

static void take_file(struct maildir *d, struct maildir_file *f, int flushed)
{
	fd_close(&f->fd);
	if (flushed == 0) {
		show(d, f);
		return;
	}
	fail_write(f, flushed);
	remove_file(d, f);
}

/* How many of `in` were its own. */
static size_t take(struct maildir *d, const struct flush *in)
{
	size_t n = 0;
	int seen = has(d, MAILDIR_SEEN) ? in[n++].result : 0;

	for (size_t i = 0; i < d->count; i++) {
		struct maildir_file *f = &d->files[i];

		if (f->stage == MAILDIR_SEEN)
			take_name(d, f, seen);
		else if (f->stage == MAILDIR_WRITTEN)
			take_file(d, f, in[n++].result);
	}
	return n;
}

void maildir_advance(
    struct maildir *const *all, size_t n, struct flusher *flusher)
{
	struct flush *files;
	size_t max = 1;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		max += all[i]->count + 1;
	files = mem_new(max, sizeof(*files));
	for (size_t i = 0; i < n; i++)
		count += gather(all[i], &files[count]);
	/* Those that find no thread for themselves. */
	for (size_t i = 0; i < n && count > FLUSHER_THREADS; i++)
		start_files(all[i]);
	if (count > 0)
		all[0]->ops->flush(flusher, files, count);
	count = 0;
	for (size_t i = 0; i < n; i++)
		count += take(all[i], &files[count]);
	mem_free(files);
}

int maildir_result(struct maildir *d, size_t i, struct mailbox_trouble *t)
{
	struct maildir_file *f = &d->files[i];

	assert(i < d->count);
	if (f->stage == MAILDIR_DONE)
		return MAILDIR_OK;
	return refuse(d, f, t);
}

void maildir_undo(struct maildir *d)
{
	for (size_t i = 0; i < d->count; i++)
		remove_file(d, &d->files[i]);
	d->count = 0;
}

void maildir_close(struct maildir *d)
{
	close_directories(d);
	d->count = 0;
}
