/* SPDX-License-Identifier: ISC */
/*
 * map/lmdb_file.c - the B+tree of LMDB.
 *
 *	page 0, 1   meta: a state of the table; the one with the higher
 *	            transaction number is the newest
 *	branch      keys and numbers of pages below; the first key is "less
 *	            than everything"
 *	leaf        keys and values; a long value is a number of overflow
 *	            pages that follow each other
 *
 * A transaction writes new pages beside the old ones and then one meta page.
 * Pages become free for reuse two transactions later (lmdb_file.h).
 */
#include "map/lmdb_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

enum {
	HEADER = 16, /* of a page */
	META = 136,
	MAGIC = 0xBEEFC0DE & 0x7fffffff, /* without the sign */
	MIN_PAGE = 256,
	MAX_PAGE = 65536,
	MAX_DEPTH = 32,
	FEW_SLOTS = 256,
	MAX_WHOLE = 1 << 30,
	TRIES = 20, /* then lock the others out */
};

enum page_flag {
	PAGE_BRANCH = 1,
	PAGE_LEAF = 2,
	PAGE_OVERFLOW = 4,
	PAGE_META = 8,
};

enum node_flag { NODE_BIG = 1 };

enum {
	/* The reading functions: start again, there is a newer state. */
	STALE = 1,
};

#define NO_PAGE UINT64_MAX

struct state {
	uint64_t txn;
	uint64_t root;
	uint64_t last;
	uint32_t page_size;
	uint16_t flags;
};

struct slot {
	uint64_t pgno;
	uint8_t *bytes; /* NULL: empty */
};

struct lmdb_file {
	int fd;
	bool bulk;
	struct state now;
	span all; /* `bulk`: the whole file */
	struct slot *slots;
	uint32_t mask;
	uint32_t page_size; /* of the slots */
};

struct node {
	span key;
	uint64_t child; /* of a branch */
	uint32_t size;  /* of the value */
	uint16_t flags;
	const char *data;
};

static uint16_t get16(const uint8_t *p)
{
	uint16_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

/* --- the file --- */

/* All of it, or -EBADMSG. */
static int read_at(const struct lmdb_file *f, void *to, size_t n, uint64_t at)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got;

		if (at + done > INT64_MAX)
			return -EBADMSG;
		got = os_size(pread(
		    f->fd, (char *)to + done, n - done, (off_t)(at + done)));
		if (got == -EINTR)
			continue;
		if (got < 0)
			return (int)got;
		if (got == 0)
			return -EBADMSG;
		done += (size_t)got;
	}
	return 0;
}

static bool parse_meta(const uint8_t *page, struct state *ret)
{
	const uint8_t *m = page + HEADER;
	const uint8_t *main_table = m + 72;

	if (!(get16(page + 10) & PAGE_META) ||
	    (get32(m) & 0x7fffffff) != MAGIC || get32(m + 4) != 1)
		return false;
	*ret = (struct state){
		.page_size = get32(m + 24),
		.flags = get16(main_table + 4),
		.root = get64(main_table + 40),
		.last = get64(m + 120),
		.txn = get64(m + 128),
	};
	return ret->page_size >= MIN_PAGE && ret->page_size <= MAX_PAGE &&
	    (ret->page_size & (ret->page_size - 1)) == 0;
}

static int read_state(const struct lmdb_file *f, struct state *ret)
{
	uint8_t metas[4096 + HEADER + META];
	struct state second;
	size_t at = 4096;
	int r;

	/* One call where pages have the usual size. */
	r = read_at(f, metas, sizeof(metas), 0);
	if (r < 0)
		return r;
	if (!parse_meta(metas, ret))
		return -EBADMSG;
	if (ret->page_size != at) {
		r = read_at(f, metas, HEADER + META, ret->page_size);
		at = 0;
	}
	if (r < 0)
		return r;
	if (!parse_meta(metas + at, &second) ||
	    second.page_size != ret->page_size)
		return -EBADMSG;
	if (second.txn > ret->txn)
		*ret = second;
	return ret->flags == 0 ? 0 : -ENOTSUP;
}

/* --- pages held --- */

static void drop_pages(struct lmdb_file *f)
{
	for (uint32_t i = 0; f->slots && i <= f->mask; i++)
		mem_free(f->slots[i].bytes);
	mem_free(f->slots);
	f->slots = NULL;
	file_unmap(&f->all);
}

static void make_slots(struct lmdb_file *f)
{
	f->slots = mem_new(FEW_SLOTS, sizeof(f->slots[0]));
	f->mask = FEW_SLOTS - 1;
	f->page_size = f->now.page_size;
}

static int check_state(const struct lmdb_file *f);

/* As much as fits; the rest page by page. */
static int read_whole(struct lmdb_file *f)
{
	int r = file_copy(f->fd, MAX_WHOLE, &f->all);

	if (r == -EFBIG)
		return 0;
	if (r == 0 && check_state(f) == STALE)
		file_unmap(&f->all);
	return r;
}

/* Another state: pages that we hold may be other ones in it. */
static int refresh(struct lmdb_file *f)
{
	struct state now;
	int r = read_state(f, &now);

	if (r < 0)
		return r;
	if (f->slots && now.txn == f->now.txn && now.page_size == f->page_size)
		return 0;
	drop_pages(f);
	f->now = now;
	make_slots(f);
	return f->bulk ? read_whole(f) : 0;
}

/* Whether what was just read still belongs to our state. */
static int check_state(const struct lmdb_file *f)
{
	struct state now;
	int r = read_state(f, &now);

	if (r < 0)
		return r;
	return now.txn > f->now.txn + 1 || now.txn < f->now.txn ? STALE : 0;
}

/* What is damaged may just have been overwritten. */
static int damaged(const struct lmdb_file *f)
{
	int r = check_state(f);

	return r == 0 ? -EBADMSG : r;
}

static bool is_sound(const struct lmdb_file *f, const uint8_t *p)
{
	uint16_t flags = get16(p + 10);
	uint16_t lower = get16(p + 12);
	uint16_t upper = get16(p + 14);

	/* 65536 does not fit: such a page has never been seen. */
	return (flags == PAGE_BRANCH || flags == PAGE_LEAF) &&
	    lower >= HEADER && lower <= upper && upper <= f->page_size &&
	    lower % 2 == 0;
}

/* A branch or leaf, until the next call. 0, STALE or a negative errno. */
static int get_page(struct lmdb_file *f, uint64_t pgno, const uint8_t **ret)
{
	struct slot *s = &f->slots[pgno & f->mask];
	int r;

	if (pgno >= 2 && pgno < f->all.len / f->page_size) {
		*ret = (const uint8_t *)f->all.ptr + pgno * f->page_size;
		return is_sound(f, *ret) ? 0 : -EBADMSG;
	}
	if (s->bytes && s->pgno == pgno) {
		*ret = s->bytes;
		return 0;
	}
	if (pgno > f->now.last || pgno < 2)
		return damaged(f);
	if (!s->bytes)
		s->bytes = mem_new(f->page_size, 1);
	s->pgno = NO_PAGE;
	r = read_at(f, s->bytes, f->page_size, pgno * f->page_size);
	if (r == 0)
		r = check_state(f);
	if (r != 0)
		return r == -EBADMSG ? damaged(f) : r;
	if (!is_sound(f, s->bytes) || get64(s->bytes) != pgno)
		return -EBADMSG;
	s->pgno = pgno;
	*ret = s->bytes;
	return 0;
}

static uint32_t count_of(const uint8_t *page)
{
	return (get16(page + 12) - HEADER) / 2U;
}

/* False: it does not lie within its page. */
static bool get_node(
    const struct lmdb_file *f, const uint8_t *page, uint32_t i, struct node *n)
{
	uint32_t at = get16(page + HEADER + 2 * i);
	const uint8_t *p = page + at;
	uint32_t key;
	uint32_t room;

	if (at < get16(page + 12) || at + 8 > f->page_size)
		return false;
	key = get16(p + 6);
	room = f->page_size - at - 8;
	if (key > room)
		return false;
	n->key = span_of(p + 8, key);
	n->data = (const char *)p + 8 + key;
	n->flags = get16(p + 4);
	n->size = get32(p);
	n->child = n->size | (uint64_t)n->flags << 32;
	if (get16(page + 10) & PAGE_BRANCH)
		return true;
	if (n->flags & NODE_BIG)
		return room - key >= 8;
	return n->flags == 0 && n->size <= room - key;
}

/* --- looking up --- */

/*
 * The number of the last node whose key is not greater; `exact` says whether
 * it is equal. In a leaf, -1: all are greater.
 */
static int search(const struct lmdb_file *f, const uint8_t *page, span key,
    int64_t *ret, bool *ret_exact)
{
	bool branch = get16(page + 10) & PAGE_BRANCH;
	int64_t low = branch ? 0 : -1;
	int64_t high = count_of(page);

	*ret_exact = false;
	if (branch && high == 0)
		return -EBADMSG;
	while (low + 1 < high) {
		int64_t middle = (low + high) / 2;
		struct node n;
		int order;

		if (!get_node(f, page, (uint32_t)middle, &n))
			return -EBADMSG;
		order = span_cmp(n.key, key);
		if (order == 0)
			*ret_exact = true;
		if (order <= 0)
			low = middle;
		else
			high = middle;
		if (order == 0)
			break;
	}
	*ret = low;
	return 0;
}

static int get_value(struct lmdb_file *f, const struct node *n, struct buf *out)
{
	const uint8_t *data = (const uint8_t *)n->data;
	uint8_t header[HEADER];
	uint64_t pgno;
	char *room;
	int r;

	if (!(n->flags & NODE_BIG)) {
		buf_put(out, span_of(n->data, n->size));
		return 0;
	}
	pgno = get64(data);
	if (pgno > f->now.last || pgno < 2 ||
	    n->size / f->page_size > f->now.last - pgno)
		return damaged(f);
	if (n->size < f->all.len &&
	    pgno * f->page_size + HEADER <= f->all.len - n->size) {
		buf_put(out,
		    span_of(
		        f->all.ptr + pgno * f->page_size + HEADER, n->size));
		return 0;
	}
	r = read_at(f, header, HEADER, pgno * f->page_size);
	if (r == 0 && !(get16(header + 10) & PAGE_OVERFLOW))
		r = -EBADMSG;
	room = r == 0 ? buf_room(out, n->size) : NULL;
	if (room)
		r = read_at(f, room, n->size, pgno * f->page_size + HEADER);
	if (r == -EBADMSG)
		return damaged(f);
	if (r == 0)
		r = check_state(f);
	if (r == 0 && room)
		out->len += n->size;
	return r;
}

/* LMDB_FOUND and LMDB_NONE by *ret_found; 0, STALE or a negative errno. */
static int get_once(
    struct lmdb_file *f, span key, struct buf *value, bool *ret_found)
{
	uint64_t pgno = f->now.root;

	*ret_found = false;
	for (int depth = 0; depth < MAX_DEPTH && pgno != NO_PAGE; depth++) {
		const uint8_t *page;
		struct node n;
		int64_t i;
		bool exact;
		int r = get_page(f, pgno, &page);

		if (r == 0)
			r = search(f, page, key, &i, &exact);
		if (r != 0)
			return r;
		if (get16(page + 10) & PAGE_LEAF && !exact)
			return 0;
		if (!get_node(f, page, (uint32_t)i, &n))
			return -EBADMSG;
		if (get16(page + 10) & PAGE_LEAF) {
			*ret_found = true;
			return get_value(f, &n, value);
		}
		pgno = n.child;
	}
	return pgno == NO_PAGE ? 0 : -EBADMSG;
}

/* As all who lock LMDB files for Postfix do. */
static int set_lock(const struct lmdb_file *f, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
	int r;

	do
		r = os_error(fcntl(f->fd, F_SETLKW, &lock));
	while (r == -EINTR);
	return r;
}

static int get_fresh(struct lmdb_file *f, span key, struct buf *value)
{
	size_t before = value->len;
	bool found = false;
	int r = f->bulk ? 0 : refresh(f);

	for (int i = 0; i < TRIES && r == 0; i++) {
		r = get_once(f, key, value, &found);
		if (r != STALE)
			break;
		value->len = before;
		r = refresh(f);
		if (r == 0 && i == TRIES - 1)
			r = -EAGAIN;
	}
	if (r < 0)
		return r;
	return found ? LMDB_FOUND : LMDB_NONE;
}

int lmdb_file_get(struct lmdb_file *f, span key, struct buf *value)
{
	int r = get_fresh(f, key, value);

	if (r != -EAGAIN)
		return r;
	r = set_lock(f, F_RDLCK);
	if (r < 0)
		return r;
	r = refresh(f);
	if (r == 0)
		r = get_fresh(f, key, value);
	(void)set_lock(f, F_UNLCK);
	return r;
}

int lmdb_file_refresh(struct lmdb_file *f)
{
	return refresh(f);
}

/* --- all of it --- */

struct walk {
	struct lmdb_file *f;
	lmdb_each_fn *fn;
	void *ctx;
	struct buf big;
	uint64_t pages; /* seen: no more than there are, or they go round */
	struct level {
		uint64_t pgno;
		uint32_t next; /* node */
	} path[MAX_DEPTH];
	int depth;
};

static int walk_leaf(struct walk *w, const uint8_t *page, bool *ret_more)
{
	for (uint32_t i = 0; i < count_of(page) && *ret_more; i++) {
		struct node n;
		span value;
		int r = 0;

		if (!get_node(w->f, page, i, &n))
			return -EBADMSG;
		value = span_of(n.data, n.size);
		if (n.flags & NODE_BIG) {
			buf_clear(&w->big);
			r = get_value(w->f, &n, &w->big);
			value = buf_span(&w->big);
		}
		if (r != 0)
			return r;
		*ret_more = w->fn(w->ctx, n.key, value);
	}
	return 0;
}

static int enter(struct walk *w, uint64_t pgno)
{
	if (w->depth == MAX_DEPTH || w->pages++ > w->f->now.last)
		return -EBADMSG;
	w->path[w->depth++] = (struct level){ .pgno = pgno };
	return 0;
}

/* One page, or one step in a branch. */
static int walk_step(struct walk *w, bool *ret_more)
{
	struct level *at = &w->path[w->depth - 1];
	const uint8_t *page;
	struct node n;
	int r = get_page(w->f, at->pgno, &page);

	if (r != 0)
		return r;
	if (get16(page + 10) & PAGE_LEAF) {
		w->depth--;
		return walk_leaf(w, page, ret_more);
	}
	if (at->next == count_of(page)) {
		w->depth--;
		return 0;
	}
	if (!get_node(w->f, page, at->next++, &n))
		return -EBADMSG;
	return enter(w, n.child);
}

int lmdb_file_each(struct lmdb_file *f, lmdb_each_fn *fn, void *ctx)
{
	struct walk w = { .f = f, .fn = fn, .ctx = ctx };
	bool more = true;
	int r;

	buf_init(&w.big, UINT32_MAX);
	/* Nobody writes meanwhile. */
	r = set_lock(f, F_RDLCK);
	if (r == 0)
		r = refresh(f);
	if (r == 0 && f->now.root != NO_PAGE)
		r = enter(&w, f->now.root);
	while (r == 0 && w.depth > 0 && more)
		r = walk_step(&w, &more);
	(void)set_lock(f, F_UNLCK);
	buf_done(&w.big);
	return r == STALE ? -EAGAIN : r;
}

/* --- opening --- */

int lmdb_file_open(int fd, bool bulk, struct lmdb_file **ret)
{
	struct lmdb_file *f = NEW(struct lmdb_file);
	int r;

	f->fd = fd;
	f->bulk = bulk;
	r = refresh(f);
	if (r < 0) {
		f->fd = -1;
		lmdb_file_close(&f);
		return r;
	}
	*ret = f;
	return 0;
}

int lmdb_file_check(int fd)
{
	const struct lmdb_file f = { .fd = fd };
	struct state state;
	struct stat st;
	int r = read_state(&f, &state);

	if (r == 0)
		r = os_error(fstat(fd, &st));
	/* The library maps as much as the metadata says. */
	if (r == 0 && (uint64_t)st.st_size / state.page_size < state.last + 1)
		r = -EBADMSG;
	return r;
}

void lmdb_file_close(struct lmdb_file **pf)
{
	struct lmdb_file *f = STEAL(*pf);

	if (!f)
		return;
	drop_pages(f);
	if (f->fd >= 0)
		(void)close(f->fd);
	mem_free(f);
}

int lmdb_file_fd(const struct lmdb_file *f)
{
	return f->fd;
}
