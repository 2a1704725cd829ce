/* SPDX-License-Identifier: ISC */
/*
 * map/bdb_btree.c - reading btree files, and the trees of duplicates that
 * hash files can have too.
 *
 * Inner pages have, per item, a page and the least key below it (that of the
 * first item is not to be looked at). Leaves have keys and values by turns,
 * and are chained. Leaves of duplicates have values only.
 *
 * An item that was deleted while somebody stood on it stays, with a flag in
 * the type of its value. Keys with several values on one leaf have the same
 * key item several times.
 */
#include "map/bdb_internal.h"

#include <errno.h>

struct item {
	uint32_t at; /* in the page */
	uint8_t type;
	bool deleted;
	span bytes;      /* of what is on the page */
	uint32_t pgno;   /* of what is not */
	uint32_t length; /* likewise */
};

static int get_item(
    const struct bdb *db, const struct page *p, uint32_t i, struct item *ret)
{
	uint32_t at = bdb_offset(db, p, i);
	const uint8_t *bytes = p->bytes + at;
	uint32_t n;

	if (at == 0 || at + 3 > db->page_size)
		return -EBADMSG;
	*ret = (struct item){
		.at = at,
		.type = bytes[2] & ~BTREE_DELETED & 0xff,
		.deleted = bytes[2] & BTREE_DELETED,
	};
	if (ret->type == BTREE_KEYDATA) {
		n = bdb_u16(db, bytes);
		if (at + 3 + n > db->page_size)
			return -EBADMSG;
		ret->bytes = span_of(bytes + 3, n);
		return 0;
	}
	if (at + BTREE_OVERFLOW_SIZE > db->page_size)
		return -EBADMSG;
	ret->pgno = bdb_u32(db, bytes + 4);
	ret->length = bdb_u32(db, bytes + 8);
	return 0;
}

/* An item of an inner page: its key, and the page below. */
static int get_inner(const struct bdb *db, const struct page *p, uint32_t i,
    struct item *ret, uint32_t *ret_child)
{
	uint32_t at = bdb_offset(db, p, i);
	const uint8_t *bytes = p->bytes + at;
	uint32_t n;

	if (at == 0 || at + BTREE_INNER_HEAD > db->page_size)
		return -EBADMSG;
	n = bdb_u16(db, bytes);
	if (at + BTREE_INNER_HEAD + n > db->page_size)
		return -EBADMSG;
	*ret_child = bdb_u32(db, bytes + 4);
	*ret = (struct item){
		.at = at,
		.type = bytes[2] & ~BTREE_DELETED & 0xff,
		.bytes = span_of(bytes + BTREE_INNER_HEAD, n),
	};
	if (ret->type == BTREE_KEYDATA)
		return 0;
	if (n < BTREE_OVERFLOW_SIZE)
		return -EBADMSG;
	ret->pgno = bdb_u32(db, bytes + BTREE_INNER_HEAD + 4);
	ret->length = bdb_u32(db, bytes + BTREE_INNER_HEAD + 8);
	return 0;
}

/* The bytes of an item, read into `big` if they are elsewhere. */
static int get_bytes(
    struct bdb *db, const struct item *item, struct buf *big, span *ret)
{
	int r;

	if (item->type == BTREE_KEYDATA) {
		*ret = item->bytes;
		return 0;
	}
	if (item->type != BTREE_OVERFLOW)
		return -EBADMSG;
	buf_clear(big);
	r = bdb_overflow(db, item->pgno, item->length, big);
	*ret = buf_span(big);
	return r;
}

/* How `key` compares to the item; the page is there again afterwards. */
static int compare_to(
    struct bdb *db, struct page *p, const struct item *item, span key, int *ret)
{
	span there;
	int r;

	r = get_bytes(db, item, &db->key, &there);
	if (r < 0)
		return r;
	*ret = bdb_compare(key, there);
	return item->type == BTREE_KEYDATA ? 0 : bdb_page(db, p->pgno, p);
}

/* --- down --- */

/* The page below `p` in which the key would be. */
static int choose_child(
    struct bdb *db, struct page *p, const span *key, uint32_t *ret)
{
	uint32_t low = 0; /* this one is not greater than the key */
	uint32_t high = p->entries;
	struct item item;

	while (key && high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		uint32_t child;
		int order;
		int r;

		r = get_inner(db, p, middle, &item, &child);
		if (r == 0)
			r = compare_to(db, p, &item, *key, &order);
		if (r < 0)
			return r;
		if (order >= 0)
			low = middle;
		else
			high = middle;
	}
	return get_inner(db, p, low, &item, ret);
}

static int first_record(const struct bdb *db, struct page *p, uint32_t *ret)
{
	uint32_t at = bdb_offset(db, p, 0);

	if (at == 0 || at + 8 > db->page_size)
		return -EBADMSG;
	*ret = bdb_u32(db, p->bytes + at);
	return 0;
}

/* To the leaf of `key`, or the first of all if that is NULL. */
static int descend(
    struct bdb *db, uint32_t pgno, const span *key, struct page *p)
{
	unsigned above = 256;

	for (;;) {
		int r;

		r = bdb_page(db, pgno, p);
		if (r < 0)
			return r;
		/* Level by level, so that it ends. */
		if (p->level >= above)
			return -EBADMSG;
		above = p->level;
		if (p->type == PAGE_BTREE_INNER)
			r = choose_child(db, p, key, &pgno);
		else if (p->type == PAGE_RECNO_INNER)
			r = first_record(db, p, &pgno);
		else
			return 0;
		if (r < 0)
			return r;
	}
}

/* --- duplicates in a tree of their own --- */

static int walk_dups(
    struct bdb *db, struct page *p, bdb_value_fn *fn, void *ctx)
{
	for (uint32_t i = 0; i < p->entries; i++) {
		struct item item;
		span value;
		int r;

		r = get_item(db, p, i, &item);
		if (r == 0 && item.deleted)
			continue;
		if (r == 0)
			r = get_bytes(db, &item, &db->value, &value);
		if (r < 0)
			return r;
		if (!fn(ctx, value))
			return BDB_NONE;
		if (item.type != BTREE_KEYDATA)
			r = bdb_page(db, p->pgno, p);
		if (r < 0)
			return r;
	}
	return 0;
}

int bdb_dups(struct bdb *db, uint32_t root, bdb_value_fn *fn, void *ctx)
{
	struct page p;
	int r;

	r = descend(db, root, NULL, &p);
	while (r == 0) {
		if (p.type != PAGE_DUP_LEAF && p.type != PAGE_RECNO_LEAF)
			return -EBADMSG;
		r = walk_dups(db, &p, fn, ctx);
		if (r != 0 || p.next == 0)
			return r;
		r = bdb_page(db, p.next, &p);
	}
	return r;
}

/* --- values --- */

static int each_value(
    struct bdb *db, const struct item *item, bdb_value_fn *fn, void *ctx)
{
	span value;
	int r;

	if (item->type == BTREE_DUPLICATE)
		return bdb_dups(db, item->pgno, fn, ctx);
	r = get_bytes(db, item, &db->value, &value);
	if (r < 0)
		return r;
	return fn(ctx, value) ? 0 : BDB_NONE;
}

/* --- looking up --- */

static bool take_first(void *ctx, span value)
{
	buf_put(ctx, value);
	return false;
}

/* The first pair of the leaf whose key is not less. */
static int search_leaf(struct bdb *db, struct page *p, span key, uint32_t *ret)
{
	uint32_t low = 0;
	uint32_t high = p->entries / 2;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		struct item item;
		int order;
		int r;

		bdb_prefetch_pair(db, p, low, high);
		r = get_item(db, p, 2 * middle, &item);
		if (r == 0)
			r = compare_to(db, p, &item, key, &order);
		if (r < 0)
			return r;
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low;
	return 0;
}

enum { TRY_NEXT = 2 };

/* The value of that pair, if it has this key. TRY_NEXT: it is deleted, but
 * the next one may have the same key. */
static int try_pair(
    struct bdb *db, struct page *p, uint32_t pair, span key, struct buf *value)
{
	struct item item;
	int order;
	int r;

	r = get_item(db, p, 2 * pair, &item);
	if (r == 0)
		r = compare_to(db, p, &item, key, &order);
	if (r < 0 || order != 0)
		return r < 0 ? r : BDB_NONE;
	r = get_item(db, p, 2 * pair + 1, &item);
	if (r < 0)
		return r;
	if (item.deleted)
		return TRY_NEXT;
	r = each_value(db, &item, take_first, value);
	if (r < 0)
		return r;
	return r == BDB_NONE ? BDB_FOUND : BDB_NONE;
}

int bdb_btree_get(struct bdb *db, span key, struct buf *value)
{
	struct page p;
	uint32_t pair;
	int r;

	r = descend(db, db->root, &key, &p);
	if (r < 0)
		return r;
	if (p.type != PAGE_BTREE_LEAF || p.entries % 2)
		return -EBADMSG;
	r = search_leaf(db, &p, key, &pair);
	if (r < 0)
		return r;
	for (; pair < p.entries / 2; pair++) {
		r = try_pair(db, &p, pair, key, value);
		if (r != TRY_NEXT)
			return r;
	}
	return BDB_NONE;
}

/* --- walking --- */

struct walk {
	bdb_each_fn *fn;
	void *ctx;
	span key;
};

static bool pass_value(void *ctx, span value)
{
	const struct walk *w = ctx;

	return w->fn(w->ctx, w->key, value);
}

static int walk_pair(struct bdb *db, struct page *p, uint32_t pair,
    struct walk *w, uint32_t *key_at)
{
	struct item value = { 0 };
	struct item key;
	int r;

	r = get_item(db, p, 2 * pair, &key);
	/* A copy: the frame may be taken for what is elsewhere. */
	if (r == 0 && key.at != *key_at) {
		*key_at = key.at;
		r = get_bytes(db, &key, &db->key, &w->key);
		if (r == 0 && key.type == BTREE_KEYDATA) {
			buf_clear(&db->key);
			buf_put(&db->key, w->key);
			w->key = buf_span(&db->key);
		} else if (r == 0) {
			r = bdb_page(db, p->pgno, p);
		}
	}
	if (r == 0)
		r = get_item(db, p, 2 * pair + 1, &value);
	if (r < 0 || value.deleted)
		return r;
	r = each_value(db, &value, pass_value, w);
	if (r == 0 && value.type != BTREE_KEYDATA)
		r = bdb_page(db, p->pgno, p);
	return r;
}

static int walk_leaf(struct bdb *db, struct page *p, struct walk *w)
{
	uint32_t key_at = 0;

	for (uint32_t i = 0; i < p->entries / 2; i++) {
		int r = walk_pair(db, p, i, w, &key_at);

		if (r != 0)
			return r;
	}
	return 0;
}

int bdb_btree_each(struct bdb *db, bdb_each_fn *fn, void *ctx)
{
	struct walk w = { .fn = fn, .ctx = ctx };
	struct page p;
	int r;

	r = descend(db, db->root, NULL, &p);
	while (r == 0) {
		if (p.type != PAGE_BTREE_LEAF || p.entries % 2)
			return -EBADMSG;
		r = walk_leaf(db, &p, &w);
		if (r == 0 && p.next == 0)
			return 0;
		if (r == 0)
			r = bdb_page(db, p.next, &p);
	}
	return r < 0 ? r : 0;
}
