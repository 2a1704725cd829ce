/* SPDX-License-Identifier: ISC */
/*
 * Reading an mbox. The file is read in pieces that fit into the processor's
 * cache; only where messages are is kept.
 *
 * Before content is read, the file is looked at: if it changed since, the
 * message is read once for its hash, and if it is not there any more, the
 * whole file is read anew.
 */
#include "store/folder_journal.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

enum { WINDOW = 256 << 10 };

ssize_t folder_pread(int fd, void *to, size_t n, uint64_t at)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = os_size(
		    pread(fd, (char *)to + done, n - done, (off_t)(at + done)));

		if (got == -EINTR)
			continue;
		if (got < 0)
			return got;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int folder_scan_range(int fd, struct folder_scan *s, uint64_t at, uint64_t end)
{
	char *window = mem_new((size_t)MIN(end - at, (uint64_t)WINDOW) + 1, 1);
	size_t kept = 0;
	bool is_last = false;
	int r = 0;

	while (!is_last) {
		size_t want = (size_t)MIN(end - at, (uint64_t)WINDOW - kept);
		ssize_t n = folder_pread(fd, window + kept, want, at);
		size_t used;

		if (n < 0) {
			r = (int)n;
			break;
		}
		at += (uint64_t)n;
		is_last = (size_t)n < want || at == end;
		used = folder_scan_feed(
		    s, span_of(window, kept + (size_t)n), is_last);
		kept += (size_t)n - used;
		memmove(window, window + used, kept);
	}
	mem_free(window);
	return r;
}

/* Scanning all of it */

struct list {
	struct folder_item *items;
	size_t count;
	size_t room;
};

static void add_found(void *ctx, const struct folder_item *item)
{
	struct list *l = ctx;

	*folder_add(&l->items, &l->count, &l->room) = *item;
}

int folder_mbox_scan(
    int fd, uint64_t seed, struct folder_item **ret, size_t *ret_count)
{
	static const struct folder_scan_calls calls = { .found = add_found };
	struct list l = { .count = 0 };
	struct folder_scan s;
	int r;

	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	folder_scan_init(&s, seed, &calls, &l);
	r = folder_scan_range(fd, &s, 0, UINT64_MAX);
	if (!folder_scan_end(&s) && r == 0)
		r = -EINVAL;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL);
	if (r < 0) {
		mem_free(l.items);
		return r;
	}
	*ret = l.items;
	*ret_count = l.count;
	return 0;
}

static int take_stamp(int fd, struct folder_stamp *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	folder_stamp_take(ret, &st);
	return 0;
}

int folder_mbox_resync(struct folder *f, int fd, size_t *ret_new)
{
	struct folder_item *fresh = NULL;
	struct folder_stamp stamp;
	size_t n = 0;
	int r = take_stamp(fd, &stamp);

	if (r == 0)
		r = folder_mbox_scan(fd, f->seed, &fresh, &n);
	if (r < 0)
		return r;
	f->stamp = stamp;
	if (f->count == 0 && n > 0) {
		/* There is nothing to find again. */
		mem_free(f->items);
		f->items = fresh;
		f->count = f->room = *ret_new = n;
		return 0;
	}
	folder_match(f, fresh, n, ret_new);
	mem_free(fresh);
	return 0;
}

void folder_mbox_adopt(struct folder *f, int fd)
{
	fd_close(&f->fd);
	f->fd = fd;
	f->is_copy = false;
}

static int open_file(const struct folder *f)
{
	struct stat st;
	int fd = os_error(openat(f->place.dir, f->place.name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		(void)close(fd);
		return -EINVAL;
	}
	return fd;
}

static int tell(const struct folder *f, int r, struct folder_trouble *t)
{
	return folder_fail(t, r, f->path, r == -EINVAL ? "not a mailbox" : "");
}

/* Somebody was killed while he changed it. */
static int finish_journal(struct folder *f, struct folder_trouble *t)
{
	struct folder_lock l;
	int r;

	if (f->read_only || !folder_journal_is_there(f))
		return 0;
	r = folder_lock_take(f, &l, t);
	if (r < 0)
		return r;
	r = folder_journal_recover(f, &l);
	folder_lock_drop(f, &l);
	return r < 0 ? tell(f, r, t) : 0;
}

/*
 * All of it anew. What a dead process left half done, and we may not finish
 * (or shall not, for a look at the news), is finished in a copy.
 */
static int read_all(struct folder *f, size_t *ret_news)
{
	CLEANUP(fd_close) int fd = open_file(f);
	CLEANUP(fd_close) int copy = -1;
	struct folder_stamp original;
	int r = fd;

	if (r < 0)
		return r;
	folder_lock_shared(f, fd);
	r = take_stamp(fd, &original);
	if (r == 0)
		r = folder_journal_view(f, fd, &copy);
	if (r == 0)
		r = folder_mbox_resync(f, copy < 0 ? fd : copy, ret_news);
	folder_unlock_shared(fd);
	if (r < 0)
		return r;
	f->original = original;
	if (copy < 0) {
		folder_mbox_adopt(f, STEAL_FD(fd));
	} else {
		folder_mbox_adopt(f, STEAL_FD(copy));
		f->is_copy = true;
	}
	return 0;
}

static int mbox_open(struct folder *f, struct folder_trouble *t)
{
	size_t news;
	int r;

	if (faccessat(f->place.dir, f->place.name, W_OK, AT_EACCESS) < 0)
		f->read_only = true;
	r = finish_journal(f, t);
	if (r < 0)
		return r;
	r = read_all(f, &news);
	return r < 0 ? tell(f, r, t) : 0;
}

/* News */

static bool mbox_has_news(struct folder *f)
{
	struct folder_stamp now;
	struct stat st;

	if (fstatat(f->place.dir, f->place.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	folder_stamp_take(&now, &st);
	return !folder_stamp_eq(&now, f->is_copy ? &f->original : &f->stamp);
}

static int mbox_refresh(
    struct folder *f, size_t *ret_new, struct folder_trouble *t)
{
	size_t news = 0;
	int r;

	*ret_new = 0;
	if (!mbox_has_news(f))
		return 0;
	r = read_all(f, &news);
	if (r < 0)
		return tell(f, r, t);
	*ret_new = news;
	return 0;
}

/* Content */

static void keep_first(void *ctx, const struct folder_item *item)
{
	struct folder_item *first = ctx;

	if (first->m.size == 0)
		*first = *item;
}

static bool is_still_there(struct folder *f, const struct folder_item *item)
{
	static const struct folder_scan_calls calls = { .found = keep_first };
	struct folder_item seen = { .m = { .size = 0 } };
	struct folder_scan s;

	folder_scan_init(&s, f->seed, &calls, &seen);
	if (folder_scan_range(f->fd, &s, item->at, item->at + item->m.size) < 0)
		return false;
	return folder_scan_end(&s) && seen.m.size == item->m.size &&
	    seen.hash == item->hash;
}

/* The file may have been changed in place. */
static int settle(struct folder *f, size_t i)
{
	struct folder_stamp now;
	size_t news;
	int r = take_stamp(f->fd, &now);

	if (r == 0 && !(f->items[i].m.state & FOLDER_GONE) &&
	    !folder_stamp_eq(&now, &f->stamp) &&
	    !is_still_there(f, &f->items[i]))
		r = folder_mbox_resync(f, f->fd, &news);
	if (r == 0 && f->items[i].m.state & FOLDER_GONE)
		r = -ESTALE;
	return r;
}

static int mbox_measure(struct folder *f, size_t i)
{
	(void)f;
	(void)i;
	return 0;
}

static int read_range(
    struct folder *f, uint64_t at, uint64_t end, struct folder_converter *c)
{
	size_t room = (size_t)MIN(end - at, (uint64_t)WINDOW);
	char *window = mem_new(room + 1, 1);
	int r = 0;

	while (r == 0 && at < end) {
		ssize_t n = folder_pread(
		    f->fd, window, (size_t)MIN(end - at, (uint64_t)room), at);

		if (n <= 0) {
			r = n < 0 ? (int)n : -ESTALE;
			break;
		}
		r = folder_convert(c, span_of(window, (size_t)n));
		at += (uint64_t)n;
	}
	if (r == 0)
		r = folder_convert_end(c);
	mem_free(window);
	return r;
}

/* How long the empty line before `end` is, if there is one behind `from`. */
static uint64_t last_empty(struct folder *f, uint64_t from, uint64_t end)
{
	char tail[3] = { 0 };
	uint64_t n = MIN(end - from, (uint64_t)sizeof(tail));

	if (folder_pread(f->fd, tail + sizeof(tail) - n, n, end - n) !=
	    (ssize_t)n)
		return 0;
	if (tail[2] == '\n' && tail[1] == '\n')
		return 1;
	return tail[2] == '\n' && tail[1] == '\r' && tail[0] == '\n' ? 2 : 0;
}

/* Header and body of a message that has no empty line between them. */
static int read_bare(struct folder *f, const struct folder_item *item,
    uint64_t end, struct folder_converter *c)
{
	uint64_t body = item->at + item->head;
	int r = read_range(f, item->at + item->m.from, body, c);

	if (r == 0)
		r = c->fn(c->ctx, SPAN("\n"));
	return r < 0 ? r : read_range(f, body, end, c);
}

static uint64_t end_of_header(struct folder *f, const struct folder_item *item)
{
	uint64_t end = item->at + item->head;

	if (item->m.form & (FOLDER_BARE | FOLDER_CUT))
		return end;
	/* The line end before it may be that of the From_ line. */
	return end - last_empty(f, item->at + item->m.from - 1, end);
}

static uint64_t end_of_body(struct folder *f, const struct folder_item *item)
{
	uint64_t end = item->at + item->m.size;

	return end - last_empty(f, item->at + item->head - 1, end);
}

static int mbox_range(
    struct folder *f, size_t i, bool only_header, struct folder_converter *c)
{
	const struct folder_item *item;
	uint64_t from;
	int r = settle(f, i);

	if (r < 0)
		return r;
	item = &f->items[i];
	from = item->at + item->m.from;
	c->active = item->m.form & FOLDER_CRLF;
	if (only_header)
		return read_range(f, from, end_of_header(f, item), c);
	if (item->m.form & FOLDER_BARE)
		return read_bare(f, item, end_of_body(f, item), c);
	return read_range(f, from, end_of_body(f, item), c);
}

static int mbox_header(struct folder *f, size_t i, struct buf *out)
{
	struct folder_converter c = { .fn = folder_put_piece, .ctx = out };

	return mbox_range(f, i, true, &c);
}

static int mbox_each_piece(
    struct folder *f, size_t i, folder_piece_fn *fn, void *ctx)
{
	struct folder_converter c = { .fn = fn, .ctx = ctx };

	return mbox_range(f, i, false, &c);
}

static int mbox_from_line(struct folder *f, size_t i, struct buf *out)
{
	char line[4096];
	int r = settle(f, i);
	ssize_t n;

	if (r < 0)
		return r;
	n = folder_pread(f->fd, line,
	    MIN(sizeof(line), (size_t)f->items[i].m.from), f->items[i].at);
	if (n < 0)
		return (int)n;
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	return folder_put_piece(out, span_of(line, (size_t)n));
}

const struct folder_methods folder_mbox = {
	.open = mbox_open,
	.measure = mbox_measure,
	.from_line = mbox_from_line,
	.header = mbox_header,
	.each_piece = mbox_each_piece,
	.refresh = mbox_refresh,
	.has_news = mbox_has_news,
	.commit = folder_mbox_commit,
};
