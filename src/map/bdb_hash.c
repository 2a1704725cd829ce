/* SPDX-License-Identifier: ISC */
/*
 * map/bdb_hash.c - reading hash files.
 *
 * Linear hashing: the hash of the key gives a bucket, a bucket is a page and
 * those chained to it. The pages of buckets are allocated in groups, one per
 * doubling of the table; `spares` has, for each doubling, what to add to the
 * bucket's number. Items come in pairs, key and value; those of one page are
 * in the order of the keys, since version 9 ("unsorted" pages are older).
 *
 * An item has no length: it ends where the one before it begins.
 */
#include "map/bdb_internal.h"

#include <errno.h>

struct item {
	uint8_t type;
	span bytes; /* behind the type */
};

static int get_item(
    const struct bdb *db, const struct page *p, uint32_t i, struct item *ret)
{
	uint32_t begin = bdb_offset(db, p, i);
	uint32_t end = i ? bdb_offset(db, p, i - 1) : db->page_size;

	if (begin == 0 || end <= begin)
		return -EBADMSG;
	ret->type = p->bytes[begin];
	ret->bytes = span_of(p->bytes + begin + 1, end - begin - 1);
	return 0;
}

/* Page number and length of an item that is elsewhere. */
static int get_elsewhere(const struct bdb *db, const struct item *item,
    uint32_t *ret_pgno, uint32_t *ret_length)
{
	const uint8_t *p = (const uint8_t *)item->bytes.ptr;

	if (item->bytes.len + 1 < HASH_OFFPAGE_SIZE)
		return -EBADMSG;
	*ret_pgno = bdb_u32(db, p + 3);
	*ret_length = bdb_u32(db, p + 7);
	return 0;
}

/* The key itself, which may be a big one: then it is in db->key. */
static int get_key(struct bdb *db, const struct item *item, span *ret)
{
	uint32_t pgno;
	uint32_t length;
	int r;

	if (item->type == HASH_KEYDATA) {
		*ret = item->bytes;
		return 0;
	}
	if (item->type != HASH_OFFPAGE)
		return -EBADMSG;
	r = get_elsewhere(db, item, &pgno, &length);
	if (r < 0)
		return r;
	buf_clear(&db->key);
	r = bdb_overflow(db, pgno, length, &db->key);
	*ret = buf_span(&db->key);
	return r;
}

/* --- values --- */

/* Each of them is between two copies of its length. */
static int each_on_page(
    const struct bdb *db, span set, bdb_value_fn *fn, void *ctx)
{
	while (set.len > 0) {
		size_t n;

		if (set.len < 4)
			return -EBADMSG;
		n = bdb_u16(db, (const uint8_t *)set.ptr);
		if (n > set.len - 4)
			return -EBADMSG;
		if (!fn(ctx, span_of(set.ptr + 2, n)))
			return BDB_NONE;
		set = span_from(set, n + 4);
	}
	return 0;
}

static int big_value(
    struct bdb *db, const struct item *item, bdb_value_fn *fn, void *ctx)
{
	uint32_t pgno;
	uint32_t length;
	int r;

	r = get_elsewhere(db, item, &pgno, &length);
	if (r < 0)
		return r;
	buf_clear(&db->value);
	r = bdb_overflow(db, pgno, length, &db->value);
	if (r < 0)
		return r;
	return fn(ctx, buf_span(&db->value)) ? 0 : BDB_NONE;
}

/* The value or values of one key: 0, BDB_NONE when fn said false, negative. */
static int each_value(
    struct bdb *db, const struct item *item, bdb_value_fn *fn, void *ctx)
{
	switch (item->type) {
	case HASH_KEYDATA:
		return fn(ctx, item->bytes) ? 0 : BDB_NONE;
	case HASH_DUPLICATE:
		return each_on_page(db, item->bytes, fn, ctx);
	case HASH_OFFPAGE:
		return big_value(db, item, fn, ctx);
	case HASH_OFFDUP:
		if (item->bytes.len + 1 < HASH_OFFDUP_SIZE)
			return -EBADMSG;
		return bdb_dups(db,
		    bdb_u32(db, (const uint8_t *)item->bytes.ptr + 3), fn, ctx);
	default:
		return -EBADMSG;
	}
}

/* --- buckets --- */

/* The page number of the bucket; 0 if there is none. */
static uint32_t bucket_page(const struct bdb *db, uint32_t bucket)
{
	unsigned doubling = bucket ? 32 - (unsigned)__builtin_clz(bucket) : 0;

	if (bucket > db->max_bucket || doubling >= BDB_SPARES)
		return 0;
	return bucket + db->spares[doubling];
}

static int check_type(const struct page *p)
{
	if (p->type == PAGE_NEW)
		return BDB_NONE;
	if (p->type != PAGE_HASH && p->type != PAGE_HASH_UNSORTED)
		return -EBADMSG;
	return p->entries % 2 == 0 ? 0 : -EBADMSG;
}

/* --- looking up --- */

/* How `key` compares to key number `pair` of the page. */
static int compare_at(
    struct bdb *db, struct page *p, uint32_t pair, span key, int *ret)
{
	struct item item;
	span there;
	int r;

	r = get_item(db, p, 2 * pair, &item);
	if (r < 0)
		return r;
	r = get_key(db, &item, &there);
	if (r < 0)
		return r;
	*ret = bdb_hash_compare(key, there, item.type == HASH_OFFPAGE);
	/* Reading a big key may have taken the frame of this page. */
	return item.type == HASH_OFFPAGE ? bdb_page(db, p->pgno, p) : 0;
}

static int search_sorted(
    struct bdb *db, struct page *p, span key, uint32_t *ret)
{
	uint32_t low = 0;
	uint32_t high = p->entries / 2;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int order;
		int r;

		bdb_prefetch_pair(db, p, low, high);
		r = compare_at(db, p, middle, key, &order);
		if (r < 0)
			return r;
		*ret = middle;
		if (order == 0)
			return BDB_FOUND;
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return BDB_NONE;
}

static int search_unsorted(
    struct bdb *db, struct page *p, span key, uint32_t *ret)
{
	for (uint32_t i = 0; i < p->entries / 2; i++) {
		int order;
		int r;

		r = compare_at(db, p, i, key, &order);
		if (r < 0)
			return r;
		*ret = i;
		if (order == 0)
			return BDB_FOUND;
	}
	return BDB_NONE;
}

static bool has_big_key(const struct bdb *db, const struct page *p)
{
	uint32_t end = db->page_size;

	for (uint32_t i = 0; i < p->entries; i++) {
		uint32_t begin = bdb_offset(db, p, i);

		if (i % 2 == 0 && end - begin == HASH_OFFPAGE_SIZE &&
		    p->bytes[begin] == HASH_OFFPAGE)
			return true;
		end = begin;
	}
	return false;
}

/*
 * Among big keys the library's order goes in circles where one key begins
 * with another. Then what is there may be missed at first.
 */
static int search(struct bdb *db, struct page *p, span key, uint32_t *ret)
{
	int r = BDB_NONE;

	if (p->type == PAGE_HASH) {
		r = search_sorted(db, p, key, ret);
		if (r != BDB_NONE ||
		    (key.len <= db->page_size / 4 && !has_big_key(db, p)))
			return r;
	}
	return search_unsorted(db, p, key, ret);
}

static bool take_first(void *ctx, span value)
{
	buf_put(ctx, value);
	return false;
}

static int get_value(
    struct bdb *db, const struct page *p, uint32_t pair, struct buf *value)
{
	struct item item;
	int r;

	r = get_item(db, p, 2 * pair + 1, &item);
	if (r == 0)
		r = each_value(db, &item, take_first, value);
	if (r < 0)
		return r;
	/* Not one value: all of them were deleted. */
	return r == BDB_NONE ? BDB_FOUND : BDB_NONE;
}

int bdb_hash_get(struct bdb *db, span key, struct buf *value)
{
	uint32_t bucket = bdb_hash(key) & db->high_mask;
	uint32_t pgno;

	if (bucket > db->max_bucket)
		bucket &= db->low_mask;
	pgno = bucket_page(db, bucket);
	do {
		struct page p;
		uint32_t pair;
		int r;

		r = bdb_page(db, pgno, &p);
		if (r == 0)
			r = check_type(&p);
		if (r != 0)
			return r;
		r = search(db, &p, key, &pair);
		if (r == BDB_FOUND)
			return get_value(db, &p, pair, value);
		if (r < 0)
			return r;
		pgno = p.next;
	} while (pgno != 0);
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

static bool is_elsewhere(const struct item *item)
{
	return item->type == HASH_OFFPAGE || item->type == HASH_OFFDUP;
}

static int walk_pair(
    struct bdb *db, struct page *p, uint32_t pair, struct walk *w)
{
	struct item value = { 0 };
	struct item key;
	int r;

	r = get_item(db, p, 2 * pair, &key);
	if (r == 0)
		r = get_key(db, &key, &w->key);
	if (r == 0 && is_elsewhere(&key))
		r = bdb_page(db, p->pgno, p);
	if (r == 0)
		r = get_item(db, p, 2 * pair + 1, &value);
	if (r < 0)
		return r;
	if (is_elsewhere(&value) && !is_elsewhere(&key)) {
		/* Its frame may be taken for the value. */
		buf_clear(&db->key);
		buf_put(&db->key, w->key);
		w->key = buf_span(&db->key);
	}
	r = each_value(db, &value, pass_value, w);
	if (r == 0 && is_elsewhere(&value))
		r = bdb_page(db, p->pgno, p);
	return r;
}

static int walk_bucket(struct bdb *db, uint32_t pgno, struct walk *w)
{
	do {
		struct page p;
		int r;

		r = bdb_page(db, pgno, &p);
		if (r == 0)
			r = check_type(&p);
		if (r != 0)
			return r < 0 ? r : 0;
		for (uint32_t i = 0; i < p.entries / 2; i++) {
			r = walk_pair(db, &p, i, w);
			if (r != 0)
				return r;
		}
		pgno = p.next;
	} while (pgno != 0);
	return 0;
}

int bdb_hash_each(struct bdb *db, bdb_each_fn *fn, void *ctx)
{
	struct walk w = { .fn = fn, .ctx = ctx };

	for (uint32_t bucket = 0; bucket <= db->max_bucket; bucket++) {
		int r = walk_bucket(db, bucket_page(db, bucket), &w);

		if (r != 0)
			return r < 0 ? r : 0;
	}
	return 0;
}
