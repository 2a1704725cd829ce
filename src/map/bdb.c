/* SPDX-License-Identifier: ISC */
/*
 * map/bdb.c - opening a Berkeley DB file, and its pages.
 *
 * The file is not mapped: others truncate and rewrite it in place, and that
 * would be SIGBUS. Pages are read into frames of our own; a page has one
 * frame where it can be, so there is nothing to keep in order, and with a
 * file smaller than CACHE_BYTES no page is ever read twice.
 *
 * Writers hold the file's flock() exclusively while they work. So all pages
 * read under the shared lock while the file's times and size stay the same
 * belong to one state of the file. When they differ, everything held is
 * forgotten and the call begins anew (-EAGAIN inside). Two states can look
 * the same when both came about within one tick of the kernel's clock; a file
 * that changed just now is therefore left alone for TICK.
 *
 * The bytes may say anything. Every offset is checked when it is used, never
 * in advance: a page asked for again may have other content. `budget` ends
 * chains that do not end: no call looks at more pages than a few times those
 * of the file.
 */
#include "map/bdb_internal.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

enum {
	CACHE_BYTES = 8 << 20,
	BULK_CACHE_BYTES = 512 << 20,
	BLOCK_BYTES = 64 << 10, /* read at once when walking */
	TICK_NS = 20 * 1000 * 1000,
	MAX_TRIES = 4,
	MIN_VERSION = 8,
	MAX_VERSION = 10,
};

enum {
	META_CHECKSUM = 1,
	META_PARTITIONS = 2 | 4,
	HASH_SUBDB = 2,
	BTREE_RECNO = 2,
	BTREE_SUBDB = 0x20,
	BTREE_COMPRESS = 0x80,
};

/* --- sums --- */

uint32_t bdb_hash(span key)
{
	uint32_t h = 0;

	for (size_t i = 0; i < key.len; i++)
		h = h * 16777619 ^ (uint8_t)key.ptr[i];
	return h;
}

/* With the four bytes of the sum itself as zeros. */
static uint32_t sum_of(const uint8_t *p, size_t n, size_t sum_at)
{
	uint32_t h = 0;

	for (size_t i = 0; i < n; i++)
		h = h * 33 + (i - sum_at < 4 ? 0 : p[i]);
	return h;
}

static bool is_blank(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static bool sum_fits(const struct bdb *db, const uint8_t *p)
{
	if (!db->summed || is_blank(p, BDB_HEADER))
		return true;
	return bdb_u32(db, p + PAGE_SUM) == sum_of(p, db->page_size, PAGE_SUM);
}

/* --- the metadata page --- */

static int refuse(struct buf *why, const char *text)
{
	if (why)
		buf_printf(why, "%s", text);
	return -ENOTSUP;
}

static int parse_magic(struct bdb *db, const uint8_t *m)
{
	for (int i = 0; i < 2; i++) {
		uint32_t magic;

		db->swapped = i > 0;
		magic = bdb_u32(db, m + META_MAGIC);
		db->kind = magic == BDB_BTREE_MAGIC ? BDB_BTREE : BDB_HASH;
		if (magic == BDB_BTREE_MAGIC || magic == BDB_HASH_MAGIC)
			return 0;
	}
	return -EINVAL;
}

static int parse_hash(struct bdb *db, const uint8_t *m, struct buf *why)
{
	static const char known[] = "%$sniglet^&"; /* hashed with its NUL */

	if (bdb_u32(db, m + META_FLAGS) & HASH_SUBDB)
		return refuse(why, "a file of several databases");
	if (bdb_u32(db, m + META_CHARKEY) !=
	    bdb_hash(span_of(known, sizeof(known))))
		return refuse(why, "made with a hash function of its own");
	db->max_bucket = bdb_u32(db, m + META_MAX_BUCKET);
	db->high_mask = bdb_u32(db, m + META_HIGH_MASK);
	db->low_mask = bdb_u32(db, m + META_LOW_MASK);
	for (unsigned i = 0; i < BDB_SPARES; i++)
		db->spares[i] = bdb_u32(db, m + META_SPARES + (size_t)4 * i);
	return db->max_bucket < db->pages ? 0 : -EBADMSG;
}

static int parse_btree(struct bdb *db, const uint8_t *m, struct buf *why)
{
	uint32_t flags = bdb_u32(db, m + META_FLAGS);

	if (flags & BTREE_SUBDB)
		return refuse(why, "a file of several databases");
	if (flags & BTREE_RECNO)
		return refuse(why, "a database of records without keys");
	if (flags & BTREE_COMPRESS)
		return refuse(why, "a compressed database");
	db->root = bdb_u32(db, m + META_ROOT);
	return 0;
}

static int parse_sizes(struct bdb *db, const uint8_t *m)
{
	uint64_t pages;

	db->page_size = bdb_u32(db, m + META_PAGE_SIZE);
	if (db->page_size < BDB_META_SIZE || db->page_size > 65536 ||
	    (db->page_size & (db->page_size - 1)))
		return -EINVAL;
	pages = (uint64_t)db->seen.st_size / db->page_size;
	if (pages == 0 || (uint64_t)db->seen.st_size % db->page_size)
		return -EBADMSG;
	if (pages > INT32_MAX)
		return -EFBIG;
	db->pages = (uint32_t)pages;
	return 0;
}

static int parse_meta(struct bdb *db, const uint8_t *m, struct buf *why)
{
	uint32_t version;
	int r;

	r = parse_magic(db, m);
	if (r < 0)
		return r;
	version = bdb_u32(db, m + META_VERSION);
	if (version < MIN_VERSION || version > MAX_VERSION)
		return refuse(why, "a version of Berkeley DB not known here");
	if (m[META_ENCRYPTION])
		return refuse(why, "an encrypted database");
	if ((m[META_METAFLAGS] & META_PARTITIONS) ||
	    bdb_u32(db, m + META_PARTS))
		return refuse(why, "a database in several files");
	if (m[META_TYPE] !=
	    (db->kind == BDB_HASH ? PAGE_HASH_META : PAGE_BTREE_META))
		return -EINVAL;
	db->summed = m[META_METAFLAGS] & META_CHECKSUM;
	db->header = db->summed ? BDB_HEADER_SUMMED : BDB_HEADER;
	if (db->summed &&
	    bdb_u32(db, m + META_SUM) != sum_of(m, BDB_META_SIZE, META_SUM))
		return -EBADMSG;
	r = parse_sizes(db, m);
	if (r < 0)
		return r;
	return db->kind == BDB_HASH ? parse_hash(db, m, why)
	                            : parse_btree(db, m, why);
}

/* --- states of the file --- */

static int lock(const struct bdb *db, int how)
{
	int r;

	if (db->flags & BDB_LOCKED)
		return 0;
	do
		r = os_error(flock(db->fd, how));
	while (r == -EINTR);
	return r;
}

static bool same_state(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Wait until the next change will show as another time. */
static int settle(const struct bdb *db)
{
	struct stat st;

	if (db->flags & BDB_LOCKED)
		return 0;
	for (int i = 0; i < MAX_TRIES; i++) {
		struct timespec now;
		int64_t age;

		if (fstat(db->fd, &st) < 0)
			return -errno;
		(void)clock_gettime(CLOCK_REALTIME, &now);
		age = (now.tv_sec - st.st_mtim.tv_sec) * INT64_C(1000000000) +
		    now.tv_nsec - st.st_mtim.tv_nsec;
		if (age < 0 || age > TICK_NS)
			break;
		now = (struct timespec){ .tv_nsec = TICK_NS - age + 1 };
		(void)nanosleep(&now, NULL);
	}
	return 0;
}

static void forget(struct bdb *db)
{
	mem_free(db->frames);
	mem_free(db->holds);
	db->frames = NULL;
	db->holds = NULL;
	db->pages = 0;
}

static int read_meta(struct bdb *db, uint8_t *meta)
{
	ssize_t n;
	int r;

	r = lock(db, LOCK_SH);
	if (r < 0)
		return r;
	n = fstat(db->fd, &db->seen) < 0
	    ? -1
	    : pread(db->fd, meta, BDB_META_SIZE, 0);
	n = os_size(n);
	(void)lock(db, LOCK_UN);
	if (n < 0)
		return (int)n;
	return n == BDB_META_SIZE ? 0 : -EINVAL;
}

/* Begin with the file as it is now. */
static int load(struct bdb *db, struct buf *why)
{
	uint8_t meta[BDB_META_SIZE] = { 0 };
	int r;

	forget(db);
	r = settle(db);
	if (r == 0)
		r = read_meta(db, meta);
	if (r == 0)
		r = parse_meta(db, meta, why);
	if (r < 0) {
		db->pages = 0;
		return r;
	}
	db->slots = (db->flags & BDB_BULK ? BULK_CACHE_BYTES : CACHE_BYTES) /
	    db->page_size;
	db->slots = MIN(db->slots, db->pages);
	db->frames = mem_new(db->slots, db->page_size);
	db->holds = mem_new(db->slots, sizeof(*db->holds));
	return 0;
}

/* --- pages --- */

/* Read pages into frames that follow each other. */
static int fill_locked(struct bdb *db, uint32_t first, uint32_t n)
{
	uint32_t slot = first % db->slots;
	uint8_t *frame = db->frames + (size_t)slot * db->page_size;
	struct stat now;
	ssize_t got;

	if (!(db->flags & BDB_LOCKED)) {
		if (fstat(db->fd, &now) < 0)
			return -errno;
		if (!same_state(&now, &db->seen))
			return -EAGAIN;
	}
	for (uint32_t i = 0; i < n; i++)
		db->holds[slot + i] = 0;
	got = pread(db->fd, frame, (size_t)n * db->page_size,
	    (off_t)first * db->page_size);
	if (got < 0)
		return -errno;
	n = (uint32_t)((size_t)got / db->page_size);
	for (uint32_t i = 0; i < n; i++)
		if (sum_fits(db, frame + (size_t)i * db->page_size))
			db->holds[slot + i] = first + i;
	return 0;
}

/*
 * The block that the page is in. Blocks and slots are powers of two, or there
 * is a slot for each page: so a block is never cut by the end of the slots.
 */
static int fill(struct bdb *db, uint32_t pgno)
{
	uint32_t first = pgno - pgno % db->block;
	int r;

	r = lock(db, LOCK_SH);
	if (r < 0)
		return r;
	r = fill_locked(db, first, MIN(db->block, db->pages - first));
	(void)lock(db, LOCK_UN);
	if (r == -EAGAIN) {
		r = load(db, NULL);
		return r < 0 ? r : -EAGAIN;
	}
	if (r == 0 && db->holds[pgno % db->slots] != pgno)
		return -EBADMSG;
	return r;
}

int bdb_page(struct bdb *db, uint32_t pgno, struct page *ret)
{
	const uint8_t *p;
	int r;

	if (pgno == 0 || pgno >= db->pages || db->budget == 0)
		return -EBADMSG;
	db->budget--;
	r = db->holds[pgno % db->slots] == pgno ? 0 : fill(db, pgno);
	if (r < 0)
		return r;
	p = db->frames + (size_t)(pgno % db->slots) * db->page_size;
	/* The offsets: waiting for memory is most of what a lookup costs. */
	for (unsigned i = 64; i < BDB_META_SIZE; i += 64)
		__builtin_prefetch(p + i);
	*ret = (struct page){
		.bytes = p,
		.pgno = pgno,
		.entries = bdb_u16(db, p + PAGE_ENTRIES),
		.next = bdb_u32(db, p + PAGE_NEXT),
		.level = p[PAGE_LEVEL],
		.type = p[PAGE_TYPE],
	};
	return 0;
}

uint32_t bdb_offset(const struct bdb *db, const struct page *p, uint32_t i)
{
	uint32_t end = db->header + 2 * p->entries;
	uint32_t offset;

	if (i >= p->entries || end > db->page_size)
		return 0;
	offset = bdb_u16(db, p->bytes + db->header + (size_t)2 * i);
	return offset >= end && offset < db->page_size ? offset : 0;
}

int bdb_overflow(
    struct bdb *db, uint32_t pgno, uint32_t length, struct buf *out)
{
	while (length > 0) {
		struct page p;
		uint32_t n;
		int r;

		r = bdb_page(db, pgno, &p);
		if (r < 0)
			return r;
		n = bdb_u16(db, p.bytes + PAGE_OFFSET);
		if (p.type != PAGE_OVERFLOW || n == 0 ||
		    n > db->page_size - db->header)
			return -EBADMSG;
		n = MIN(n, length);
		buf_put(out, span_of(p.bytes + db->header, n));
		length -= n;
		pgno = p.next;
	}
	return 0;
}

/* --- the calls --- */

int bdb_open(int fd, unsigned flags, struct buf *why, struct bdb **ret)
{
	struct bdb *db = NEW(struct bdb);
	int r;

	db->fd = fd;
	db->flags = flags;
	buf_init(&db->key, INT32_MAX);
	buf_init(&db->value, INT32_MAX);
	r = load(db, why);
	if (r < 0) {
		db->fd = -1;
		bdb_close(&db);
		return r;
	}
	*ret = db;
	return 0;
}

void bdb_close(struct bdb **pdb)
{
	struct bdb *db = STEAL(*pdb);

	if (!db)
		return;
	forget(db);
	buf_done(&db->key);
	buf_done(&db->value);
	fd_close(&db->fd);
	mem_free(db);
}

enum bdb_kind bdb_kind(const struct bdb *db)
{
	return db->kind;
}

int bdb_fd(const struct bdb *db)
{
	return db->fd;
}

/* Called before each attempt. A small file is read at once. */
static int begin(struct bdb *db, bool all)
{
	int r = 0;

	if (!db->pages)
		r = load(db, NULL);
	if (r < 0)
		return r;
	db->budget = 4 * (uint64_t)db->pages + 64;
	db->block = BLOCK_BYTES / db->page_size;
	if (!all && db->pages > db->block)
		db->block = 1;
	return 0;
}

int bdb_get(struct bdb *db, span key, struct buf *value)
{
	size_t before = value->len;
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < MAX_TRIES; i++) {
		value->len = before;
		r = begin(db, db->flags & BDB_BULK);
		if (r < 0)
			return r;
		r = db->kind == BDB_HASH ? bdb_hash_get(db, key, value)
		                         : bdb_btree_get(db, key, value);
	}
	return r;
}

int bdb_each(struct bdb *db, bdb_each_fn *fn, void *ctx)
{
	int r = begin(db, true);

	if (r < 0)
		return r;
	return db->kind == BDB_HASH ? bdb_hash_each(db, fn, ctx)
	                            : bdb_btree_each(db, fn, ctx);
}
