/* SPDX-License-Identifier: ISC */
/*
 * When to count is the part of Maildir++ that matters:
 *
 *	there is no file, or it has another quota than ours
 *	it is so long that reading it is no cheaper
 *	its numbers are impossible
 *	the message does not fit, unless nothing was delivered since the last
 *	count, and that was less than a quarter of an hour ago
 *
 * so that who deletes mail with a program that knows nothing of this gets new
 * mail soon, and who does not costs us one count per quarter of an hour.
 *
 * A count is right if no directory changed while it was made; else it is made
 * again, a few times.
 */
#include "store/maildirsize.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"

enum {
	FILE_MAX = 5120,
	COUNTS = 5, /* attempts */
	PAUSE_MINUTES = 15,
	/* Larger than any file system; sums of as many as fit FILE_MAX do
	 * not overflow. */
	NUMBER_BITS = 52,
};

/* Quotas */

static bool read_limit(span item, struct maildir_quota *q)
{
	char kind = item.len > 0 ? item.ptr[item.len - 1] : '\0';
	uint64_t *to = &q->bytes;
	uint64_t n;

	if (kind == 'S' || kind == 'C') {
		to = kind == 'C' ? &q->count : to;
		item.len--;
	}
	if (!span_to_u64(item, &n) || n >> NUMBER_BITS)
		return false;
	*to = n;
	return true;
}

bool maildir_quota_parse(span text, struct maildir_quota *ret)
{
	struct maildir_quota q = { 0 };

	text = span_trim(text);
	do
		if (!read_limit(span_trim(span_cut(&text, ',')), &q))
			return false;
	while (text.len > 0);
	*ret = q;
	return true;
}

void maildir_quota_write(const struct maildir_quota *q, struct buf *out)
{
	if (q->bytes > 0)
		buf_printf(out, "%juS", (uintmax_t)q->bytes);
	if (q->count > 0)
		buf_printf(out, "%s%juC", q->bytes > 0 ? "," : "",
		    (uintmax_t)q->count);
}

static bool is_limited(const struct maildir_quota *q)
{
	return q->bytes > 0 || q->count > 0;
}

/* Reading the file */

static bool read_number(span word, int64_t *ret)
{
	bool negative = span_skip(&word, SPAN("-"));
	uint64_t n;

	if (!span_to_u64(word, &n) || n >> NUMBER_BITS)
		return false;
	*ret = negative ? -(int64_t)n : (int64_t)n;
	return true;
}

static void read_line(struct maildirsize *m, span line)
{
	int64_t bytes;
	int64_t count;

	m->lines++;
	if (!read_number(span_word(&line, " \t\r"), &bytes) ||
	    !read_number(span_word(&line, " \t\r"), &count))
		return;
	m->bytes += bytes;
	m->count += count;
}

void maildirsize_parse(struct maildirsize *m, span text)
{
	m->quota = (struct maildir_quota){ 0 };
	m->bytes = m->count = 0;
	m->lines = 0;
	if (!maildir_quota_parse(span_cut(&text, '\n'), &m->quota))
		m->quota = (struct maildir_quota){ 0 };
	while (text.len > 0)
		read_line(m, span_cut(&text, '\n'));
	m->stale = m->lines == 0 || m->bytes < 0 || m->count < 0;
}

/* 0 or a negative errno. */
static int read_file(struct maildirsize *m)
{
	char text[FILE_MAX];
	struct stat st;
	ssize_t n;

	if (fstat(m->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return -EINVAL;
	n = os_size(pread(m->fd, text, sizeof(text), 0));
	if (n < 0)
		return (int)n;
	maildirsize_parse(m, span_of(text, (size_t)n));
	m->stale |= n == sizeof(text);
	m->changed = (usec)st.st_mtim.tv_sec * USEC_SEC;
	return 0;
}

/* Counting */

struct count {
	int64_t bytes;
	int64_t count;
	struct timespec newest; /* of all directories */
};

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec
	                              : a->tv_nsec > b->tv_nsec;
}

/* "...:2,ST": is there a T? */
static bool is_deleted(span name)
{
	ssize_t colon = span_rfind(name, ':');
	span flags = span_from(name, (size_t)(colon < 0 ? 0 : colon));

	return span_skip(&flags, SPAN(":2,")) && span_find(flags, 'T') >= 0;
}

/* "...,S=1234" or "...,S=1234:2,S" */
static bool size_in_name(span name, uint64_t *ret)
{
	const char *at = memmem(name.ptr, name.len, ",S=", 3);
	size_t n = 0;
	span digits;

	if (!at)
		return false;
	digits = span_from(name, (size_t)(at - name.ptr) + 3);
	while (n < digits.len && ascii_is_digit(digits.ptr[n]))
		n++;
	return span_to_u64(span_first(digits, n), ret) &&
	    *ret >> NUMBER_BITS == 0;
}

static void count_file(struct count *c, int dir, const char *name)
{
	uint64_t size;
	struct stat st;

	if (*name == '.' || is_deleted(span_str(name)))
		return;
	if (!size_in_name(span_str(name), &size)) {
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			return;
		size = (uint64_t)st.st_size;
	}
	c->bytes += (int64_t)size;
	c->count++;
}

/* A directory to read, or NULL. */
static DIR *open_directory(int at, const char *name)
{
	int fd = openat(at, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		fd_close(&fd);
	return dir;
}

static void note_time(struct count *c, int dir)
{
	struct stat st;

	if (fstat(dir, &st) == 0 && is_later(&st.st_mtim, &c->newest))
		c->newest = st.st_mtim;
}

/* new/ or cur/, for its time only unless `files`. */
static void count_directory(
    struct count *c, int maildir, const char *name, bool files)
{
	DIR *dir = open_directory(maildir, name);
	struct dirent *e;

	if (!dir)
		return;
	note_time(c, dirfd(dir));
	while (files && (e = readdir(dir)))
		count_file(c, dirfd(dir), e->d_name);
	(void)closedir(dir);
}

static void count_maildir(struct count *c, int maildir, bool files)
{
	count_directory(c, maildir, "new", files);
	count_directory(c, maildir, "cur", files);
}

static bool is_folder(span name)
{
	return name.len > 1 && name.ptr[0] == '.' &&
	    !span_eq(name, SPAN("..")) && !span_eq(name, SPAN(".Trash"));
}

static void count_all(struct count *c, int root, bool files)
{
	DIR *top = open_directory(root, ".");
	struct dirent *e;

	*c = (struct count){ 0 };
	count_maildir(c, root, files);
	while (top && (e = readdir(top))) {
		CLEANUP(fd_close) int folder = -1;

		if (!is_folder(span_str(e->d_name)))
			continue;
		folder = openat(dirfd(top), e->d_name,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (folder >= 0)
			count_maildir(c, folder, files);
	}
	if (top)
		(void)closedir(top);
}

static void count_until_still(struct count *c, int root)
{
	struct count again;
	int i = 0;

	do {
		count_all(c, root, true);
		count_all(&again, root, false);
	} while (++i < COUNTS && is_later(&again.newest, &c->newest));
}

/* Writing */

static void put_line(struct buf *out, int64_t bytes, int64_t count)
{
	buf_printf(out, "%12jd %12jd\n", (intmax_t)bytes, (intmax_t)count);
}

/* A new file beside the old one, which it replaces: its descriptor, or a
 * negative errno. */
static int write_new(const struct maildirsize *m, span text)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(64);
	CLEANUP(fd_close) int fd = -1;
	int r;

	buf_printf(&name, "tmp/%ju.P%d.maildirsize", (uintmax_t)clock_wall(),
	    (int)getpid());
	fd = os_error(openat(m->root, buf_cstr(&name),
	    O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600));
	if (fd < 0)
		return fd;
	r = file_write_all(fd, text);
	/* It must not come back empty after a power failure. */
	if (r == 0)
		r = os_error(fsync(fd));
	if (r == 0)
		r = os_error(
		    renameat(m->root, buf_cstr(&name), m->root, "maildirsize"));
	if (r == 0)
		return STEAL_FD(fd);
	(void)unlinkat(m->root, buf_cstr(&name), 0);
	return r;
}

/* Even if it cannot be written down the numbers are good for now. */
static void count_anew(struct maildirsize *m)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(256);
	struct count c;
	int fd;

	count_until_still(&c, m->root);
	/* What was admitted is not yet there to be counted. */
	m->bytes = c.bytes + m->admitted_bytes;
	m->count = c.count + m->admitted_count;
	m->lines = 1;
	m->changed = clock_wall();
	m->stale = false;
	maildir_quota_write(&m->quota, &text);
	buf_putc(&text, '\n');
	put_line(&text, c.bytes, c.count);
	fd = write_new(m, buf_span(&text));
	if (fd < 0)
		return;
	fd_close(&m->fd);
	m->fd = fd;
}

/* Use */

void maildirsize_init(struct maildirsize *m)
{
	*m = (struct maildirsize){ .root = -1, .fd = -1 };
}

static int open_file(int root)
{
	return os_error(openat(root, "maildirsize",
	    O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

/* A folder has no quota of its own: its Maildir has. */
static void find_file(struct maildirsize *m, int root)
{
	m->fd = open_file(root);
	if (m->fd != -ENOENT ||
	    faccessat(root, "maildirfolder", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		m->root = fcntl(root, F_DUPFD_CLOEXEC, 0);
		return;
	}
	m->root = openat(root, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (m->root >= 0)
		m->fd = open_file(m->root);
}

static bool differs(
    const struct maildir_quota *a, const struct maildir_quota *b)
{
	return a->bytes != b->bytes || a->count != b->count;
}

void maildirsize_open(
    struct maildirsize *m, int root, const struct maildir_quota *quota)
{
	maildirsize_init(m);
	find_file(m, root);
	if (m->root < 0) {
		maildirsize_close(m);
		return;
	}
	if (m->fd >= 0 && read_file(m) < 0)
		fd_close(&m->fd);
	if (is_limited(quota) && (m->fd < 0 || differs(quota, &m->quota))) {
		m->quota = *quota;
		m->stale = true;
	}
	/* Nobody counts what has no limit. */
	if (!is_limited(&m->quota))
		fd_close(&m->fd);
	else if (m->stale)
		count_anew(m);
}

static bool fits(const struct maildirsize *m)
{
	const struct maildir_quota *q = &m->quota;

	return (q->bytes == 0 || m->bytes <= (int64_t)q->bytes) &&
	    (q->count == 0 || m->count <= (int64_t)q->count);
}

static bool may_count_again(const struct maildirsize *m)
{
	const usec pause = PAUSE_MINUTES * 60 * USEC_SEC;

	return m->lines > 1 || clock_wall() >= m->changed + pause;
}

static void change(struct maildirsize *m, int64_t bytes, int64_t count)
{
	m->bytes += bytes;
	m->count += count;
	m->admitted_bytes += bytes;
	m->admitted_count += count;
}

int maildirsize_admit(struct maildirsize *m, uint64_t size)
{
	change(m, (int64_t)size, 1);
	if (fits(m))
		return MAILDIRSIZE_OK;
	maildirsize_forget(m, size);
	if (!may_count_again(m))
		return MAILDIRSIZE_OVER;
	count_anew(m);
	change(m, (int64_t)size, 1);
	if (fits(m))
		return MAILDIRSIZE_OK;
	maildirsize_forget(m, size);
	return MAILDIRSIZE_OVER;
}

void maildirsize_forget(struct maildirsize *m, uint64_t size)
{
	change(m, -(int64_t)size, -1);
}

void maildirsize_add(struct maildirsize *m, uint64_t bytes, uint64_t count)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(64);

	m->admitted_bytes = m->admitted_count = 0;
	if (m->fd < 0 || count == 0)
		return;
	put_line(&line, (int64_t)bytes, (int64_t)count);
	/* On a full disk it is short until it is counted again. */
	(void)!file_write_all(m->fd, buf_span(&line));
}

void maildirsize_close(struct maildirsize *m)
{
	fd_close(&m->fd);
	fd_close(&m->root);
}
