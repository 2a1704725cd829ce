/* SPDX-License-Identifier: ISC */
/*
 * store/segment_io.c - preparing, loading, sealing and freeing of segments.
 *
 * A segment is filled under another name, so a segment under its own name
 * has all its blocks and a header. It is filled in pieces, each flushed by
 * itself: one flush of 16 MiB would stand in the way of commits for long.
 */
#include "store/segment_io.h"

#include "base/wire.h"

#include <errno.h>
#include <fcntl.h>

enum { PIECE = 1024 * 1024, TAIL = 64 * 1024 };

const char *segment_name(uint32_t slot, char name[SEGMENT_NAME_MAX])
{
	(void)snprintf(name, SEGMENT_NAME_MAX, "%08X.seg", slot);
	return name;
}

bool segment_slot(const char *name, uint32_t *ret_slot)
{
	char again[SEGMENT_NAME_MAX];
	uint32_t slot = 0;

	for (int i = 0; i < 8; i++) {
		char c = name[i];

		if (ascii_is_digit(c))
			slot = slot << 4 | (uint32_t)(c - '0');
		else if (c >= 'A' && c <= 'F')
			slot = slot << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	if (strcmp(segment_name(slot, again), name) != 0)
		return false;
	*ret_slot = slot;
	return true;
}

bool segment_is_unfinished(const char *name)
{
	return span_has_suffix_nocase(span_str(name), SPAN(".new"));
}

static int open_segment(const struct store *st, uint32_t slot, int flags)
{
	char name[SEGMENT_NAME_MAX];

	return st->ops->open(
	    st->ops->fs, st->dir, segment_name(slot, name), flags, 0);
}

/* --- writing -------------------------------------------------------------- */

static int fill(const struct store *st, int fd, uint32_t size)
{
	char *zeros = mem_new(MIN(size, (uint32_t)PIECE), 1);
	int r = 0;

	for (uint64_t at = 0; at < size && !r; at += PIECE) {
		size_t n = (size_t)MIN((uint64_t)PIECE, size - at);

		r = st->ops->write(st->ops->fs, fd, span_of(zeros, n), at);
		if (!r)
			r = st->ops->flush(st->ops->fs, fd);
	}
	mem_free(zeros);
	return r;
}

static int fill_and_name(const struct store *st, int fd, const char *from,
    uint32_t slot, const struct segment_header *h)
{
	char name[SEGMENT_NAME_MAX];
	int r;

	r = fill(st, fd, h->size);
	if (!r)
		r = segment_write_header(st, fd, 0, h);
	if (!r)
		r = st->ops->flush(st->ops->fs, fd);
	if (!r)
		r = st->ops->rename(
		    st->ops->fs, st->dir, from, segment_name(slot, name));
	if (!r)
		r = st->ops->flush_dir(st->ops->fs, st->dir);
	return r;
}

int segment_prepare(
    const struct store *st, uint32_t slot, const struct segment_header *h)
{
	char name[SEGMENT_NAME_MAX];
	int fd;
	int r;

	(void)snprintf(name, sizeof(name), "%08X.new", slot);
	fd = st->ops->open(
	    st->ops->fs, st->dir, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return fd;
	r = fill_and_name(st, fd, name, slot, h);
	(void)st->ops->close(st->ops->fs, fd);
	if (r < 0) /* gives the space back; recovery would, too */
		(void)st->ops->unlink(st->ops->fs, st->dir, name);
	return r;
}

int segment_write_header(const struct store *st, int fd, unsigned block,
    const struct segment_header *h)
{
	struct buf b = BUF_INIT(SEGMENT_BLOCK);
	int r;

	segment_header_put(&b, h);
	r = st->ops->write(
	    st->ops->fs, fd, buf_span(&b), (uint64_t)block * SEGMENT_BLOCK);
	buf_done(&b);
	return r;
}

int segment_set_header(const struct store *st, uint32_t slot, unsigned block,
    const struct segment_header *h)
{
	int fd = open_segment(st, slot, O_RDWR);
	int r;

	if (fd < 0)
		return fd;
	r = segment_write_header(st, fd, block, h);
	if (!r)
		r = st->ops->flush(st->ops->fs, fd);
	(void)st->ops->close(st->ops->fs, fd);
	return r;
}

int segment_seal(const struct store *st, uint32_t slot, uint32_t size,
    span entries, uint64_t stamp)
{
	struct buf b = BUF_INIT(SEGMENT_MAX);
	int fd = open_segment(st, slot, O_RDWR);
	int r;

	if (fd < 0)
		return fd;
	segment_footer_put(&b, entries, stamp);
	r = b.len > size - SEGMENT_DATA ? -EFBIG : 0;
	if (!r)
		r = st->ops->write(st->ops->fs, fd, buf_span(&b), size - b.len);
	if (!r)
		r = st->ops->flush(st->ops->fs, fd);
	(void)st->ops->close(st->ops->fs, fd);
	buf_done(&b);
	return r;
}

/* --- loading -------------------------------------------------------------- */

struct loading {
	const struct store *st;
	int fd;
	struct loaded *out;
};

static int read_at(
    const struct loading *l, struct buf *to, size_t n, uint64_t at)
{
	char *room = buf_room(to, n);
	ssize_t r;

	if (!room)
		return -EFBIG;
	r = l->st->ops->read(l->st->ops->fs, l->fd, room, n, at);
	if (r < 0)
		return (int)r;
	to->len += (size_t)r;
	return 0;
}

/*
 * A header that is free but older than the segment's first record, when the
 * other header is unreadable: then that one was the newer (doc/queue.md 7).
 */
static bool first_record_knows_better(
    span start, bool has_header, struct segment_header *h)
{
	struct record r;

	if (!record_get(span_from(start, SEGMENT_DATA), &r))
		return false;
	if (has_header && (h->use != SEGMENT_FREE || r.seq < h->seq))
		return false;
	h->turn++;
	h->stamp = r.stamp;
	h->seq = r.seq;
	h->use = SEGMENT_HOT;
	return true;
}

static int choose_header(struct loading *l, span start, uint64_t file_size)
{
	struct segment_header h[2] = { { 0 }, { 0 } };
	enum header_result is[2];
	struct loaded *out = l->out;
	bool has_header;

	for (size_t i = 0; i < 2; i++)
		is[i] = segment_header_get(
		    span_first(
		        span_from(start, i * SEGMENT_BLOCK), SEGMENT_BLOCK),
		    &h[i]);
	if (is[0] == HEADER_FOREIGN || is[1] == HEADER_FOREIGN)
		return -EPROTONOSUPPORT;
	has_header = is[0] == HEADER_OK || is[1] == HEADER_OK;
	out->block =
	    is[0] != HEADER_OK || (is[1] == HEADER_OK && h[1].turn > h[0].turn);
	out->header = h[out->block];
	if (is[0] != HEADER_BAD && is[1] != HEADER_BAD) {
		out->is_lost = !has_header;
		return 0;
	}
	if (!has_header)
		out->header.size =
		    (uint32_t)MIN(file_size, (uint64_t)SEGMENT_MAX) /
		    SEGMENT_BLOCK * SEGMENT_BLOCK;
	if (out->header.size < SEGMENT_MIN)
		out->is_lost = true;
	else
		out->is_guessed =
		    first_record_knows_better(start, has_header, &out->header);
	if (out->is_guessed)
		out->block = is[0] == HEADER_BAD ? 0 : 1;
	else if (!has_header)
		out->is_lost = true;
	return 0;
}

static int load_footer(struct loading *l)
{
	uint32_t size = l->out->header.size;
	size_t need = MIN((size_t)TAIL, (size_t)(size - SEGMENT_DATA));
	struct buf tail = BUF_INIT(SEGMENT_MAX);
	enum footer_result is = FOOTER_SHORT;
	span entries = SPAN_NONE;
	int r = 0;

	while (!r && is == FOOTER_SHORT && need <= size - SEGMENT_DATA) {
		buf_clear(&tail);
		r = read_at(l, &tail, need, size - need);
		if (!r)
			is = tail.len < need
			    ? FOOTER_NONE
			    : segment_footer_get(buf_span(&tail),
			          l->out->header.stamp, &entries, &need);
	}
	if (!r && is == FOOTER_OK) {
		buf_init(&l->out->scan.entries, SEGMENT_MAX);
		buf_put(&l->out->scan.entries, entries);
		l->out->is_sealed = true;
		if (l->out->is_guessed)
			l->out->what = "segment header";
	}
	buf_done(&tail);
	return r;
}

static int load_by_scan(struct loading *l)
{
	struct buf image = BUF_INIT(SEGMENT_MAX);
	int r;

	r = read_at(l, &image, l->out->header.size, 0);
	if (!r)
		segment_scan(
		    buf_span(&image), l->out->header.stamp, &l->out->scan);
	buf_done(&image);
	return r;
}

/* Header and footer. */
static int load_ends(struct loading *l)
{
	struct buf start = BUF_INIT(2 * SEGMENT_DATA);
	uint64_t file_size = 0;
	int r;

	*l->out = (struct loaded){ 0 };
	r = l->st->ops->size(l->st->ops->fs, l->fd, &file_size);
	if (!r)
		r = read_at(l, &start, SEGMENT_DATA + RECORD_HEADER, 0);
	if (!r)
		r = choose_header(l, buf_span(&start), file_size);
	buf_done(&start);
	if (!r && !l->out->is_lost && l->out->header.use != SEGMENT_FREE)
		r = load_footer(l);
	return r;
}

/*
 * Without a footer, anything of the segment may be in memory only: the last
 * groups, the word "free". It is flushed; and because a flush that failed
 * earlier leaves pages that look clean, it is read again from the disk.
 */
static int load_from_disk(struct loading *l)
{
	int r;

	r = l->st->ops->flush(l->st->ops->fs, l->fd);
	if (!r)
		r = l->st->ops->uncache(l->st->ops->fs, l->fd);
	if (!r)
		r = load_ends(l);
	return r;
}

static int load(struct loading *l, unsigned flags)
{
	struct loaded *out = l->out;
	int r;

	r = load_ends(l);
	if (!r && !out->is_sealed && (flags & LOAD_FLUSH))
		r = load_from_disk(l);
	if (r || out->is_sealed || out->is_lost ||
	    out->header.use == SEGMENT_FREE)
		return r;
	r = load_by_scan(l);
	/* A header may be torn together with the first group: that is not
	 * damage. A second group proves that it was there. */
	if (!r && out->is_guessed && out->scan.last_group > SEGMENT_DATA)
		out->what = "segment header";
	return r;
}

int segment_load(
    const struct store *st, uint32_t slot, unsigned flags, struct loaded *ret)
{
	int fd = open_segment(st, slot, flags & LOAD_FLUSH ? O_RDWR : O_RDONLY);
	struct loaded out = { 0 };
	struct loading l = { st, fd, &out };
	int r;

	if (fd < 0)
		return fd;
	r = load(&l, flags);
	(void)st->ops->close(st->ops->fs, fd);
	if (r < 0)
		loaded_done(&out);
	else
		*ret = out;
	return r;
}

void loaded_done(struct loaded *l)
{
	scan_done(&l->scan);
}
