/* SPDX-License-Identifier: ISC */
/*
 * map/bdb_write.h - what the files bdb_write*.c share.
 */
#pragma once

#include "base/arena.h"
#include "map/bdb_internal.h"

enum {
	BDB_PAGE = 4096,
	/* Longer items have pages of their own in hash files. */
	BDB_HASH_BIG = BDB_PAGE / 4,
};

struct entry {
	const char *key; /* NULL: dropped */
	const char *value;
	uint32_t key_length;
	uint32_t value_length;
	uint32_t hash;
	uint32_t next; /* with the same place in the index; + 1, 0: none */
};

struct bdb_writer {
	enum bdb_kind kind;
	struct arena bytes;
	struct entry *entries;
	uint32_t used;   /* of the entries */
	uint32_t room;   /* for entries */
	uint32_t live;   /* entries that are not dropped */
	uint32_t *heads; /* by hash: number of an entry + 1 */
	uint32_t mask;   /* of the index; 0: there is none yet */
	/* Writing: the pages whose numbers are known in advance, and those
	 * that come behind them as they are needed. */
	struct out {
		int fd;
		off_t at;
		uint8_t *pages;
		uint32_t count;
		int error;
	} front, back;
	uint32_t next_pgno; /* of `back` */
};

/* In what order things are written. */
struct sorted {
	uint64_t prefix[2]; /* of the key: most comparisons end here */
	uint32_t entry;
};

static inline span bdb_entry_key(const struct entry *e)
{
	return span_of(e->key, e->key_length);
}

static inline span bdb_entry_value(const struct entry *e)
{
	return span_of(e->value, e->value_length);
}

static inline void bdb_set16(uint8_t *p, size_t n)
{
	uint16_t v = (uint16_t)n;

	memcpy(p, &v, sizeof(v));
}

static inline void bdb_set32(uint8_t *p, uint32_t n)
{
	memcpy(p, &n, sizeof(n));
}

struct sorted bdb_sortable(const struct bdb_writer *w, uint32_t entry);
/* In the order that keys have in this kind of file. */
void bdb_sort(struct bdb_writer *w, struct sorted *s, size_t n);

/* --- pages --- */

void bdb_out_begin(struct out *out, int fd, uint32_t pgno);
/* Go on elsewhere. */
void bdb_out_move(struct out *out, uint32_t pgno);
/* The next page of the stream, zeros; until the next call. */
uint8_t *bdb_out_page(struct out *out);
/* A page of that kind, without items. */
void bdb_page_init(uint8_t *p, uint32_t pgno, enum bdb_page_type type);
/* Room left, between the offsets and the items. */
size_t bdb_page_room(const uint8_t *p);
/* One more item: `size` bytes, and 2 for its offset, must be there. */
uint8_t *bdb_page_add(uint8_t *p, size_t size);
/* Put the bytes into pages of their own: the number of the first. */
uint32_t bdb_put_big(struct bdb_writer *w, span bytes);
/* What is common to both kinds. */
void bdb_meta_init(uint8_t *p, uint32_t magic, uint8_t type);

/* --- the kinds --- */

/*
 * Fill both streams, and what is special in the metadata; next_pgno is then
 * the number of pages of the file.
 */
void bdb_write_hash(struct bdb_writer *w, int fd, uint8_t *meta);
void bdb_write_btree(struct bdb_writer *w, int fd, uint8_t *meta);
