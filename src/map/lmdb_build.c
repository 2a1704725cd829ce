/* SPDX-License-Identifier: ISC */
/*
 * map/lmdb_build.c - pages of LMDB, from left to right.
 *
 * Each level of the tree has one page in the making. A page that is full gets
 * the next number, is written, and becomes an entry of the level above. The
 * format is described in lmdb_file.c.
 *
 * The library wants at least two children in each branch. So a full branch
 * gives its last child to the page that follows it, which then has two at
 * once; and a level with one child only is not made at all.
 */
#include "map/lmdb_build.h"

#include <errno.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

enum {
	PAGE = 4096,
	HEADER = 16,
	NODE = 8,  /* of a node, before its key */
	INDEX = 2, /* of a node, in the page */
	NODE_MAX = (((PAGE - HEADER) / 2) & ~1) - INDEX,
	LEVELS = 16,
	OUT_PAGES = 256,
	FREE_TABLE_FLAGS = 0x4008, /* one file without a folder, integer keys */
	FLAG_BRANCH = 1,
	FLAG_LEAF = 2,
	FLAG_OVERFLOW = 4,
	FLAG_META = 8,
	FLAG_BIG = 1, /* of a node */
};

struct page {
	uint8_t bytes[PAGE];
	uint32_t lower;
	uint32_t upper;
	span first; /* key */
	/* The last child, to give away. */
	span last;
	uint64_t last_pgno;
	uint32_t lower_before;
	uint32_t upper_before;
};

struct build {
	int fd;
	int error;
	uint64_t next;               /* page number */
	uint64_t counts[3];          /* branches, leaves, overflow pages */
	struct page *levels[LEVELS]; /* 0: leaves */
	uint8_t *out;
	size_t out_len;
};

enum { BRANCHES, LEAVES, OVERFLOWS };

static void set16(uint8_t *p, uint32_t n)
{
	uint16_t v = (uint16_t)n;

	memcpy(p, &v, sizeof(v));
}

static void set32(uint8_t *p, uint32_t n)
{
	memcpy(p, &n, sizeof(n));
}

static void set64(uint8_t *p, uint64_t n)
{
	memcpy(p, &n, sizeof(n));
}

/* --- output --- */

static void flush_out(struct build *b)
{
	if (b->error == 0)
		b->error = file_write_all(b->fd, span_of(b->out, b->out_len));
	b->out_len = 0;
}

static uint8_t *next_page(struct build *b)
{
	uint8_t *p;

	if (b->out_len == (size_t)OUT_PAGES * PAGE)
		flush_out(b);
	p = b->out + b->out_len;
	b->out_len += PAGE;
	b->next++;
	return p;
}

/* The number of the first page. */
static uint64_t put_overflow(struct build *b, span value)
{
	uint64_t pgno = b->next;
	size_t pages = (HEADER - 1 + value.len) / PAGE + 1;

	b->counts[OVERFLOWS] += pages;
	for (size_t i = 0; i < pages; i++) {
		uint8_t *p = next_page(b);
		size_t skip = i == 0 ? HEADER : 0;
		size_t n = MIN(value.len, PAGE - skip);

		memset(p, 0, PAGE);
		if (i == 0) {
			set64(p, pgno);
			set16(p + 10, FLAG_OVERFLOW);
			set32(p + 12, (uint32_t)pages);
		}
		memcpy(p + skip, value.ptr, n);
		value = span_from(value, n);
	}
	return pgno;
}

/* --- pages in the making --- */

static void begin_page(struct page *p)
{
	p->lower = HEADER;
	p->upper = PAGE;
	p->first = SPAN_NONE;
}

static struct page *level(struct build *b, int i)
{
	if (!b->levels[i]) {
		b->levels[i] = NEW(struct page);
		begin_page(b->levels[i]);
	}
	return b->levels[i];
}

static uint32_t count_of(const struct page *p)
{
	return (p->lower - HEADER) / INDEX;
}

static bool has_room(const struct page *p, size_t node)
{
	return p->upper - p->lower >= node + (node & 1) + INDEX;
}

static uint8_t *add_node(struct page *p, size_t node)
{
	p->lower_before = p->lower;
	p->upper_before = p->upper;
	p->upper -= (uint32_t)(node + (node & 1));
	set16(p->bytes + p->lower, p->upper);
	p->lower += INDEX;
	return p->bytes + p->upper;
}

/* Its number. */
static uint64_t write_page(struct build *b, struct page *p, uint32_t flag)
{
	uint64_t pgno = b->next;
	uint8_t *to = next_page(b);

	b->counts[flag == FLAG_LEAF ? LEAVES : BRANCHES]++;
	memset(p->bytes, 0, HEADER);
	set64(p->bytes, pgno);
	set16(p->bytes + 10, flag);
	set16(p->bytes + 12, p->lower);
	set16(p->bytes + 14, p->upper);
	memset(p->bytes + p->lower, 0, p->upper - p->lower);
	memcpy(to, p->bytes, PAGE);
	return pgno;
}

static void put_child(struct page *p, span key, uint64_t pgno)
{
	/* The first key of a branch is less than everything. */
	span stored = count_of(p) ? key : SPAN_NONE;
	uint8_t *n = add_node(p, NODE + stored.len);

	if (count_of(p) == 1)
		p->first = key;
	set32(n, (uint32_t)pgno);
	set16(n + 4, (uint32_t)(pgno >> 32));
	set16(n + 6, (uint32_t)stored.len);
	if (stored.len)
		memcpy(n + NODE, stored.ptr, stored.len);
	p->last = key;
	p->last_pgno = pgno;
}

/* A page of the level below is written: so it goes up as far as it must. */
static void add_child(struct build *b, int i, span key, uint64_t pgno)
{
	for (; i < LEVELS; i++) {
		struct page *p = level(b, i);
		span first = p->first;
		span last = p->last;
		uint64_t last_pgno = p->last_pgno;

		if (has_room(p, NODE + key.len)) {
			put_child(p, key, pgno);
			return;
		}
		p->lower = p->lower_before;
		p->upper = p->upper_before;
		uint64_t full = write_page(b, p, FLAG_BRANCH);
		begin_page(p);
		put_child(p, last, last_pgno);
		put_child(p, key, pgno);
		key = first;
		pgno = full;
	}
	b->error = -EFBIG;
}

static void end_leaf(struct build *b)
{
	struct page *leaf = level(b, 0);
	span first = leaf->first;
	uint64_t pgno = write_page(b, leaf, FLAG_LEAF);

	begin_page(leaf);
	add_child(b, 1, first, pgno);
}

static void add_pair(struct build *b, const struct pair *pair)
{
	struct page *leaf = level(b, 0);
	size_t key = pair->key_len;
	bool big = NODE + key + pair->value_len > NODE_MAX;
	size_t size = NODE + key + (big ? sizeof(uint64_t) : pair->value_len);
	uint64_t pgno = big ? put_overflow(b, pair_value(pair)) : 0;
	uint8_t *n;

	if (!has_room(leaf, size))
		end_leaf(b);
	if (leaf->lower == HEADER)
		leaf->first = pair_key(pair);
	n = add_node(leaf, size);
	set32(n, pair->value_len);
	set16(n + 4, big ? FLAG_BIG : 0);
	set16(n + 6, (uint32_t)key);
	memcpy(n + NODE, pair->key, key);
	if (big)
		memcpy(n + NODE + key, &pgno, sizeof(pgno));
	else
		memcpy(n + NODE + key, pair->value, pair->value_len);
}

/* --- the ends --- */

/* Write what is left; the root's number, and how deep it lies. */
static uint64_t end_tree(struct build *b, uint32_t *ret_depth)
{
	if (!b->levels[0])
		return UINT64_MAX;
	end_leaf(b);
	for (int i = 1; i < LEVELS; i++) {
		struct page *p = level(b, i);

		*ret_depth = (uint32_t)i;
		if (count_of(p) == 1)
			return p->last_pgno;
		span first = p->first;
		uint64_t pgno = write_page(b, p, FLAG_BRANCH);

		if (i + 1 < LEVELS)
			add_child(b, i + 1, first, pgno);
	}
	b->error = -EFBIG;
	return UINT64_MAX;
}

static void meta_page(uint8_t *p, uint32_t pgno, uint64_t map_size)
{
	uint8_t *m = p + HEADER;

	set64(p, pgno);
	set16(p + 10, FLAG_META);
	set32(m, 0xBEEFC0DE);
	set32(m + 4, 1);
	set64(m + 16, map_size);
	set32(m + 24, PAGE);
	set16(m + 28, FREE_TABLE_FLAGS);
	set64(m + 24 + 40, UINT64_MAX);
	set64(m + 72 + 40, UINT64_MAX);
	set64(m + 120, 1);
}

static void write_metas(
    struct build *b, const struct pairs *pairs, uint64_t map_size)
{
	uint8_t metas[2 * PAGE] = { 0 };
	uint8_t *m = metas + PAGE + HEADER;
	uint32_t depth = 0;
	uint64_t root = end_tree(b, &depth);

	flush_out(b);
	while (map_size < b->next * PAGE)
		map_size *= 2;
	meta_page(metas, 0, map_size);
	meta_page(metas + PAGE, 1, map_size);
	set16(m + 72 + 6, depth);
	for (int i = 0; i < 3; i++)
		set64(m + 72 + 8 + 8 * i, b->counts[i]);
	set64(m + 72 + 32, pairs->live);
	set64(m + 72 + 40, root);
	set64(m + 120, b->next - 1);
	set64(m + 128, 1);
	if (b->error == 0 &&
	    pwrite(b->fd, metas, sizeof(metas), 0) != sizeof(metas))
		b->error = errno ? -errno : -EIO;
}

int lmdb_build(const struct pairs *pairs, uint64_t map_size, int fd)
{
	const struct pair **sorted = pairs_sorted(pairs);
	struct build b = { .fd = fd };

	b.out = mem_new(OUT_PAGES, PAGE);
	b.next = 0;
	/* Room for the metas: they come last. */
	memset(next_page(&b), 0, PAGE);
	memset(next_page(&b), 0, PAGE);
	for (uint32_t i = 0; i < pairs->live && b.error == 0; i++)
		add_pair(&b, sorted[i]);
	write_metas(&b, pairs, MAX(map_size, (uint64_t)PAGE * 16));
	for (int i = 0; i < LEVELS; i++)
		mem_free(b.levels[i]);
	mem_free(b.out);
	mem_free(sorted);
	return b.error;
}
