/* SPDX-License-Identifier: ISC */
/*
 * map/bdb_write_hash.c - laying out a hash file.
 *
 * The number of buckets is a power of two, so that the pages of buckets are
 * all there and follow the metadata page; what a bucket cannot hold, and big
 * items, come behind them. When the library lets such a table grow it begins
 * with the next doubling, at the end of the file, as it does with its own.
 */
#include "map/bdb_write.h"

enum {
	BIG = BDB_HASH_BIG,
	FILL = (BDB_PAGE - BDB_HEADER) * 4 / 5, /* of a bucket, on average */
	MAX_DOUBLINGS = 28,
};

/* Where the big ones of a pair are; 0 for what is not big. */
struct big {
	uint32_t key;
	uint32_t value;
};

static size_t item_size(size_t length)
{
	return length > BIG ? HASH_OFFPAGE_SIZE : length + 1;
}

static size_t pair_size(const struct entry *e)
{
	return item_size(e->key_length) + item_size(e->value_length) + 4;
}

static unsigned choose_doublings(const struct bdb_writer *w)
{
	uint64_t bytes = 0;
	unsigned n = 1;

	for (uint32_t i = 0; i < w->used; i++)
		if (w->entries[i].key)
			bytes += pair_size(&w->entries[i]);
	while (n < MAX_DOUBLINGS && bytes >> n > FILL)
		n++;
	return n;
}

static void put_item(uint8_t *page, span bytes, uint32_t big)
{
	uint8_t *p = bdb_page_add(page, item_size(bytes.len));

	if (bytes.len <= BIG) {
		p[0] = HASH_KEYDATA;
		if (bytes.len)
			memcpy(p + 1, bytes.ptr, bytes.len);
		return;
	}
	p[0] = HASH_OFFPAGE;
	bdb_set32(p + 4, big);
	bdb_set32(p + 8, (uint32_t)bytes.len);
}

/*
 * First the big items, then the pages: so those of the bucket follow each
 * other, and the next one's number is known.
 */
static void write_bucket(struct bdb_writer *w, uint32_t bucket,
    const struct sorted *s, size_t n, struct big *big)
{
	uint8_t *p = bdb_out_page(&w->front);
	uint32_t pgno = bucket + 1;

	for (size_t i = 0; i < n; i++) {
		const struct entry *e = &w->entries[s[i].entry];

		big[i] = (struct big){ 0 };
		if (e->key_length > BIG)
			big[i].key = bdb_put_big(w, bdb_entry_key(e));
		if (e->value_length > BIG)
			big[i].value = bdb_put_big(w, bdb_entry_value(e));
	}
	bdb_page_init(p, pgno, PAGE_HASH);
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = &w->entries[s[i].entry];

		if (pair_size(e) > bdb_page_room(p)) {
			bdb_set32(p + PAGE_NEXT, w->next_pgno);
			p = bdb_out_page(&w->back);
			bdb_page_init(p, w->next_pgno, PAGE_HASH);
			bdb_set32(p + PAGE_PREV, pgno);
			pgno = w->next_pgno++;
		}
		put_item(p, bdb_entry_key(e), big[i].key);
		put_item(p, bdb_entry_value(e), big[i].value);
	}
}

/* All entries, bucket by bucket; bucket b is s[starts[b]] to starts[b + 1]. */
static struct sorted *distribute(
    const struct bdb_writer *w, uint32_t buckets, uint32_t *starts)
{
	struct sorted *s = mem_new(w->live, sizeof(*s));
	uint32_t sum = 0;

	for (uint32_t i = 0; i < w->used; i++)
		if (w->entries[i].key)
			starts[w->entries[i].hash & (buckets - 1)]++;
	for (uint32_t b = 0; b <= buckets; b++) {
		sum += starts[b];
		starts[b] = sum;
	}
	/* From the ends, so that they become the beginnings. */
	for (uint32_t i = w->used; i-- > 0;) {
		const struct entry *e = &w->entries[i];

		if (e->key)
			s[--starts[e->hash & (buckets - 1)]] =
			    bdb_sortable(w, i);
	}
	return s;
}

static void write_buckets(struct bdb_writer *w, uint32_t buckets)
{
	uint32_t *starts = mem_new((size_t)buckets + 1, sizeof(*starts));
	struct sorted *s = distribute(w, buckets, starts);
	struct big *big;
	uint32_t most = 0;

	for (uint32_t b = 0; b < buckets; b++)
		most = MAX(most, starts[b + 1] - starts[b]);
	big = mem_new(most, sizeof(*big));
	for (uint32_t b = 0; b < buckets; b++) {
		uint32_t n = starts[b + 1] - starts[b];

		bdb_sort(w, s + starts[b], n);
		write_bucket(w, b, s + starts[b], n, big);
	}
	mem_free(big);
	mem_free(s);
	mem_free(starts);
}

void bdb_write_hash(struct bdb_writer *w, int fd, uint8_t *meta)
{
	static const char known[] = "%$sniglet^&"; /* hashed with its NUL */
	unsigned doublings = choose_doublings(w);
	uint32_t buckets = UINT32_C(1) << doublings;

	w->next_pgno = buckets + 1;
	bdb_out_begin(&w->front, fd, 1);
	bdb_out_begin(&w->back, fd, w->next_pgno);
	write_buckets(w, buckets);
	bdb_meta_init(meta, BDB_HASH_MAGIC, PAGE_HASH_META);
	bdb_set32(meta + META_MAX_BUCKET, buckets - 1);
	bdb_set32(meta + META_HIGH_MASK, buckets - 1);
	bdb_set32(meta + META_LOW_MASK, buckets / 2 - 1);
	bdb_set32(meta + META_NELEM, w->live);
	bdb_set32(meta + META_CHARKEY, bdb_hash(span_of(known, sizeof(known))));
	for (unsigned i = 0; i <= doublings; i++)
		bdb_set32(meta + META_SPARES + (size_t)4 * i, 1);
}
