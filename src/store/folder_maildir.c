/* SPDX-License-Identifier: ISC */
/*
 * A Maildir as its reader sees it. Opening lists new/ and cur/ and opens no
 * file: who a message is, its flags and its place in the order all stand in
 * its name. A file that another reader renamed meanwhile is found again by
 * listing once more.
 */
#include "store/folder_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/hmap.h"
#include "mail/date.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"
#include "store/folder_names.h"

enum {
	WINDOW = 64 << 10,
	NAMES_MAX = 1 << 30,
	NAME_LENGTH = 1024,
	HEADER_FOR_FROM = 64 << 10,
};

/* A directory that changed so short ago may change again unseen. */
#define RACY (2 * USEC_SEC)

struct listing {
	struct folder_item *items;
	size_t count;
	size_t room;
	struct buf names;
	struct folder_stamp stamps[2]; /* new/, cur/ */
};

static span name_in(const struct buf *names, const struct folder_item *item)
{
	return span_str(names->data + item->at);
}

static const char *file_name(
    const struct folder *f, const struct folder_item *item)
{
	return f->names.data + item->at;
}

static int file_dir(const struct folder *f, const struct folder_item *item)
{
	return item->m.state & FOLDER_IN_NEW ? f->new_dir : f->cur_dir;
}

/* Listing */

static void take_name(struct listing *l, const char *name, uint8_t state)
{
	span s = span_str(name);
	uint8_t flags = folder_name_flags(s);
	uint8_t on_disk = flags & (uint8_t)~FOLDER_DELETED;
	struct folder_item *item;

	/* Names have at most 255 bytes; without room they wait. */
	if (!buf_room(&l->names, s.len + 1))
		return;
	item = folder_add(&l->items, &l->count, &l->room);
	if (!(state & FOLDER_IN_NEW)) {
		flags |= FOLDER_OLD;
		on_disk |= FOLDER_OLD;
	}
	*item = (struct folder_item){
		.m = { .flags = flags, .before = on_disk, .state = state },
		.at = l->names.len,
		.hash = hash_bytes(folder_name_base(s)),
	};
	buf_put(&l->names, s);
	buf_putc(&l->names, '\0');
}

static int take_stamp(int dir, struct folder_stamp *ret)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return -errno;
	folder_stamp_take(ret, &st);
	if ((usec)st.st_mtim.tv_sec * USEC_SEC + RACY > clock_wall())
		ret->mtime.tv_nsec = -1;
	return 0;
}

static int list_one(
    int at, struct listing *l, uint8_t state, struct folder_stamp *stamp)
{
	int fd = os_error(openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;
	DIR *dir;
	int r = fd < 0 ? fd : take_stamp(fd, stamp);

	if (r < 0) {
		fd_close(&fd);
		return r;
	}
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	errno = 0;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && entry->d_type != DT_DIR)
			take_name(l, entry->d_name, state);
	r = -errno;
	(void)closedir(dir);
	return r;
}

static int compare_items(const void *a, const void *b, void *names)
{
	return folder_name_compare(name_in(names, a), name_in(names, b));
}

/* cur/ last: a message on its way there is seen twice rather than not. */
static int list_all(const struct folder *f, struct listing *l)
{
	int r;

	*l = (struct listing){ .names = BUF_INIT(NAMES_MAX) };
	r = list_one(f->new_dir, l, FOLDER_IN_NEW, &l->stamps[0]);
	if (r == 0)
		r = list_one(f->cur_dir, l, 0, &l->stamps[1]);
	if (r == 0 && l->count > 1)
		qsort_r(l->items, l->count, sizeof(*l->items), compare_items,
		    &l->names);
	return r;
}

/* Seen twice, in new/ and in cur/: the one in cur/ is the real one. */
static void drop_twins(struct listing *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->count; i++) {
		struct folder_item *last = kept ? &l->items[kept - 1] : NULL;

		if (last && last->hash == l->items[i].hash &&
		    (last->m.state ^ l->items[i].m.state) & FOLDER_IN_NEW) {
			if (last->m.state & FOLDER_IN_NEW)
				*last = l->items[i];
			continue;
		}
		l->items[kept++] = l->items[i];
	}
	l->count = kept;
}

static int resync(struct folder *f, size_t *ret_new)
{
	struct listing l;
	int r = list_all(f, &l);

	if (r == 0) {
		drop_twins(&l);
		folder_match(f, l.items, l.count, ret_new);
		buf_done(&f->names);
		f->names = l.names;
		f->new_stamp = l.stamps[0];
		f->cur_stamp = l.stamps[1];
	} else {
		buf_done(&l.names);
	}
	mem_free(l.items);
	return r;
}

/* Opening */

static int open_below(int at, const char *name)
{
	return os_error(
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

static int maildir_open_folder(struct folder *f, struct folder_trouble *t)
{
	CLEANUP(fd_close) int root = open_below(f->place.dir, f->place.name);
	size_t news;
	int r = root;

	if (r >= 0)
		r = f->new_dir = open_below(root, "new");
	if (r >= 0)
		r = f->cur_dir = open_below(root, "cur");
	if (r == -ENOENT)
		return folder_fail(t, -EISDIR, f->path, "");
	if (r >= 0)
		r = resync(f, &news);
	if (r < 0)
		return folder_fail(t, r, f->path, "");
	if (faccessat(f->cur_dir, ".", W_OK, AT_EACCESS) < 0)
		f->read_only = true;
	return 0;
}

static bool has_changed(int dir, const struct folder_stamp *before)
{
	struct folder_stamp now;
	struct stat st;

	if (fstat(dir, &st) < 0)
		return false;
	folder_stamp_take(&now, &st);
	return !folder_stamp_eq(&now, before);
}

static bool maildir_has_news(struct folder *f)
{
	return has_changed(f->new_dir, &f->new_stamp) ||
	    has_changed(f->cur_dir, &f->cur_stamp);
}

static int maildir_refresh(
    struct folder *f, size_t *ret_new, struct folder_trouble *t)
{
	int r = 0;

	*ret_new = 0;
	if (maildir_has_news(f))
		r = resync(f, ret_new);
	return r < 0 ? folder_fail(t, r, f->path, "") : 0;
}

/* Reading */

static int open_file(const struct folder *f, const struct folder_item *item)
{
	struct stat st;
	int fd;

	if (item->m.state & FOLDER_GONE)
		return -ESTALE;
	fd = os_error(openat(file_dir(f, item), file_name(f, item),
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		(void)close(fd);
		return -EINVAL;
	}
	return fd;
}

static int open_message(struct folder *f, size_t i)
{
	size_t news;
	int fd = open_file(f, &f->items[i]);
	int r;

	if (fd != -ENOENT)
		return fd;
	r = resync(f, &news);
	fd = r < 0 ? r : open_file(f, &f->items[i]);
	return fd == -ENOENT ? -ESTALE : fd;
}

/* The pieces of a file as they are. */
static int each_window(int fd, folder_piece_fn *fn, void *ctx)
{
	char *window = mem_new(WINDOW, 1);
	uint64_t at = 0;
	ssize_t n = 0;
	int r = 0;

	while (r == 0 && (n = folder_pread(fd, window, WINDOW, at)) > 0) {
		r = fn(ctx, span_of(window, (size_t)n));
		at += (uint64_t)n;
	}
	mem_free(window);
	return n < 0 ? (int)n : r;
}

static int each_raw(struct folder *f, size_t i, folder_piece_fn *fn, void *ctx)
{
	CLEANUP(fd_close) int fd = open_message(f, i);

	return fd < 0 ? fd : each_window(fd, fn, ctx);
}

/* What it would be in an mbox: From_ lines quoted, an empty line at the end. */
struct measure {
	uint64_t size;
	uint64_t lines;
	uint8_t matched; /* of "From ", at the beginning of a line */
	char last[2];
};

static int measure_piece(void *ctx, span piece)
{
	static const char from[] = "From ";
	struct measure *m = ctx;

	m->size += piece.len;
	for (size_t i = 0; i < piece.len; i++) {
		char c = piece.ptr[i];

		if (m->matched < 5 && c == from[m->matched])
			m->size += ++m->matched == 5;
		else
			m->matched = 5;
		if (c == '\n') {
			m->lines++;
			m->matched = 0;
		}
		m->last[0] = m->last[1];
		m->last[1] = c;
	}
	return 0;
}

static int maildir_measure(struct folder *f, size_t i)
{
	struct measure m = { .last = { '\n', '\n' } };
	struct folder_item *item;
	int r;

	if (f->items[i].m.state & FOLDER_MEASURED)
		return 0;
	r = each_raw(f, i, measure_piece, &m);
	if (r < 0)
		return r;
	if (m.last[1] != '\n') {
		m.size++;
		m.lines++;
		m.last[0] = 0;
	}
	if (m.last[0] != '\n') {
		m.size++;
		m.lines++;
	}
	item = &f->items[i];
	item->m.size = m.size;
	item->m.lines = m.lines;
	item->m.state |= FOLDER_MEASURED;
	return 0;
}

/* CRLF becomes LF in files whose first line ends so. */

static int maildir_each_piece(
    struct folder *f, size_t i, folder_piece_fn *fn, void *ctx)
{
	struct folder_converter c = { .fn = fn, .ctx = ctx, .undecided = true };
	int r = each_raw(f, i, folder_convert, &c);

	return r < 0 ? r : folder_convert_end(&c);
}

/* Stops behind the header. */
struct header {
	struct buf *out;
	char last;
};

enum { HEADER_END = 1 };

static int header_piece(void *ctx, span piece)
{
	struct header *h = ctx;

	while (piece.len > 0) {
		ssize_t end = span_find(piece, '\n');
		size_t n = end < 0 ? piece.len : (size_t)end + 1;

		if (h->last == '\n' && piece.ptr[0] == '\n')
			return HEADER_END;
		if (n > h->out->max - h->out->len)
			return -EFBIG;
		buf_put(h->out, span_first(piece, n));
		h->last = piece.ptr[n - 1];
		piece = span_from(piece, n);
	}
	return 0;
}

static int maildir_header(struct folder *f, size_t i, struct buf *out)
{
	struct header h = { .out = out, .last = '\n' };
	struct folder_converter c = {
		.fn = header_piece, .ctx = &h, .undecided = true
	};
	int r = each_raw(f, i, folder_convert, &c);

	if (r == 0)
		r = folder_convert_end(&c);
	return r == HEADER_END ? 0 : r;
}

/* The From_ line */

/* "Ana <ana@x>" and "ana@x (Ana)" are ana@x. */
static span address_in(span value)
{
	ssize_t open = span_find(value, '<');
	span rest = value;

	if (open < 0)
		return span_word(&rest, " \t,;");
	rest = span_from(value, (size_t)open + 1);
	return span_trim(span_cut(&rest, '>'));
}

static span find_sender(span header)
{
	static const span names[] = {
		SPAN_INIT("Return-Path:"),
		SPAN_INIT("From:"),
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		span rest = header;

		while (rest.len > 0) {
			span line = span_cut(&rest, '\n');

			if (span_skip_nocase(&line, names[i]))
				return address_in(span_trim(line));
		}
	}
	return SPAN_NONE;
}

static void put_sender(span sender, struct buf *out)
{
	bool plain = sender.len > 0 && sender.len < NAME_LENGTH;

	for (size_t i = 0; plain && i < sender.len; i++)
		plain =
		    (unsigned char)sender.ptr[i] > ' ' && sender.ptr[i] != 0x7f;
	buf_put(out, plain ? sender : SPAN("MAILER-DAEMON"));
}

static int maildir_from_line(struct folder *f, size_t i, struct buf *out)
{
	CLEANUP(buf_done) struct buf header = BUF_INIT(HEADER_FOR_FROM);
	CLEANUP(fd_close) int fd = open_message(f, i);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = maildir_header(f, i, &header);
	if (r < 0 && r != -EFBIG)
		return r;
	buf_put(out, SPAN("From "));
	put_sender(find_sender(buf_span(&header)), out);
	buf_putc(out, ' ');
	date_write_ctime(out, (usec)st.st_mtim.tv_sec * USEC_SEC);
	return out->failed ? -EFBIG : 0;
}

/* Committing */

static int rename_new(int from, const char *name, int to, const char *as)
{
	if (renameat2(from, name, to, as, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(from, name, to, as, 0) < 0)
		return -errno;
	return os_error(unlinkat(from, name, 0));
}

static int move(struct folder *f, struct folder_item *item, uint8_t flags)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(NAME_LENGTH);
	const char *old = file_name(f, item);
	size_t at = f->names.len;
	int r;

	folder_name_write(span_str(old), flags, &name);
	r = rename_new(file_dir(f, item), old, f->cur_dir, buf_cstr(&name));
	/* Two files of one name: flags are not worth to lose one of them. */
	if (r == -EEXIST)
		return 0;
	if (r < 0)
		return r;
	f->is_dirty = true;
	buf_put(&f->names, buf_span(&name));
	buf_putc(&f->names, '\0');
	if (f->names.failed)
		return -ENOMEM;
	item->at = at;
	item->m.state &= (uint8_t)~FOLDER_IN_NEW;
	item->m.flags = item->m.before = flags | FOLDER_OLD;
	return 0;
}

static int apply(struct folder *f, struct folder_item *item, bool mark_old)
{
	uint8_t flags = folder_wanted(item, mark_old);
	int r;

	if (item->m.state & FOLDER_GONE)
		return 0;
	if (item->m.flags & FOLDER_DELETED) {
		r = os_error(
		    unlinkat(file_dir(f, item), file_name(f, item), 0));
		if (r == 0)
			item->m.state |= FOLDER_GONE;
		f->is_dirty = f->is_dirty || r == 0;
		return r;
	}
	if (!(item->m.state & FOLDER_IN_NEW))
		flags |= FOLDER_OLD;
	return flags == item->m.before ? 0 : move(f, item, flags);
}

static int apply_all(struct folder *f, size_t n, bool mark_old)
{
	bool listed = false;
	size_t news;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = apply(f, &f->items[i], mark_old);
		if (r != -ENOENT)
			continue;
		/* Another reader was here. */
		if (!listed)
			r = resync(f, &news);
		listed = true;
		if (r == 0 || r == -ENOENT)
			r = apply(f, &f->items[i], mark_old);
		if (r == -ENOENT) {
			f->items[i].m.state |= FOLDER_GONE;
			r = 0;
		}
	}
	return r;
}

/* Contents are on the disk long since; these are the names. */
static int flush(struct folder *f)
{
	int r = os_error(fsync(f->cur_dir));

	if (r == 0)
		r = os_error(fsync(f->new_dir));
	(void)take_stamp(f->new_dir, &f->new_stamp);
	(void)take_stamp(f->cur_dir, &f->cur_stamp);
	f->is_dirty = false;
	return r;
}

static int maildir_commit_folder(
    struct folder *f, struct folder_commit *c, struct folder_trouble *t)
{
	size_t seen = f->shown;
	int r = maildir_refresh(f, &c->ret_new, t);

	if (r < 0)
		return r;
	r = apply_all(f, seen, c->mark_old);
	c->ret_new = f->count - seen;
	if (f->is_dirty)
		r = r < 0 ? r : flush(f);
	folder_drop_gone(f);
	c->ret_kept = f->count;
	return r < 0 ? folder_fail(t, r, f->path, "") : 0;
}

const struct folder_methods folder_maildir = {
	.open = maildir_open_folder,
	.measure = maildir_measure,
	.from_line = maildir_from_line,
	.header = maildir_header,
	.each_piece = maildir_each_piece,
	.refresh = maildir_refresh,
	.has_news = maildir_has_news,
	.commit = maildir_commit_folder,
};
