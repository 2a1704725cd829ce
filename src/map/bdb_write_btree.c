/* SPDX-License-Identifier: ISC */
/*
 * map/bdb_write_btree.c - laying out a btree file, from the leaves upwards.
 *
 * The root is page 1, as the library has it. The leaves follow, then come big
 * items and inner pages. An inner page needs only what tells its pages apart:
 * the shortest beginning of the first key on a page that is greater than the
 * last key on the page before.
 */
#include "map/bdb_write.h"

enum {
	ROOM = BDB_PAGE - BDB_HEADER,
	/* Four items must fit on a page: the library's rule. */
	BIG = ROOM / 4 - 10,
	ROOT = 1,
};

/* A page, and what stands for it on the page above. */
struct node {
	span least; /* not less than this are the keys on it */
	uint32_t pgno;
};

struct level {
	struct node *nodes;
	uint32_t count;
	uint8_t number; /* 1: the leaves */
};

static size_t align4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static size_t item_size(size_t length)
{
	return length > BIG ? BTREE_OVERFLOW_SIZE : align4(3 + length);
}

static size_t pair_size(const struct entry *e)
{
	return item_size(e->key_length) + item_size(e->value_length) + 4;
}

static void set_overflow(uint8_t *p, uint32_t pgno, size_t length)
{
	p[2] = BTREE_OVERFLOW;
	bdb_set32(p + 4, pgno);
	bdb_set32(p + 8, (uint32_t)length);
}

/* --- leaves --- */

/* Where the leaf ends that begins with pair `from`. */
static uint32_t leaf_end(
    const struct bdb_writer *w, const struct sorted *s, uint32_t from)
{
	size_t room = ROOM;

	while (from < w->live) {
		size_t need = pair_size(&w->entries[s[from].entry]);

		if (need > room)
			break;
		room -= need;
		from++;
	}
	return from;
}

static uint32_t count_leaves(const struct bdb_writer *w, const struct sorted *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->live; i = leaf_end(w, s, i))
		n++;
	return MAX(n, 1u);
}

static span tell_apart(span before, span first)
{
	size_t n = 0;

	while (n < before.len && n < first.len && before.ptr[n] == first.ptr[n])
		n++;
	return span_first(first, n + 1);
}

static void put_item(struct bdb_writer *w, uint8_t *page, span bytes)
{
	uint8_t *p = bdb_page_add(page, item_size(bytes.len));

	if (bytes.len > BIG) {
		set_overflow(p, bdb_put_big(w, bytes), bytes.len);
		return;
	}
	bdb_set16(p, bytes.len);
	p[2] = BTREE_KEYDATA;
	if (bytes.len)
		memcpy(p + 3, bytes.ptr, bytes.len);
}

static void write_leaf(
    struct bdb_writer *w, uint8_t *page, const struct sorted *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct entry *e = &w->entries[s[i].entry];

		put_item(w, page, bdb_entry_key(e));
		put_item(w, page, bdb_entry_value(e));
	}
}

static void write_leaves(
    struct bdb_writer *w, const struct sorted *s, struct level *leaves)
{
	uint32_t first = leaves->count > 1 ? ROOT + 1 : ROOT;
	uint32_t last = first + leaves->count - 1;
	uint32_t from = 0;

	for (uint32_t i = 0; i < leaves->count; i++) {
		struct node *node = &leaves->nodes[i];
		uint32_t end = leaf_end(w, s, from);
		uint8_t *p = bdb_out_page(&w->front);

		node->pgno = first + i;
		if (i > 0)
			node->least = tell_apart(
			    bdb_entry_key(&w->entries[s[from - 1].entry]),
			    bdb_entry_key(&w->entries[s[from].entry]));
		bdb_page_init(p, node->pgno, PAGE_BTREE_LEAF);
		p[PAGE_LEVEL] = 1;
		bdb_set32(p + PAGE_PREV, i > 0 ? node->pgno - 1 : 0);
		bdb_set32(
		    p + PAGE_NEXT, node->pgno < last ? node->pgno + 1 : 0);
		write_leaf(w, p, s + from, end - from);
		from = end;
	}
}

/* --- inner pages --- */

/* The first of a page is not compared: its key is not needed. */
static span inner_key(const struct node *n, bool first)
{
	return first ? SPAN_NONE : n->least;
}

static size_t inner_size(span key)
{
	return BTREE_INNER_HEAD +
	    (key.len > BIG ? BTREE_OVERFLOW_SIZE : align4(key.len));
}

static uint32_t inner_end(const struct level *below, uint32_t from)
{
	size_t room = ROOM;

	for (uint32_t i = from; i < below->count; i++) {
		size_t need =
		    inner_size(inner_key(&below->nodes[i], i == from)) + 2;

		if (need > room)
			return i;
		room -= need;
	}
	return below->count;
}

static void put_inner(
    struct bdb_writer *w, uint8_t *page, span key, uint32_t child)
{
	uint8_t *p = bdb_page_add(page, inner_size(key));
	uint8_t *bytes = p + BTREE_INNER_HEAD;

	bdb_set32(p + 4, child);
	if (key.len > BIG) {
		bdb_set16(p, BTREE_OVERFLOW_SIZE);
		p[2] = BTREE_OVERFLOW;
		set_overflow(bytes, bdb_put_big(w, key), key.len);
		return;
	}
	bdb_set16(p, key.len);
	p[2] = BTREE_KEYDATA;
	if (key.len)
		memcpy(bytes, key.ptr, key.len);
}

static void write_inner(struct bdb_writer *w, uint8_t *page,
    const struct level *below, uint32_t from, uint32_t end)
{
	page[PAGE_LEVEL] = below->number + 1;
	for (uint32_t i = from; i < end; i++)
		put_inner(w, page, inner_key(&below->nodes[i], i == from),
		    below->nodes[i].pgno);
}

/*
 * The pages above these, which take the place of them in `level`. A page is
 * made aside, as big keys want pages meanwhile.
 */
static void write_level(struct bdb_writer *w, struct level *level)
{
	uint32_t count = 0;
	uint32_t from = 0;

	while (from < level->count) {
		uint8_t page[BDB_PAGE] = { 0 };
		uint32_t end = inner_end(level, from);
		bool root = end - from == level->count;

		bdb_page_init(page, 0, PAGE_BTREE_INNER);
		write_inner(w, page, level, from, end);
		level->nodes[count] = level->nodes[from];
		level->nodes[count].pgno = root ? ROOT : w->next_pgno++;
		bdb_set32(page + PAGE_PGNO, level->nodes[count].pgno);
		memcpy(bdb_out_page(root ? &w->front : &w->back), page,
		    sizeof(page));
		count++;
		from = end;
	}
	level->count = count;
	level->number++;
}

void bdb_write_btree(struct bdb_writer *w, int fd, uint8_t *meta)
{
	struct sorted *s = mem_new(w->live, sizeof(*s));
	struct level level = { .number = 1 };
	uint32_t first;
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->used; i++)
		if (w->entries[i].key)
			s[n++] = bdb_sortable(w, i);
	bdb_sort(w, s, n);
	level.count = count_leaves(w, s);
	level.nodes = mem_new(level.count, sizeof(*level.nodes));
	first = level.count > 1 ? ROOT + 1 : ROOT;
	w->next_pgno = first + level.count;
	bdb_out_begin(&w->front, fd, first);
	bdb_out_begin(&w->back, fd, w->next_pgno);
	write_leaves(w, s, &level);
	bdb_out_move(&w->front, ROOT);
	while (level.count > 1)
		write_level(w, &level);
	mem_free(level.nodes);
	mem_free(s);
	bdb_meta_init(meta, BDB_BTREE_MAGIC, PAGE_BTREE_META);
	bdb_set32(meta + META_MINKEY, 2);
	bdb_set32(meta + META_RE_PAD, ' ');
	bdb_set32(meta + META_ROOT, ROOT);
}
