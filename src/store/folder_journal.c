/* SPDX-License-Identifier: ISC */
/*
 * Let S and N be the old and the new size and E the greater of both. To all
 * readers of mailboxes, newlines at the end mean nothing; so both the old and
 * the new end are thought of as filled with them up to E.
 *
 *	          what is done            a process killed before the next line
 *	phase 0   journal written         nothing happened: forget the journal
 *	          S < N: newlines, S to E the same; cut them off again
 *	phase 1   (at once if S >= N)
 *	          new end, newlines to E  each block is old or new: write all of
 *	                                  them again
 *	phase 2   (only if N < S)
 *	          cut to N                cut, or it is cut already
 *	          journal removed
 *
 * Each line is flushed to the disk before the next one begins.
 *
 * Delivery goes on meanwhile, and knows nothing of this: it adds at the end.
 * In phase 1 that is behind E, where no replay writes. In phases 0 and 2 only
 * newlines are ever cut off, and only if nothing stands behind them; if mail
 * does, they stay, as empty lines at the end of the message before.
 *
 * Another reader may even have changed the mailbox. Then some block is neither
 * old nor new, or the file is shorter than E, and nothing is written.
 */
#include "store/folder_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "store/crc32c.h"

enum {
	SECTOR = 512,
	BLOCK = 512,
	SUMS_AT = 2 * SECTOR,
	WINDOW = 256 << 10, /* a multiple of BLOCK */
	NAME_LENGTH = 8192,
	COPY_PIECE = 1 << 30,
};

#define MAGIC "chasqui-journal 1"

/* An open journal. */
struct journal {
	struct folder_journal_head h;
	int dir;
	bool own_dir;
	struct buf name;
	int fd;
	uint64_t data_at;
	uint64_t end; /* E */
};

/* The first line */

void folder_journal_write_head(
    const struct folder_journal_head *h, struct buf *out)
{
	const uint64_t numbers[] = { h->device, h->inode, h->from, h->old_size,
		h->new_size, h->sums_crc, h->data_crc };
	size_t start = out->len;

	buf_put(out, SPAN(MAGIC));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		buf_putc(out, ' ');
		buf_put_u64(out, numbers[i]);
	}
	buf_printf(out, " %ju\n",
	    (uintmax_t)crc32c(0, span_from(buf_span(out), start)));
}

bool folder_journal_parse_head(span sector, struct folder_journal_head *ret)
{
	struct folder_journal_head h;
	uint64_t *const numbers[] = { &h.device, &h.inode, &h.from, &h.old_size,
		&h.new_size, &h.sums_crc, &h.data_crc };
	ssize_t end = span_find(sector, '\n');
	ssize_t last;
	uint64_t crc;
	span line;
	span rest;

	if (end < 0)
		return false;
	line = rest = span_first(sector, (size_t)end);
	last = span_rfind(line, ' ');
	if (last < 0 || !span_skip(&rest, SPAN(MAGIC)))
		return false;
	if (!span_to_u64(span_from(line, (size_t)last + 1), &crc) ||
	    crc != crc32c(0, span_first(line, (size_t)last)))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		span number;

		(void)span_skip(&rest, SPAN(" "));
		number = span_cut(&rest, ' ');
		if (!span_to_u64(number, numbers[i]))
			return false;
	}
	if (h.from > h.old_size || h.from > h.new_size || h.from % BLOCK ||
	    MAX(h.old_size, h.new_size) > INT64_MAX / 2)
		return false;
	*ret = h;
	return true;
}

/* Files */

static int open_home(const struct folder *f)
{
	if (!f->home)
		return -ENOENT;
	return os_error(open(f->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static void journal_init(struct journal *j)
{
	*j = (struct journal){
		.dir = -1, .fd = -1, .name = BUF_INIT(NAME_LENGTH)
	};
}

static void journal_done(struct journal *j)
{
	fd_close(&j->fd);
	if (j->own_dir)
		fd_close(&j->dir);
	buf_done(&j->name);
}

static void place_beside(const struct folder *f, struct journal *j)
{
	j->dir = f->place.dir;
	j->own_dir = false;
	buf_clear(&j->name);
	buf_printf(&j->name, ".%s.journal", f->place.name);
}

static int place_at_home(
    const struct folder *f, const struct stat *st, struct journal *j)
{
	j->dir = open_home(f);
	j->own_dir = true;
	buf_clear(&j->name);
	buf_printf(&j->name, ".mail-journal-%jx-%jx", (uintmax_t)st->st_dev,
	    (uintmax_t)st->st_ino);
	return j->dir < 0 ? j->dir : 0;
}

/* Only what this user, or whose mailbox it is, could have written. */
static bool is_trusted(int fd, uid_t owner)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    (st.st_mode & 077) == 0 &&
	    (st.st_uid == geteuid() || st.st_uid == owner);
}

static int open_one(struct journal *j, uid_t owner, int access)
{
	j->fd = os_error(openat(j->dir, buf_cstr(&j->name),
	    access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
	if (j->fd >= 0 && !is_trusted(j->fd, owner)) {
		fd_close(&j->fd);
		return -ENOENT;
	}
	return j->fd < 0 ? j->fd : 0;
}

/* -ENOENT: there is none. */
static int journal_open(const struct folder *f, const struct stat *st,
    struct journal *j, int access)
{
	int r;

	place_beside(f, j);
	r = open_one(j, st->st_uid, access);
	if (r == 0 || !f->home)
		return r;
	r = place_at_home(f, st, j);
	return r < 0 ? r : open_one(j, st->st_uid, access);
}

static int create_one(const struct folder *f, struct journal *j)
{
	const char *name = buf_cstr(&j->name);

	j->fd = os_error(f->ops->create(j->dir, name));
	/* Nobody is at work on it: we have the lock. */
	if (j->fd == -EEXIST && f->ops->unlink(j->dir, name) == 0)
		j->fd = os_error(f->ops->create(j->dir, name));
	return j->fd < 0 ? j->fd : 0;
}

static int journal_create(
    const struct folder *f, const struct stat *st, struct journal *j)
{
	int first;
	int r;

	place_beside(f, j);
	first = create_one(f, j);
	if (first == 0 || !f->home)
		return first;
	r = place_at_home(f, st, j);
	return r < 0 ? first : create_one(f, j);
}

static int journal_remove(const struct folder *f, struct journal *j)
{
	int r = os_error(f->ops->unlink(j->dir, buf_cstr(&j->name)));

	return r < 0 ? r : folder_flush_dir(f, j->dir);
}

/* Images: the old or the new end, with newlines behind it. */

static size_t sum_count(const struct journal *j)
{
	return (size_t)((j->end - j->h.from + BLOCK - 1) / BLOCK);
}

static void set_layout(struct journal *j)
{
	j->end = MAX(j->h.old_size, j->h.new_size);
	j->data_at = SUMS_AT + sum_count(j) * sizeof(uint32_t);
}

/* n bytes at `at` of a file that is read from `shift` on and ends at size. */
static int read_image(
    int fd, char *to, size_t n, const uint64_t where[static 3])
{
	uint64_t at = where[0];
	uint64_t shift = where[1];
	uint64_t size = where[2];
	size_t real = at >= size ? 0 : (size_t)MIN(size - at, (uint64_t)n);
	ssize_t got = folder_pread(fd, to, real, at + shift);

	if (got < 0)
		return (int)got;
	if ((size_t)got != real)
		return -ESTALE;
	memset(to + real, '\n', n - real);
	return 0;
}

static int read_new(const struct journal *j, char *to, size_t n, uint64_t at)
{
	const uint64_t where[] = { at, j->data_at - j->h.from, j->h.new_size };

	return read_image(j->fd, to, n, where);
}

static int read_old(
    const struct journal *j, int fd, char *to, size_t n, uint64_t at)
{
	const uint64_t where[] = { at, 0, j->h.old_size };

	return read_image(fd, to, n, where);
}

static size_t window_at(const struct journal *j, uint64_t at)
{
	return (size_t)MIN(j->end - at, (uint64_t)WINDOW);
}

/* Writing the journal */

static uint32_t block_sum(const char *window, size_t n, size_t at)
{
	return crc32c(0, span_first(span_of(window + at, n - at), BLOCK));
}

static int write_sums(
    const struct folder *f, struct journal *j, int mailbox, char *window)
{
	struct folder_target out = {
		.ops = f->ops, .fd = j->fd, .at = SUMS_AT
	};
	uint32_t *sums = mem_new(WINDOW / BLOCK, sizeof(*sums));
	uint32_t crc = 0;
	int r = 0;

	for (uint64_t at = j->h.from; r == 0 && at < j->end; at += WINDOW) {
		size_t n = window_at(j, at);
		size_t count = 0;
		span bytes;

		r = read_old(j, mailbox, window, n, at);
		for (size_t i = 0; i < n; i += BLOCK)
			sums[count++] = block_sum(window, n, i);
		bytes = span_of(sums, count * sizeof(*sums));
		crc = crc32c(crc, bytes);
		if (r == 0)
			r = folder_write_piece(&out, bytes);
	}
	mem_free(sums);
	j->h.sums_crc = crc;
	return r;
}

struct data {
	struct folder_target out;
	uint32_t crc;
};

static int write_data_piece(void *ctx, span piece)
{
	struct data *d = ctx;

	d->crc = crc32c(d->crc, piece);
	return folder_write_piece(&d->out, piece);
}

static int write_data(const struct folder *f, struct journal *j,
    const struct folder_plan *p, int mailbox)
{
	struct data d = {
		.out = { .ops = f->ops, .fd = j->fd, .at = j->data_at },
	};
	/* From the beginning of the block on. */
	struct folder_edit start = { .at = j->h.from };
	struct folder_plan before = {
		.edits = &start, .count = 1, .old_size = folder_plan_from(p)
	};
	int r = folder_plan_stream(&before, mailbox, write_data_piece, &d);

	if (r == 0)
		r = folder_plan_stream(p, mailbox, write_data_piece, &d);
	j->h.data_crc = d.crc;
	return r;
}

static int write_head(const struct folder *f, struct journal *j, char phase)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(SECTOR);
	struct folder_target out = { .ops = f->ops, .fd = j->fd };
	char sectors[2 * SECTOR] = { 0 };

	folder_journal_write_head(&j->h, &line);
	memcpy(sectors, line.data, line.len);
	sectors[SECTOR] = phase;
	return folder_write_piece(&out, span_of(sectors, sizeof(sectors)));
}

static int set_phase(const struct folder *f, const struct journal *j, char c)
{
	struct folder_target out = { .ops = f->ops, .fd = j->fd, .at = SECTOR };
	int r = folder_write_piece(&out, span_of(&c, 1));

	return r < 0 ? r : os_error(f->ops->fsync(j->fd));
}

static int write_journal(const struct folder *f, struct journal *j,
    const struct folder_plan *p, const struct folder_lock *l)
{
	char *window = mem_new(WINDOW, 1);
	int r = write_sums(f, j, l->fd, window);

	mem_free(window);
	if (r == 0)
		r = write_data(f, j, p, l->fd);
	if (r == 0)
		r = write_head(f, j, j->h.new_size > j->h.old_size ? '0' : '1');
	if (r == 0)
		r = os_error(f->ops->fsync(j->fd));
	return r < 0 ? r : folder_flush_dir(f, j->dir);
}

/* Changing the mailbox */

static int extend(
    const struct folder *f, const struct journal *j, int mailbox, char *window)
{
	struct folder_target out = {
		.ops = f->ops, .fd = mailbox, .at = j->h.old_size
	};
	int r = 0;

	memset(window, '\n', WINDOW);
	while (r == 0 && out.at < j->end)
		r = folder_write_piece(
		    &out, span_of(window, window_at(j, out.at)));
	if (r == 0)
		r = os_error(f->ops->fsync(mailbox));
	return r;
}

static int overwrite(
    const struct folder *f, const struct journal *j, int mailbox, char *window)
{
	struct folder_target out = {
		.ops = f->ops, .fd = mailbox, .at = j->h.from
	};
	int r = 0;

	while (r == 0 && out.at < j->end) {
		size_t n = window_at(j, out.at);

		r = read_new(j, window, n, out.at);
		if (r == 0)
			r = folder_write_piece(&out, span_of(window, n));
	}
	return r < 0 ? r : os_error(f->ops->fsync(mailbox));
}

/* Newlines up to the end, which is not behind E. */
static int is_only_newlines(int fd, uint64_t at, uint64_t end)
{
	CLEANUP(buf_done) struct buf window = BUF_INIT(WINDOW);
	char *to = buf_room(&window, WINDOW);

	while (at < end) {
		ssize_t n = folder_pread(
		    fd, to, (size_t)MIN(end - at, (uint64_t)WINDOW), at);

		if (n <= 0)
			return n < 0 ? (int)n : -ESTALE;
		for (ssize_t i = 0; i < n; i++)
			if (to[i] != '\n')
				return false;
		at += (uint64_t)n;
	}
	return true;
}

static int cut_newlines(
    const struct folder *f, const struct journal *j, int fd, uint64_t size)
{
	struct stat st;
	uint64_t now;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	now = (uint64_t)st.st_size;
	if (now <= size || now > j->end)
		return 0;
	r = is_only_newlines(fd, size, now);
	if (r <= 0)
		return r;
	r = os_error(f->ops->ftruncate(fd, (off_t)size));
	return r < 0 ? r : os_error(f->ops->fsync(fd));
}

/* Phase 2, where it is needed, and the end. */
static int finish(const struct folder *f, struct journal *j, int mailbox)
{
	int r = 0;

	if (j->h.new_size < j->h.old_size) {
		r = set_phase(f, j, '2');
		if (r == 0)
			r = cut_newlines(f, j, mailbox, j->h.new_size);
	}
	return r < 0 ? r : journal_remove(f, j);
}

static int grow(
    const struct folder *f, struct journal *j, int mailbox, char *window)
{
	int r = extend(f, j, mailbox, window);

	if (r == 0)
		r = set_phase(f, j, '1');
	if (r == 0)
		return 0;
	/* No space: as if nothing had been. */
	(void)f->ops->ftruncate(mailbox, (off_t)j->h.old_size);
	return r;
}

static int run(const struct folder *f, struct journal *j,
    const struct folder_plan *p, const struct folder_lock *l)
{
	char *window = mem_new(WINDOW, 1);
	int r = write_journal(f, j, p, l);

	if (r == 0 && j->h.new_size > j->h.old_size)
		r = grow(f, j, l->fd, window);
	if (r < 0)
		(void)journal_remove(f, j);
	if (r == 0)
		r = overwrite(f, j, l->fd, window);
	if (r == 0)
		r = finish(f, j, l->fd);
	mem_free(window);
	return r;
}

int folder_journal_commit(
    struct folder *f, const struct folder_plan *p, const struct folder_lock *l)
{
	CLEANUP(journal_done) struct journal j;
	uint64_t from = folder_plan_from(p);
	int r;

	journal_init(&j);
	j.h = (struct folder_journal_head){
		.device = l->st.st_dev,
		.inode = l->st.st_ino,
		.from = from - from % BLOCK,
		.old_size = p->old_size,
		.new_size = p->new_size,
	};
	set_layout(&j);
	r = journal_create(f, &l->st, &j);
	return r < 0 ? r : run(f, &j, p, l);
}

/* Recovery */

static char read_phase(const struct journal *j)
{
	char phase = 0;

	return folder_pread(j->fd, &phase, 1, SECTOR) == 1 ? phase : 0;
}

static bool read_head(struct journal *j)
{
	char sector[SECTOR];

	if (folder_pread(j->fd, sector, sizeof(sector), 0) != sizeof(sector))
		return false;
	if (!folder_journal_parse_head(span_of(sector, SECTOR), &j->h))
		return false;
	set_layout(j);
	return true;
}

static bool crc_is(
    const struct journal *j, uint64_t at, uint64_t end, uint64_t want)
{
	char *window = mem_new(WINDOW, 1);
	uint32_t crc = 0;
	ssize_t n = 0;

	while (at < end) {
		n = folder_pread(
		    j->fd, window, (size_t)MIN(end - at, (uint64_t)WINDOW), at);
		if (n <= 0)
			break;
		crc = crc32c(crc, span_of(window, (size_t)n));
		at += (uint64_t)n;
	}
	mem_free(window);
	return at == end && crc == want;
}

static bool is_whole(const struct journal *j)
{
	return crc_is(j, SUMS_AT, j->data_at, j->h.sums_crc) &&
	    crc_is(j, j->data_at, j->data_at + j->h.new_size - j->h.from,
	        j->h.data_crc);
}

/* Each block of the window is the old or the new one. */
static bool blocks_fit(
    const char *now, const char *made, size_t n, const uint32_t *sums)
{
	for (size_t i = 0; i < n; i += BLOCK) {
		size_t len = MIN(n - i, (size_t)BLOCK);

		if (memcmp(now + i, made + i, len) != 0 &&
		    block_sum(now, n, i) != sums[i / BLOCK])
			return false;
	}
	return true;
}

static bool window_fits(
    const struct journal *j, int mailbox, uint64_t at, char *windows)
{
	size_t n = window_at(j, at);
	char *made = windows + WINDOW;
	uint32_t sums[WINDOW / BLOCK];
	size_t bytes = (n + BLOCK - 1) / BLOCK * sizeof(*sums);
	uint64_t sums_at = SUMS_AT + (at - j->h.from) / BLOCK * sizeof(*sums);

	if (folder_pread(mailbox, windows, n, at) != (ssize_t)n)
		return false;
	if (folder_pread(j->fd, sums, bytes, sums_at) != (ssize_t)bytes)
		return false;
	return read_new(j, made, n, at) == 0 &&
	    blocks_fit(windows, made, n, sums);
}

static bool fits(const struct journal *j, int mailbox)
{
	char *windows = mem_new(2, WINDOW);
	bool ok = true;

	for (uint64_t at = j->h.from; ok && at < j->end; at += WINDOW)
		ok = window_fits(j, mailbox, at, windows);
	mem_free(windows);
	return ok;
}

static int replay(const struct folder *f, struct journal *j, int mailbox)
{
	char *window = mem_new(WINDOW, 1);
	int r = overwrite(f, j, mailbox, window);

	mem_free(window);
	return r < 0 ? r : finish(f, j, mailbox);
}

static int set_aside(const struct folder *f, struct journal *j)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(NAME_LENGTH);

	buf_put(&name, buf_span(&j->name));
	buf_put(&name, SPAN(".saved"));
	return os_error(
	    f->ops->rename(j->dir, buf_cstr(&j->name), buf_cstr(&name)));
}

static bool is_of(const struct journal *j, const struct stat *st)
{
	return j->h.device == st->st_dev && j->h.inode == st->st_ino;
}

/* What the mailbox shall have when newlines are cut off. */
static uint64_t size_after(const struct journal *j, char phase)
{
	return phase == '0' ? j->h.old_size : j->h.new_size;
}

static int recover(
    const struct folder *f, struct journal *j, const struct folder_lock *l)
{
	char phase = read_phase(j);
	int r = 0;

	/* Not finished itself: the mailbox was not touched. */
	if (!read_head(j) || phase < '0' || phase > '2')
		return journal_remove(f, j);
	if (!is_of(j, &l->st))
		return phase == '1' ? set_aside(f, j) : journal_remove(f, j);
	if (phase == '1') {
		if (!is_whole(j) || !fits(j, l->fd))
			return set_aside(f, j);
		return replay(f, j, l->fd);
	}
	r = cut_newlines(f, j, l->fd, size_after(j, phase));
	return r < 0 ? r : journal_remove(f, j);
}

bool folder_journal_is_there(const struct folder *f)
{
	CLEANUP(journal_done) struct journal j;
	struct stat st;

	journal_init(&j);
	return fstatat(f->place.dir, f->place.name, &st, AT_SYMLINK_NOFOLLOW) ==
	    0 &&
	    journal_open(f, &st, &j, O_RDWR) == 0;
}

int folder_journal_recover(struct folder *f, const struct folder_lock *l)
{
	CLEANUP(journal_done) struct journal j;
	int r;

	journal_init(&j);
	r = journal_open(f, &l->st, &j, O_RDWR);
	if (r == -ENOENT || r == -EACCES || r == -ELOOP)
		return 0;
	return r < 0 ? r : recover(f, &j, l);
}

/* A repaired copy */

/* All that is in a file, in a new one without a name. */
static int copy_file(int from)
{
	CLEANUP(fd_close)
	int fd =
	    os_error(open("/var/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
	off_t at = 0;
	ssize_t n = 1;

	if (fd < 0)
		fd = os_error(memfd_create("mailbox", MFD_CLOEXEC));
	while (fd >= 0 && (n > 0 || n == -EINTR))
		n = os_size(sendfile(fd, from, &at, COPY_PIECE));
	return fd < 0 || n == 0 ? STEAL_FD(fd) : (int)n;
}

static int repair_copy(
    const struct folder *f, const struct journal *j, int mailbox, int *ret)
{
	CLEANUP(fd_close) int fd = -1;
	char phase = read_phase(j);
	char *window;
	int r = 0;

	if (phase < '0' || phase > '2')
		return 0;
	if (phase == '1' && (!is_whole(j) || !fits(j, mailbox)))
		return 0;
	fd = copy_file(mailbox);
	if (fd < 0)
		return fd;
	window = mem_new(WINDOW, 1);
	if (phase == '1')
		r = overwrite(f, j, fd, window);
	mem_free(window);
	if (r == 0)
		r = cut_newlines(f, j, fd, size_after(j, phase));
	if (r == 0)
		*ret = STEAL_FD(fd);
	return r;
}

int folder_journal_view(const struct folder *f, int mailbox, int *ret)
{
	CLEANUP(journal_done) struct journal j;
	struct stat st;

	journal_init(&j);
	*ret = -1;
	if (fstat(mailbox, &st) < 0)
		return -errno;
	if (journal_open(f, &st, &j, O_RDONLY) < 0 || !read_head(&j) ||
	    !is_of(&j, &st))
		return 0;
	return repair_copy(f, &j, mailbox, ret);
}
