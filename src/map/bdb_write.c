/* SPDX-License-Identifier: ISC */
/*
 * map/bdb_write.c - collecting the pairs of a new Berkeley DB file.
 *
 * Everything is kept in memory, in order of arrival, with an index by the
 * hash of the key so that duplicates are noticed at once. Writing then knows
 * all pairs, so each page is made once, full, and in the order of the file.
 * The metadata page is written last.
 *
 * The hash is the one of the file format and has no secret: who can choose
 * the keys can make this slow. So it is with the library.
 */
#include "map/bdb_write.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "os/error.h"

enum {
	OUT_PAGES = 64, /* written at once */
	FIRST_ROOM = 1024,
	MAX_LENGTH = 1 << 30, /* of keys and values */
	VERSION = 9,
	ITEMS = BDB_PAGE - BDB_HEADER,
};

struct bdb_writer *bdb_writer_new(enum bdb_kind kind)
{
	struct bdb_writer *w = NEW(struct bdb_writer);

	w->kind = kind;
	arena_init(&w->bytes, SIZE_MAX);
	return w;
}

void bdb_writer_free(struct bdb_writer **pw)
{
	struct bdb_writer *w = STEAL(*pw);

	if (!w)
		return;
	arena_done(&w->bytes);
	mem_free(w->entries);
	mem_free(w->heads);
	mem_free(w->front.pages);
	mem_free(w->back.pages);
	mem_free(w);
}

size_t bdb_count(const struct bdb_writer *w)
{
	return w->live;
}

/* --- the index --- */

static struct entry *find_entry(
    const struct bdb_writer *w, span key, uint32_t hash)
{
	uint32_t n = w->heads ? w->heads[hash & w->mask] : 0;

	while (n) {
		struct entry *e = &w->entries[n - 1];

		if (e->hash == hash && span_eq(bdb_entry_key(e), key))
			return e;
		n = e->next;
	}
	return NULL;
}

static void link_entry(struct bdb_writer *w, uint32_t n)
{
	struct entry *e = &w->entries[n];
	uint32_t *head = &w->heads[e->hash & w->mask];

	e->next = *head;
	*head = n + 1;
}

static void grow(struct bdb_writer *w)
{
	w->room = w->room ? w->room * 2 : FIRST_ROOM;
	w->entries = mem_resize(w->entries, w->room, sizeof(*w->entries));
	mem_free(w->heads);
	w->heads = mem_new(w->room, sizeof(*w->heads));
	w->mask = w->room - 1;
	for (uint32_t i = 0; i < w->used; i++)
		if (w->entries[i].key)
			link_entry(w, i);
}

static const char *keep(struct bdb_writer *w, span s)
{
	span copy = arena_dup(&w->bytes, s);

	/* The arena has no limit. */
	return copy.ptr;
}

int bdb_put(struct bdb_writer *w, span key, span value, bool replace)
{
	uint32_t hash = bdb_hash(key);
	struct entry *e = find_entry(w, key, hash);

	if (e && !replace)
		return BDB_THERE;
	if (key.len > MAX_LENGTH || value.len > MAX_LENGTH)
		return -EFBIG;
	if (e) {
		e->value = keep(w, value);
		e->value_length = (uint32_t)value.len;
		return BDB_PUT;
	}
	if (w->used == INT32_MAX / 2)
		return -EFBIG;
	if (w->used == w->room)
		grow(w);
	e = &w->entries[w->used];
	*e = (struct entry){
		.key = keep(w, key),
		.value = keep(w, value),
		.key_length = (uint32_t)key.len,
		.value_length = (uint32_t)value.len,
		.hash = hash,
	};
	link_entry(w, w->used++);
	w->live++;
	return BDB_PUT;
}

bool bdb_drop(struct bdb_writer *w, span key)
{
	uint32_t hash = bdb_hash(key);
	struct entry *e = find_entry(w, key, hash);
	uint32_t *link;

	if (!e)
		return false;
	link = &w->heads[hash & w->mask];
	while (&w->entries[*link - 1] != e)
		link = &w->entries[*link - 1].next;
	*link = e->next;
	e->key = NULL;
	w->live--;
	return true;
}

/* --- order --- */

struct sorted bdb_sortable(const struct bdb_writer *w, uint32_t entry)
{
	const struct entry *e = &w->entries[entry];
	struct sorted s = { .entry = entry };

	memcpy(s.prefix, e->key, MIN(e->key_length, sizeof(s.prefix)));
	s.prefix[0] = be64toh(s.prefix[0]);
	s.prefix[1] = be64toh(s.prefix[1]);
	return s;
}

/* By the beginnings; 0 when they say nothing. */
static int compare_prefix(const struct sorted *x, const struct sorted *y)
{
	for (unsigned i = 0; i < ARRAY_LEN(x->prefix); i++)
		if (x->prefix[i] != y->prefix[i])
			return x->prefix[i] < y->prefix[i] ? -1 : 1;
	return 0;
}

static int compare_in_btree(const void *a, const void *b, void *ctx)
{
	const struct bdb_writer *w = ctx;
	const struct sorted *x = a;
	const struct sorted *y = b;
	int r = compare_prefix(x, y);

	if (r != 0)
		return r;
	return bdb_compare(bdb_entry_key(&w->entries[x->entry]),
	    bdb_entry_key(&w->entries[y->entry]));
}

static int compare_in_hash(const void *a, const void *b, void *ctx)
{
	const struct bdb_writer *w = ctx;
	const struct sorted *x = a;
	const struct sorted *y = b;
	span key_x = bdb_entry_key(&w->entries[x->entry]);
	span key_y = bdb_entry_key(&w->entries[y->entry]);
	int r = 0;

	/* Shorter ones were filled up with zeros, which is not this order. */
	if (MIN(key_x.len, key_y.len) >= sizeof(x->prefix))
		r = compare_prefix(x, y);
	if (r != 0)
		return r;
	return bdb_hash_compare(
	    key_x, key_y, MAX(key_x.len, key_y.len) > BDB_HASH_BIG);
}

void bdb_sort(struct bdb_writer *w, struct sorted *s, size_t n)
{
	qsort_r(s, n, sizeof(*s),
	    w->kind == BDB_HASH ? compare_in_hash : compare_in_btree, w);
}

/* --- pages --- */

static void flush(struct out *out)
{
	const char *from = (const char *)out->pages;
	size_t n = (size_t)out->count * BDB_PAGE;

	while (n > 0 && out->error == 0) {
		ssize_t done = os_size(pwrite(out->fd, from, n, out->at));

		if (done < 0 && done != -EINTR)
			out->error = (int)done;
		if (done < 0)
			continue;
		from += done;
		n -= (size_t)done;
		out->at += done;
	}
	out->count = 0;
}

void bdb_out_begin(struct out *out, int fd, uint32_t pgno)
{
	*out = (struct out){
		.fd = fd,
		.at = (off_t)pgno * BDB_PAGE,
		.pages = mem_new(OUT_PAGES, BDB_PAGE),
	};
}

void bdb_out_move(struct out *out, uint32_t pgno)
{
	flush(out);
	out->at = (off_t)pgno * BDB_PAGE;
}

uint8_t *bdb_out_page(struct out *out)
{
	uint8_t *p;

	if (out->count == OUT_PAGES)
		flush(out);
	p = out->pages + (size_t)out->count++ * BDB_PAGE;
	memset(p, 0, BDB_PAGE);
	return p;
}

/* The lsn says: in no log. */
void bdb_page_init(uint8_t *p, uint32_t pgno, enum bdb_page_type type)
{
	bdb_set32(p + 4, 1);
	bdb_set32(p + PAGE_PGNO, pgno);
	bdb_set16(p + PAGE_OFFSET, BDB_PAGE);
	p[PAGE_TYPE] = (uint8_t)type;
}

static size_t get16(const uint8_t *p)
{
	uint16_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

size_t bdb_page_room(const uint8_t *p)
{
	return get16(p + PAGE_OFFSET) - BDB_HEADER -
	    2 * get16(p + PAGE_ENTRIES);
}

uint8_t *bdb_page_add(uint8_t *p, size_t size)
{
	size_t entries = get16(p + PAGE_ENTRIES);
	size_t offset = get16(p + PAGE_OFFSET) - size;

	bdb_set16(p + BDB_HEADER + 2 * entries, offset);
	bdb_set16(p + PAGE_ENTRIES, entries + 1);
	bdb_set16(p + PAGE_OFFSET, offset);
	return p + offset;
}

uint32_t bdb_put_big(struct bdb_writer *w, span bytes)
{
	uint32_t first = w->next_pgno;
	uint32_t prev = 0;

	while (bytes.len > 0) {
		uint8_t *p = bdb_out_page(&w->back);
		size_t n = MIN(bytes.len, (size_t)ITEMS);
		uint32_t pgno = w->next_pgno++;

		bdb_page_init(p, pgno, PAGE_OVERFLOW);
		bdb_set32(p + PAGE_PREV, prev);
		bdb_set32(p + PAGE_NEXT, n < bytes.len ? pgno + 1 : 0);
		bdb_set16(p + PAGE_ENTRIES, 1); /* references */
		bdb_set16(p + PAGE_OFFSET, n);  /* length */
		memcpy(p + BDB_HEADER, bytes.ptr, n);
		bytes = span_from(bytes, n);
		prev = pgno;
	}
	return first;
}

void bdb_meta_init(uint8_t *p, uint32_t magic, uint8_t type)
{
	bdb_set32(p + 4, 1);
	bdb_set32(p + META_MAGIC, magic);
	bdb_set32(p + META_VERSION, VERSION);
	bdb_set32(p + META_PAGE_SIZE, BDB_PAGE);
	p[META_TYPE] = type;
	/* The library tells files apart by this. */
	if (getrandom(p + META_UID, META_UID_SIZE, 0) != META_UID_SIZE)
		bug("getrandom");
}

int bdb_write(struct bdb_writer *w, int fd)
{
	uint8_t meta[BDB_PAGE] = { 0 };
	struct out last = { .fd = fd, .pages = meta, .count = 1 };

	if (w->kind == BDB_HASH)
		bdb_write_hash(w, fd, meta);
	else
		bdb_write_btree(w, fd, meta);
	flush(&w->front);
	flush(&w->back);
	bdb_set32(meta + META_LAST_PGNO, w->next_pgno - 1);
	flush(&last);
	mem_free(w->front.pages);
	mem_free(w->back.pages);
	w->front.pages = NULL;
	w->back.pages = NULL;
	if (w->front.error || w->back.error)
		return w->front.error ? w->front.error : w->back.error;
	return last.error;
}
