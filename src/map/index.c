/* SPDX-License-Identifier: ISC */
/*
 * Open addressing: slots of 32 bits of the hash and the place of the entry,
 * counted in units of 8 bytes, so that 32 GiB of entries can be reached. An
 * entry is its hash, two lengths, the key and the value. The slots are made
 * when all entries are there: in one walk, and of the right number.
 */
#include "map/index.h"

#include "base/buf.h"
#include "base/hmap.h"

enum {
	UNIT = 8,
	EMPTY = 0, /* the first unit is not used */
	AHEAD = 16,
};

struct slot {
	uint32_t hash;
	uint32_t unit; /* EMPTY: free */
};

struct entry {
	uint32_t hash;
	uint32_t key_len;
	uint32_t value_len;
};

struct map_index {
	struct slot *slots; /* NULL: not sealed */
	uint32_t mask;      /* slots - 1 */
	uint32_t count;
	struct buf entries;
};

struct map_index *map_index_new(void)
{
	struct map_index *x = NEW(struct map_index);

	buf_init(&x->entries, (size_t)UINT32_MAX * UNIT);
	if (buf_room(&x->entries, UNIT))
		x->entries.len = UNIT;
	return x;
}

void map_index_free(struct map_index **px)
{
	struct map_index *x = STEAL(*px);

	if (!x)
		return;
	mem_free(x->slots);
	buf_done(&x->entries);
	mem_free(x);
}

uint64_t map_index_hash(span key)
{
	return hash_bytes(key);
}

bool map_index_add(struct map_index *x, span key, span value)
{
	const struct entry e = { (uint32_t)map_index_hash(key),
		(uint32_t)key.len, (uint32_t)value.len };

	if (key.len > UINT32_MAX || value.len > UINT32_MAX ||
	    x->count == UINT32_MAX / 4)
		return false;
	buf_put(&x->entries, span_of(&e, sizeof(e)));
	buf_put(&x->entries, key);
	buf_put(&x->entries, value);
	while (x->entries.len % UNIT && !x->entries.failed)
		buf_putc(&x->entries, '\0');
	x->count++;
	return !x->entries.failed;
}

/* --- entries --- */

static const char *entry_at(
    const struct map_index *x, size_t unit, struct entry *ret)
{
	const char *at = x->entries.data + unit * UNIT;

	memcpy(ret, at, sizeof(*ret));
	return at + sizeof(*ret);
}

static size_t units_of(const struct entry *e)
{
	size_t bytes = sizeof(*e) + e->key_len + e->value_len;

	return (bytes + UNIT - 1) / UNIT;
}

static bool has_key(
    const struct map_index *x, uint32_t unit, span key, span *ret_value)
{
	struct entry e;
	const char *at = entry_at(x, unit, &e);

	if (!span_eq(span_of(at, e.key_len), key))
		return false;
	*ret_value = span_of(at + e.key_len, e.value_len);
	return true;
}

/* Where the key is, or the free slot where it would be. */
static struct slot *find_slot(
    const struct map_index *x, uint32_t hash, span key, span *ret_value)
{
	for (uint32_t i = hash & x->mask;; i = (i + 1) & x->mask) {
		struct slot *s = &x->slots[i];

		if (s->unit == EMPTY)
			return s;
		if (s->hash == hash && has_key(x, s->unit, key, ret_value))
			return s;
	}
}

/* --- making the slots --- */

static bool place(struct map_index *x, size_t unit)
{
	struct entry e;
	const char *at = entry_at(x, unit, &e);
	struct slot *s;
	span there;

	s = find_slot(x, e.hash, span_of(at, e.key_len), &there);
	if (s->unit != EMPTY)
		return false;
	*s = (struct slot){ e.hash, (uint32_t)unit };
	return true;
}

bool map_index_seal(struct map_index *x)
{
	size_t end = x->entries.len / UNIT;
	size_t ahead = 1; /* so many entries before `unit` */
	uint32_t slots = 2;
	uint32_t distance = 0;
	struct entry e;

	while (slots < 2 * x->count)
		slots *= 2;
	x->slots = mem_new(slots, sizeof(*x->slots));
	x->mask = slots - 1;
	for (size_t unit = 1; unit < end;) {
		while (distance < AHEAD && ahead < end) {
			(void)entry_at(x, ahead, &e);
			__builtin_prefetch(&x->slots[e.hash & x->mask], 1);
			ahead += units_of(&e);
			distance++;
		}
		if (!place(x, unit))
			return false;
		(void)entry_at(x, unit, &e);
		unit += units_of(&e);
		distance--;
	}
	return true;
}

/* --- asking --- */

bool map_index_find(const struct map_index *x, span key, span *ret_value)
{
	uint32_t hash = (uint32_t)map_index_hash(key);

	return find_slot(x, hash, key, ret_value)->unit != EMPTY;
}

void map_index_expect(
    const struct map_index *x, const uint64_t *hashes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&x->slots[(uint32_t)hashes[i] & x->mask]);
	for (size_t i = 0; i < n; i++) {
		const struct slot *s = &x->slots[(uint32_t)hashes[i] & x->mask];

		__builtin_prefetch(x->entries.data + (size_t)s->unit * UNIT);
	}
}
