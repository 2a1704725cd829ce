/* SPDX-License-Identifier: ISC */
/*
 * base/hmap.c - chained hash table with power-of-two buckets.
 *
 * hash_bytes() is SipHash-1-3: strong enough against chosen keys, cheap
 * enough for every address.
 */
#include "base/hmap.h"

#include <string.h>

enum { FIRST_BUCKETS = 16 };

static uint64_t hash_key[2];

void hash_set_key(const uint64_t key[2])
{
	hash_key[0] = key[0];
	hash_key[1] = key[1];
}

void hmap_init(struct hmap *m)
{
	*m = (struct hmap){ 0 };
}

void hmap_done(struct hmap *m)
{
	mem_free(m->buckets);
	hmap_init(m);
}

static void resize(struct hmap *m, size_t buckets)
{
	struct hnode **fresh = mem_new(buckets, sizeof(struct hnode *));

	for (size_t i = 0; m->buckets && i <= m->mask; i++) {
		while (m->buckets[i]) {
			struct hnode *n = m->buckets[i];
			size_t at = n->hash & (buckets - 1);

			m->buckets[i] = n->next;
			n->next = fresh[at];
			fresh[at] = n;
		}
	}
	mem_free(m->buckets);
	m->buckets = fresh;
	m->mask = buckets - 1;
}

void hmap_put(struct hmap *m, struct hnode *n, uint64_t hash)
{
	if (!m->buckets)
		resize(m, FIRST_BUCKETS);
	else if (m->count > m->mask)
		resize(m, (m->mask + 1) * 2);
	n->hash = hash;
	n->next = m->buckets[hash & m->mask];
	m->buckets[hash & m->mask] = n;
	m->count++;
}

void hmap_remove(struct hmap *m, struct hnode *n)
{
	struct hnode **at = &m->buckets[n->hash & m->mask];

	while (*at && *at != n)
		at = &(*at)->next;
	if (!*at)
		bug("hmap_remove: not a member");
	*at = n->next;
	n->next = NULL;
	m->count--;
}

static struct hnode *match(struct hnode *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hnode *hmap_first(const struct hmap *m, uint64_t hash)
{
	return m->buckets ? match(m->buckets[hash & m->mask], hash) : NULL;
}

struct hnode *hmap_next(const struct hnode *n, uint64_t hash)
{
	return match(n->next, hash);
}

struct hnode *hmap_each(const struct hmap *m, struct hnode *after)
{
	size_t i = 0;

	if (after && after->next)
		return after->next;
	if (after)
		i = (after->hash & m->mask) + 1;
	for (; m->buckets && i <= m->mask; i++)
		if (m->buckets[i])
			return m->buckets[i];
	return NULL;
}

struct hnode *hmap_any(const struct hmap *m)
{
	return m->count ? hmap_each(m, NULL) : NULL;
}

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

static uint64_t load_word(const char *p, size_t n, bool fold)
{
	char bytes[8] = { 0 };
	uint64_t word;

	memcpy(bytes, p, n);
	for (size_t i = 0; fold && i < n; i++)
		bytes[i] = ascii_lower(bytes[i]);
	memcpy(&word, bytes, sizeof(word));
	return word;
}

static uint64_t sip(span s, bool fold)
{
	uint64_t v[4] = {
		hash_key[0] ^ 0x736f6d6570736575U,
		hash_key[1] ^ 0x646f72616e646f6dU,
		hash_key[0] ^ 0x6c7967656e657261U,
		hash_key[1] ^ 0x7465646279746573U,
	};
	uint64_t length = (uint64_t)s.len << 56;

	for (;;) {
		size_t n = MIN(s.len, (size_t)8);
		uint64_t word = n ? load_word(s.ptr, n, fold) : 0;

		if (n < 8)
			word |= length;
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
		s = span_from(s, n);
		if (n < 8)
			break;
	}
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_bytes(span s)
{
	return sip(s, false);
}

uint64_t hash_bytes_nocase(span s)
{
	return sip(s, true);
}

uint64_t hash_u64(uint64_t n)
{
	n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9U;
	n = (n ^ (n >> 27)) * 0x94d049bb133111ebU;
	return n ^ (n >> 31);
}
