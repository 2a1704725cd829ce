/* SPDX-License-Identifier: ISC */
#include "store/folder_plan.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	STATUS_FLAGS = FOLDER_SEEN | FOLDER_OLD,
	XSTATUS_FLAGS = FOLDER_FLAGGED | FOLDER_ANSWERED | FOLDER_DRAFT,
	PIECE = 256 << 10,
	FIRST_EDITS = 16,
};

void folder_plan_done(struct folder_plan *p)
{
	mem_free(p->edits);
	p->edits = NULL;
}

/* Texts */

void folder_status_write(uint8_t flags, struct buf *out)
{
	if (flags & STATUS_FLAGS)
		buf_printf(out, "Status: %s%s\n",
		    flags & FOLDER_SEEN ? "R" : "",
		    flags & FOLDER_OLD ? "O" : "");
	if (flags & XSTATUS_FLAGS)
		buf_printf(out, "X-Status: %s%s%s\n",
		    flags & FOLDER_FLAGGED ? "F" : "",
		    flags & FOLDER_ANSWERED ? "A" : "",
		    flags & FOLDER_DRAFT ? "T" : "");
}

size_t folder_edit_text(
    const struct folder_edit *e, char text[static FOLDER_EDIT_TEXT])
{
	CLEANUP(buf_done) struct buf lines = BUF_INIT(FOLDER_EDIT_TEXT);
	size_t n = 0;

	if (e->put & FOLDER_PUT_NEWLINE)
		text[n++] = '\n';
	if (e->put & FOLDER_PUT_STATUS)
		folder_status_write(e->flags & STATUS_FLAGS, &lines);
	if (e->put & FOLDER_PUT_XSTATUS)
		folder_status_write(e->flags & XSTATUS_FLAGS, &lines);
	if (e->put & FOLDER_PUT_EMPTY)
		buf_putc(&lines, '\n');
	for (size_t i = 0; i < lines.len; i++) {
		if (lines.data[i] == '\n' && e->put & FOLDER_PUT_CRLF)
			text[n++] = '\r';
		text[n++] = lines.data[i];
	}
	return n;
}

/* Making it */

static void add(struct folder_plan *p, const struct folder_edit *e)
{
	char text[FOLDER_EDIT_TEXT];

	if (p->count == p->room) {
		p->room += p->room / 2;
		p->edits = mem_resize(p->edits, p->room, sizeof(*p->edits));
	}
	assert(p->edits);
	p->edits[p->count++] = *e;
	p->new_size = p->new_size - e->cut + folder_edit_text(e, text);
}

/* Messages that go one after the other are one edit. */
static void add_deletion(struct folder_plan *p, const struct folder_item *item)
{
	struct folder_edit *last = p->count ? &p->edits[p->count - 1] : NULL;

	if (last && last->put == 0 && last->at + last->cut == item->at) {
		last->cut += item->m.size;
		p->new_size -= item->m.size;
		return;
	}
	add(p, &(struct folder_edit){ .at = item->at, .cut = item->m.size });
}

static uint8_t put_kind(enum folder_line kind)
{
	return kind == FOLDER_STATUS ? FOLDER_PUT_STATUS : FOLDER_PUT_XSTATUS;
}

/* A Status line: the first of its kind is replaced, others go. */
static void take_status(
    void *ctx, enum folder_line kind, uint64_t at, uint64_t length)
{
	struct folder_plan *p = ctx;
	uint8_t put = put_kind(kind);
	struct folder_edit e = {
		.at = p->base + at,
		.cut = length,
		.put = FOLDER_PUT_LINE,
		.flags = p->flags,
	};

	if (!(p->seen & put))
		e.put |= put;
	if (p->crlf)
		e.put |= FOLDER_PUT_CRLF;
	p->seen |= put;
	add(p, &e);
}

static void ignore(void *ctx, const struct folder_item *item)
{
	(void)ctx;
	(void)item;
}

/* Whether the bytes before `end` went with the last edit. */
static bool was_cut(const struct folder_plan *p, uint64_t end)
{
	const struct folder_edit *last;

	if (p->count == 0)
		return false;
	last = &p->edits[p->count - 1];
	return last->at + last->cut == end;
}

/* Where the header ends, and what it lacks to end there. */
static int header_end(const struct folder_plan *p, int fd,
    const struct folder_item *item, struct folder_edit *e)
{
	char tail[2];
	uint64_t end = item->at + item->head;

	if (folder_pread(fd, tail, 2, end - 2) != 2)
		return -ESTALE;
	e->at = end;
	if (!(item->m.form & (FOLDER_BARE | FOLDER_CUT))) {
		e->at -= tail[0] == '\r' ? 2 : 1;
	} else if (tail[0] == '\n' && tail[1] == '\r') {
		/* The file ends within what may become the empty line. */
		e->at--;
	} else {
		e->put |= FOLDER_PUT_EMPTY;
		if (tail[1] != '\n' && !was_cut(p, end))
			e->put |= FOLDER_PUT_NEWLINE;
	}
	return 0;
}

/* The lines that the header does not have yet. */
static int add_missing(
    struct folder_plan *p, int fd, const struct folder_item *item)
{
	struct folder_edit e = { .flags = p->flags };
	int r;

	if (p->flags & STATUS_FLAGS)
		e.put |= FOLDER_PUT_STATUS;
	if (p->flags & XSTATUS_FLAGS)
		e.put |= FOLDER_PUT_XSTATUS;
	e.put &= (uint8_t)~p->seen;
	if (e.put == 0)
		return 0;
	if (p->crlf)
		e.put |= FOLDER_PUT_CRLF;
	r = header_end(p, fd, item, &e);
	if (r == 0)
		add(p, &e);
	return r;
}

static int add_flags(struct folder_plan *p, int fd,
    const struct folder_item *item, uint8_t flags)
{
	static const struct folder_scan_calls calls = { .found = ignore,
		.status = take_status };
	struct folder_scan s;
	int r;

	p->flags = flags;
	p->seen = 0;
	p->base = item->at;
	p->crlf = item->m.form & FOLDER_CRLF;
	folder_scan_init(&s, 0, &calls, p);
	r = folder_scan_range(fd, &s, item->at, item->at + item->head);
	(void)!folder_scan_end(&s);
	return r < 0 ? r : add_missing(p, fd, item);
}

int folder_plan_make(struct folder_plan *p, const struct folder *f, int fd)
{
	int r = 0;

	*p = (struct folder_plan){ .old_size = (uint64_t)f->stamp.size };
	p->new_size = p->old_size;
	p->room = FIRST_EDITS;
	p->edits = mem_new(p->room, sizeof(*p->edits));
	for (size_t i = 0; r == 0 && i < f->count; i++) {
		const struct folder_item *item = &f->items[i];
		uint8_t flags = folder_wanted(item, false);

		if (item->m.flags & FOLDER_DELETED)
			add_deletion(p, item);
		else if (flags != item->m.before)
			r = add_flags(p, fd, item, flags);
	}
	return r;
}

uint64_t folder_plan_from(const struct folder_plan *p)
{
	return p->count > 0 ? p->edits[0].at : p->old_size;
}

/* The new file */

struct stream {
	int fd;
	folder_piece_fn *fn;
	void *ctx;
	char *piece;
	size_t used;
};

static int flush(struct stream *s)
{
	size_t n = s->used;

	s->used = 0;
	return n ? s->fn(s->ctx, span_of(s->piece, n)) : 0;
}

static int copy_range(struct stream *s, uint64_t at, uint64_t end)
{
	int r = 0;

	while (r == 0 && at < end) {
		size_t want = (size_t)MIN(end - at, (uint64_t)PIECE - s->used);
		ssize_t n = folder_pread(s->fd, s->piece + s->used, want, at);

		if (n < 0 || (size_t)n != want)
			return n < 0 ? (int)n : -ESTALE;
		at += want;
		s->used += want;
		if (s->used == PIECE)
			r = flush(s);
	}
	return r;
}

static int put_edit(struct stream *s, const struct folder_edit *e)
{
	char text[FOLDER_EDIT_TEXT];
	size_t n = folder_edit_text(e, text);
	int r = s->used + n > PIECE ? flush(s) : 0;

	memcpy(s->piece + s->used, text, n);
	s->used += n;
	return r;
}

int folder_plan_stream(
    const struct folder_plan *p, int fd, folder_piece_fn *fn, void *ctx)
{
	struct stream s = { .fd = fd, .fn = fn, .ctx = ctx };
	uint64_t at = folder_plan_from(p);
	int r = 0;

	s.piece = mem_new(PIECE, 1);
	for (size_t i = 0; r == 0 && i < p->count; i++) {
		r = copy_range(&s, at, p->edits[i].at);
		if (r == 0)
			r = put_edit(&s, &p->edits[i]);
		at = p->edits[i].at + p->edits[i].cut;
	}
	if (r == 0)
		r = copy_range(&s, at, p->old_size);
	if (r == 0)
		r = flush(&s);
	mem_free(s.piece);
	return r;
}

/* Afterwards */

static void apply_edit(struct folder_item *item, const struct folder_edit *e)
{
	char text[FOLDER_EDIT_TEXT];
	size_t n = folder_edit_text(e, text);

	if (e->put & FOLDER_PUT_NEWLINE && item->head == item->m.from)
		item->m.from++;
	item->m.size += n - e->cut;
	item->head += n - e->cut;
	item->m.lines += span_count(span_of(text, n), '\n');
	if (e->put & (FOLDER_PUT_NEWLINE | FOLDER_PUT_LINE))
		item->m.lines--;
	if (e->put & FOLDER_PUT_EMPTY)
		item->m.form &= (uint8_t) ~(FOLDER_BARE | FOLDER_CUT);
}

void folder_plan_apply(const struct folder_plan *p, struct folder *f)
{
	uint64_t moved = 0;
	size_t k = 0;
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++) {
		struct folder_item item = f->items[i];
		uint64_t end = item.at + item.m.size;
		bool is_last = i + 1 == f->count;

		if (item.m.flags & FOLDER_DELETED) {
			moved -= item.m.size;
			while (k < p->count && p->edits[k].at < end)
				k++;
			continue;
		}
		item.at += moved;
		for (; k < p->count && (p->edits[k].at < end || is_last); k++)
			apply_edit(&item, &p->edits[k]);
		moved += item.m.size - f->items[i].m.size;
		item.m.flags = item.m.before = folder_wanted(&item, false);
		f->items[kept++] = item;
	}
	f->count = kept;
}
