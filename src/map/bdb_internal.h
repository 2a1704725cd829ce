/* SPDX-License-Identifier: ISC */
/*
 * map/bdb_internal.h - the layout of Berkeley DB files, and what the files
 * bdb*.c share.
 *
 * A file is an array of pages. Page 0 says what it is (metadata). Every other
 * page in use begins with a header of 26 bytes: lsn (8), pgno, prev, next
 * (4 each), entries, data offset (2 each), level, type (1 each); then, only
 * with checksums, 2 unused bytes and the sum; then the offsets of the items,
 * 2 bytes each. The items fill the page from its end.
 */
#pragma once

#include <sys/stat.h>

#include "map/bdb.h"

enum {
	BDB_HASH_MAGIC = 0x061561,
	BDB_BTREE_MAGIC = 0x053162,
	BDB_META_SIZE = 512,
	BDB_HEADER = 26,
	BDB_HEADER_SUMMED = 32,
	BDB_SPARES = 32,
};

/* Types of pages. */
enum bdb_page_type {
	PAGE_NEW = 0, /* never written: an empty bucket */
	PAGE_HASH_UNSORTED = 2,
	PAGE_BTREE_INNER = 3,
	PAGE_RECNO_INNER = 4,
	PAGE_BTREE_LEAF = 5,
	PAGE_RECNO_LEAF = 6,
	PAGE_OVERFLOW = 7,
	PAGE_HASH_META = 8,
	PAGE_BTREE_META = 9,
	PAGE_DUP_LEAF = 12,
	PAGE_HASH = 13,
};

/* Types of items on hash pages, and their sizes where they are fixed. */
enum {
	HASH_KEYDATA = 1,
	HASH_DUPLICATE = 2,
	HASH_OFFPAGE = 3,
	HASH_OFFDUP = 4,
	HASH_OFFPAGE_SIZE = 12,
	HASH_OFFDUP_SIZE = 8,
};

/* Types of items on btree pages. */
enum {
	BTREE_KEYDATA = 1,
	BTREE_DUPLICATE = 2,
	BTREE_OVERFLOW = 3,
	BTREE_DELETED = 0x80, /* flag */
	BTREE_OVERFLOW_SIZE = 12,
	BTREE_INNER_HEAD = 12, /* in front of the key */
};

/* Places in the metadata page. */
enum {
	META_PGNO = 8,
	META_MAGIC = 12,
	META_VERSION = 16,
	META_PAGE_SIZE = 20,
	META_ENCRYPTION = 24,
	META_TYPE = 25,
	META_METAFLAGS = 26,
	META_LAST_PGNO = 32,
	META_PARTS = 36,
	META_FLAGS = 48,
	META_UID = 52,
	META_UID_SIZE = 20,
	META_SUM = 492,
	/* Hash. */
	META_MAX_BUCKET = 72,
	META_HIGH_MASK = 76,
	META_LOW_MASK = 80,
	META_NELEM = 88,
	META_CHARKEY = 92,
	META_SPARES = 96,
	/* Btree. */
	META_MINKEY = 76,
	META_RE_PAD = 84,
	META_ROOT = 88,
};

/* Places in the header of the other pages. */
enum {
	PAGE_PGNO = 8,
	PAGE_PREV = 12,
	PAGE_NEXT = 16,
	PAGE_ENTRIES = 20,
	PAGE_OFFSET = 22,
	PAGE_LEVEL = 24,
	PAGE_TYPE = 25,
	PAGE_SUM = 28,
};

struct bdb {
	int fd;
	unsigned flags;
	enum bdb_kind kind;
	bool swapped; /* of the other byte order than this machine */
	bool summed;
	uint32_t page_size;
	uint32_t header; /* bytes in front of the offsets */
	uint32_t pages;  /* in the file; the first that cannot be */
	/* Hash. */
	uint32_t max_bucket;
	uint32_t high_mask;
	uint32_t low_mask;
	uint32_t spares[BDB_SPARES];
	/* Btree. */
	uint32_t root;
	/* The state of the file that the pages below were read from. */
	struct stat seen;
	/* Pages held: frame n has page holds[n], or none if 0. */
	uint8_t *frames;
	uint32_t *holds;
	uint32_t slots;
	uint32_t cache_bytes;
	uint64_t reads;
	time_t counted;  /* when they were last looked at */
	uint32_t block;  /* pages to read at once */
	uint64_t budget; /* pages that this call may still look at */
	struct buf key;  /* a big key */
	struct buf value;
};

/* A page that is held: until the next one is asked for. */
struct page {
	const uint8_t *bytes;
	uint32_t pgno;
	uint32_t entries;
	uint32_t next;
	uint8_t level;
	uint8_t type;
};

static inline uint16_t bdb_u16(const struct bdb *db, const uint8_t *p)
{
	uint16_t n;

	memcpy(&n, p, sizeof(n));
	return db->swapped ? __builtin_bswap16(n) : n;
}

static inline uint32_t bdb_u32(const struct bdb *db, const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return db->swapped ? __builtin_bswap32(n) : n;
}

/* 0, -EBADMSG, -EAGAIN, or what reading said. */
MUST_USE int bdb_page(struct bdb *db, uint32_t pgno, struct page *ret);
/* Where item `i` begins; 0 if that is out of the page. */
uint32_t bdb_offset(const struct bdb *db, const struct page *p, uint32_t i);
/*
 * Between the pairs `low` and `high` the middle one is looked at now; one of
 * these two comes next.
 */
static inline void bdb_prefetch_pair(
    const struct bdb *db, const struct page *p, uint32_t low, uint32_t high)
{
	uint32_t middle = (low + high) / 2;
	uint32_t below = (low + middle) / 2;
	uint32_t above = (middle + 1 + high) / 2;

	__builtin_prefetch(p->bytes + bdb_offset(db, p, 2 * below));
	__builtin_prefetch(p->bytes + bdb_offset(db, p, 2 * above));
}

/* Append a big item that begins at page `pgno`. */
MUST_USE int bdb_overflow(
    struct bdb *db, uint32_t pgno, uint32_t length, struct buf *out);

/* FNV, as the library has it: the hash of keys since version 5. */
uint32_t bdb_hash(span key);
/* The library's order of keys in a btree: bytes, then length. */
static inline int bdb_compare(span a, span b)
{
	return span_cmp(a, b);
}

/*
 * And on a hash page, where of two keys one of which begins with the other
 * the longer one comes first; but not if one of them is a big item.
 */
static inline int bdb_hash_compare(span a, span b, bool big)
{
	size_t n = MIN(a.len, b.len);
	int r = n ? memcmp(a.ptr, b.ptr, n) : 0;

	if (r != 0 || a.len == b.len)
		return r;
	return (a.len < b.len) == big ? -1 : 1;
}

MUST_USE int bdb_hash_get(struct bdb *db, span key, struct buf *value);
MUST_USE int bdb_hash_each(struct bdb *db, bdb_each_fn *fn, void *ctx);
MUST_USE int bdb_btree_get(struct bdb *db, span key, struct buf *value);
MUST_USE int bdb_btree_each(struct bdb *db, bdb_each_fn *fn, void *ctx);

/*
 * The values of one key that live in a tree of their own: call `fn` for each
 * until it says false. 0, BDB_NONE when it said false, or a negative errno.
 */
typedef bool bdb_value_fn(void *ctx, span value);
MUST_USE int bdb_dups(
    struct bdb *db, uint32_t root, bdb_value_fn *fn, void *ctx);
