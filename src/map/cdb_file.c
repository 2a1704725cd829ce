/* SPDX-License-Identifier: ISC */
/*
 * map/cdb_file.c - D. J. Bernstein's constant data base: numbers in 32 bits,
 * lowest byte first.
 *
 *	256 x (position, slots)              of the hash tables
 *	(key length, value length, key, value) ...
 *	256 hash tables of (hash, position of the pair)
 *
 * It is read with pread(), not mapped: somebody may truncate it, and no
 * worker is to die of that.
 */
#include "map/cdb_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

enum {
	TABLES = 256,
	HEAD = TABLES * 8,
	SEED = 5381,
	READ_AHEAD = 256, /* of a key */
	OUT_FULL = 1 << 20,
	LONGEST = 1 << 28,
};

static uint32_t hash_of(span key)
{
	uint32_t h = SEED;

	for (size_t i = 0; i < key.len; i++)
		h = ((h << 5) + h) ^ (uint8_t)key.ptr[i];
	return h;
}

static uint32_t get32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	    (uint32_t)b[3] << 24;
}

static void put32(struct buf *out, uint32_t n)
{
	char *p = buf_room(out, 4);

	if (!p)
		return;
	for (int i = 0; i < 4; i++, n >>= 8)
		p[i] = (char)n;
	out->len += 4;
}

/* --- reading --- */

/* The bytes there, copied to `to`: 0, -EBADMSG behind the end, or -errno. */
static int read_at(const struct cdb_file *f, uint32_t at, char *to, size_t n)
{
	size_t done = 0;

	if (f->all.len) {
		if (at > f->all.len || n > f->all.len - at)
			return -EBADMSG;
		memcpy(to, f->all.ptr + at, n);
		return 0;
	}
	while (done < n) {
		ssize_t got = os_size(
		    pread(f->fd, to + done, n - done, (off_t)at + done));

		if (got == -EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? (int)got : -EBADMSG;
		done += (size_t)got;
	}
	return 0;
}

struct place {
	uint32_t key; /* lengths */
	uint32_t value;
	uint32_t at; /* of the key */
};

static int get_place(const struct cdb_file *f, uint32_t at, struct place *ret)
{
	char lengths[8];
	int r = read_at(f, at, lengths, sizeof(lengths));

	if (r < 0)
		return r;
	*ret = (struct place){ get32(lengths), get32(lengths + 4), at + 8 };
	if (at > UINT32_MAX - 8 || ret->key > UINT32_MAX - ret->at ||
	    ret->value > UINT32_MAX - ret->at - ret->key)
		return -EBADMSG;
	return 0;
}

/* The value there, if the key is this one. */
static int match(const struct cdb_file *f, uint32_t at, span key,
    struct buf *value, bool *ret_found)
{
	struct place place;
	char start[READ_AHEAD];
	char *room;
	int r = get_place(f, at, &place);

	*ret_found = false;
	if (r < 0 || place.key != key.len)
		return r;
	for (size_t done = 0; done < key.len;) {
		size_t n = MIN(key.len - done, sizeof(start));

		r = read_at(f, place.at + (uint32_t)done, start, n);
		if (r < 0 || memcmp(start, key.ptr + done, n) != 0)
			return r;
		done += n;
	}
	*ret_found = true;
	/* Not the memory that a damaged length asks for. */
	if (place.value > f->size)
		return -EBADMSG;
	room = buf_room(value, place.value);
	if (!room)
		return 0;
	r = read_at(f, place.at + place.key, room, place.value);
	if (r == 0)
		value->len += place.value;
	return r;
}

int cdb_get(const struct cdb_file *f, span key, struct buf *value)
{
	uint32_t hash = hash_of(key);
	char word[8];
	uint32_t table;
	uint32_t slots;
	int r = read_at(f, (hash % TABLES) * 8, word, sizeof(word));

	if (r < 0)
		return r;
	table = get32(word);
	slots = get32(word + 4);
	if (slots > f->size / 8)
		return -EBADMSG;
	for (uint32_t i = 0; i < slots; i++) {
		uint32_t slot = (uint32_t)(((hash >> 8) + (uint64_t)i) % slots);
		bool found;

		if (table > UINT32_MAX - slot * 8)
			return -EBADMSG;
		r = read_at(f, table + slot * 8, word, sizeof(word));
		if (r < 0)
			return r;
		if (get32(word + 4) == 0)
			return CDB_NONE;
		if (get32(word) != hash)
			continue;
		r = match(f, get32(word + 4), key, value, &found);
		if (r < 0 || found)
			return r < 0 ? r : CDB_FOUND;
	}
	return CDB_NONE;
}

int cdb_each(const struct cdb_file *f, cdb_each_fn *fn, void *ctx)
{
	struct buf pair = BUF_INIT(LONGEST);
	char word[4];
	uint32_t at = HEAD;
	uint32_t end;
	int r = read_at(f, 0, word, sizeof(word));
	bool more = true;

	/* The first table begins where the pairs end. */
	end = r == 0 ? get32(word) : 0;
	while (r == 0 && more && at < end) {
		struct place p;
		char *room;

		r = get_place(f, at, &p);
		if (r == 0 && (p.key > f->size || p.value > f->size))
			r = -EBADMSG;
		if (r < 0)
			break;
		buf_clear(&pair);
		room = buf_room(&pair, (size_t)p.key + p.value);
		r = room ? read_at(f, p.at, room, (size_t)p.key + p.value)
		         : -EFBIG;
		if (r == 0)
			more = fn(ctx, span_of(room, p.key),
			    span_of(room + p.key, p.value));
		at = p.at + p.key + p.value;
	}
	buf_done(&pair);
	return r;
}

int cdb_open(int fd, bool bulk, struct cdb_file *ret)
{
	struct stat st;
	int r = os_error(fstat(fd, &st));

	if (r == 0 && st.st_size < HEAD)
		r = -EPROTO;
	if (r < 0)
		return r;
	*ret = (struct cdb_file){ .fd = fd, .size = (uint64_t)st.st_size };
	return bulk ? file_copy(fd, UINT32_MAX, &ret->all) : 0;
}

void cdb_close(struct cdb_file *f)
{
	file_unmap(&f->all);
	fd_close(&f->fd);
}

/* --- writing --- */

struct slot {
	uint32_t hash;
	uint32_t at;
};

struct build {
	int fd;
	int error;
	uint64_t at; /* bytes written so far */
	struct buf out;
};

static void flush_out(struct build *b)
{
	if (b->error == 0)
		b->error = file_write_all(b->fd, buf_span(&b->out));
	b->at += b->out.len;
	buf_clear(&b->out);
}

static void put_pair(struct build *b, const struct pair *p)
{
	put32(&b->out, p->key_len);
	put32(&b->out, p->value_len);
	buf_put(&b->out, pair_key(p));
	buf_put(&b->out, pair_value(p));
	if (b->out.len >= OUT_FULL)
		flush_out(b);
}

/* One of the hash tables: twice the room that its pairs need. */
static void put_table(struct build *b, const struct slot *s, uint32_t n)
{
	uint32_t slots = n * 2;
	struct slot *table = mem_new(slots, sizeof(*table));

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = (s[i].hash >> 8) % slots;

		while (table[at].at)
			at = at + 1 == slots ? 0 : at + 1;
		table[at] = s[i];
	}
	for (uint32_t i = 0; i < slots; i++) {
		put32(&b->out, table[i].hash);
		put32(&b->out, table[i].at);
	}
	if (b->out.len >= OUT_FULL)
		flush_out(b);
	mem_free(table);
}

/* `slots` by table, in the order of the pairs. */
static void put_tables(
    struct build *b, const struct slot *slots, const uint32_t *starts)
{
	struct buf head = BUF_INIT(HEAD);

	for (int i = 0; i < TABLES; i++) {
		uint32_t n = starts[i + 1] - starts[i];

		put32(&head, (uint32_t)(b->at + b->out.len));
		put32(&head, n * 2);
		put_table(b, slots + starts[i], n);
	}
	flush_out(b);
	if (b->error == 0 && pwrite(b->fd, head.data, HEAD, 0) != HEAD)
		b->error = errno ? -errno : -EIO;
	buf_done(&head);
}

int cdb_build(const struct pairs *pairs, int fd)
{
	struct build b = { .fd = fd, .out = BUF_INIT(LONGEST * 4UL) };
	uint32_t starts[TABLES + 1] = { 0 };
	uint32_t next[TABLES];
	uint32_t *hashes = mem_new(pairs->used, sizeof(*hashes));
	struct slot *slots = mem_new(pairs->live, sizeof(*slots));

	/* 24 bytes beside its own for each pair. */
	if (HEAD + pairs->size + 24ULL * pairs->live > UINT32_MAX)
		b.error = -EFBIG;
	for (uint32_t i = 0; i < pairs->used; i++)
		if (pairs->all[i].key) {
			hashes[i] = hash_of(pair_key(&pairs->all[i]));
			starts[hashes[i] % TABLES + 1]++;
		}
	for (int i = 0; i < TABLES; i++) {
		starts[i + 1] += starts[i];
		next[i] = starts[i];
	}
	memset(buf_room(&b.out, HEAD), 0, HEAD);
	b.out.len = HEAD;
	for (uint32_t i = 0; i < pairs->used && b.error == 0; i++)
		if (pairs->all[i].key) {
			slots[next[hashes[i] % TABLES]++] =
			    (struct slot){ hashes[i],
				    (uint32_t)(b.at + b.out.len) };
			put_pair(&b, &pairs->all[i]);
		}
	put_tables(&b, slots, starts);
	mem_free(slots);
	mem_free(hashes);
	buf_done(&b.out);
	return b.error;
}
