/* SPDX-License-Identifier: ISC */
/*
 * map/rules_filter.c - which rules of a large table may match at all.
 *
 * Of each rule's sets of texts one is chosen, and of each text in it a piece
 * of 8, 4 or 2 bytes (a "gram"): those that are rare in the whole table, so
 * that "example.com" in each rule does no harm. The grams are the keys of a
 * hash table. At each place of a subject the gram there is looked up, and the
 * whole text compared around it. Nothing is skipped on a hash alone.
 */
#include "map/rules_filter.h"

#include "base/buf.h"

enum { MIN_SLOTS = 16, MAX_COUNTERS = 1 << 22, MAX_SUBJECT = 1 << 28 };

/* Longest first; a short one is more likely to be there by chance. */
static const struct {
	uint32_t size;
	uint32_t weight;
} grams[] = { { 8, 1 }, { 4, 8 }, { RULES_SHORTEST, 256 } };

enum { SIZES = ARRAY_LEN(grams) };

/* A text under one of its grams. */
struct entry {
	span text;
	uint32_t offset; /* of the gram */
	uint32_t rule;
	uint32_t next; /* index + 1 */
};

/* What was added, until sealed. */
struct added {
	uint32_t rule;
	bool always;
	uint32_t count;
	const struct rules_literal_set *sets;
};

struct rules_filter {
	/* A bit for each rule. */
	uint64_t *known;
	uint64_t *visit;
	uint64_t *hits;
	size_t words;
	struct buf lower;

	struct added *added;
	uint32_t added_count;
	uint32_t added_room;
	struct arena added_arena;
	uint32_t *counters;
	size_t counters_mask;

	struct arena arena;
	struct entry *entries;
	uint32_t entry_count;
	uint32_t *slots[SIZES];
	size_t mask; /* of each of slots */
	bool used[SIZES];
};

static void set_bit(uint64_t *bits, uint32_t i)
{
	bits[i / 64] |= (uint64_t)1 << i % 64;
}

static bool has_bit(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

/* --- grams --- */

static size_t size_index(size_t len)
{
	size_t i = 0;

	while (grams[i].size > len)
		i++;
	return i;
}

static uint64_t gram_hash(size_t index, const char *p)
{
	uint64_t n = 0;

	/* clang-format off */
	switch (index) {
	case 0: memcpy(&n, p, 8); break;
	case 1: memcpy(&n, p, 4); break;
	default: memcpy(&n, p, RULES_SHORTEST); break;
	}
	/* clang-format on */
	n = (n ^ index) * 0x9e3779b97f4a7c15;
	return n ^ n >> 32;
}

static size_t power_of_two(size_t n, size_t least)
{
	size_t p = least;

	while (p < n)
		p *= 2;
	return p;
}

/* --- choosing --- */

static uint32_t *counter_of(struct rules_filter *f, size_t index, const char *p)
{
	return &f->counters[gram_hash(index, p) & f->counters_mask];
}

static void count_text(struct rules_filter *f, span text)
{
	size_t index = size_index(text.len);

	for (size_t i = 0; i + grams[index].size <= text.len; i++)
		++*counter_of(f, index, text.ptr + i);
}

/* The offset of the text's rarest gram. */
static uint32_t rarest_gram(struct rules_filter *f, span text, uint64_t *ret)
{
	size_t index = size_index(text.len);
	uint32_t best = UINT32_MAX;
	uint32_t offset = 0;

	for (uint32_t i = 0; i + grams[index].size <= text.len; i++) {
		uint32_t n = *counter_of(f, index, text.ptr + i);

		if (n < best) {
			best = n;
			offset = i;
		}
	}
	*ret = (uint64_t)best * grams[index].weight;
	return offset;
}

static uint64_t cost_of(
    struct rules_filter *f, const struct rules_literal_set *set)
{
	uint64_t sum = 0;
	uint64_t n;

	for (uint32_t i = 0; i < set->count; i++) {
		(void)rarest_gram(f, set->any[i], &n);
		sum += n;
	}
	return sum;
}

static const struct rules_literal_set *cheapest_of(
    struct rules_filter *f, const struct added *a)
{
	const struct rules_literal_set *best = NULL;
	uint64_t best_cost = UINT64_MAX;

	for (uint32_t i = 0; i < a->count; i++) {
		uint64_t cost = cost_of(f, &a->sets[i]);

		if (cost < best_cost) {
			best = &a->sets[i];
			best_cost = cost;
		}
	}
	return best;
}

/* --- building --- */

struct rules_filter *rules_filter_new(void)
{
	struct rules_filter *f = NEW(struct rules_filter);

	buf_init(&f->lower, MAX_SUBJECT);
	arena_init(&f->added_arena, SIZE_MAX);
	arena_init(&f->arena, SIZE_MAX);
	return f;
}

void rules_filter_free(struct rules_filter *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < SIZES; i++)
		mem_free(f->slots[i]);
	mem_free(f->known);
	mem_free(f->visit);
	mem_free(f->hits);
	mem_free(f->added);
	mem_free(f->counters);
	mem_free(f->entries);
	buf_done(&f->lower);
	arena_done(&f->added_arena);
	arena_done(&f->arena);
	mem_free(f);
}

bool rules_filter_add(struct rules_filter *f, uint32_t rule,
    enum rules_syntax syntax, span pattern, bool always)
{
	struct added a = { .rule = rule };
	struct rules_literal_set *sets;
	struct rules_literals l;

	rules_literals_find(syntax, pattern, &f->added_arena, &l);
	if (l.count) {
		sets = arena_alloc(&f->added_arena, l.count, sizeof(*sets));
		memcpy(sets, l.sets, l.count * sizeof(*sets));
		a.sets = sets;
		a.count = l.count;
	}
	a.always = always || l.count == 0;
	if (f->added_count == f->added_room) {
		f->added_room = f->added_room ? f->added_room * 2 : 16;
		f->added =
		    mem_resize(f->added, f->added_room, sizeof(*f->added));
	}
	f->added[f->added_count++] = a;
	return l.count > 0;
}

/* Call `fn` for each text. */
static void each_text(
    struct rules_filter *f, void (*fn)(struct rules_filter *f, span text))
{
	for (uint32_t i = 0; i < f->added_count; i++) {
		const struct added *a = &f->added[i];

		for (uint32_t k = 0; k < a->count; k++)
			for (uint32_t n = 0; n < a->sets[k].count; n++)
				fn(f, a->sets[k].any[n]);
	}
}

static void add_length(struct rules_filter *f, span text)
{
	f->counters_mask += text.len;
}

static void count_grams(struct rules_filter *f)
{
	size_t n;

	f->counters_mask = 0;
	each_text(f, add_length);
	n = power_of_two(
	    MIN(2 * f->counters_mask, (size_t)MAX_COUNTERS), MIN_SLOTS);
	f->counters = mem_new(n, sizeof(*f->counters));
	f->counters_mask = n - 1;
	each_text(f, count_text);
}

static void put_entry(struct rules_filter *f, uint32_t rule, span text)
{
	struct entry *e = &f->entries[f->entry_count++];
	size_t index = size_index(text.len);
	uint32_t *slot;
	uint64_t cost;

	e->text = arena_dup(&f->arena, text);
	e->offset = rarest_gram(f, text, &cost);
	e->rule = rule;
	slot =
	    &f->slots[index][gram_hash(index, text.ptr + e->offset) & f->mask];
	e->next = *slot;
	*slot = f->entry_count;
	f->used[index] = true;
}

static void put_texts(
    struct rules_filter *f, const struct rules_literal_set *const *chosen)
{
	for (size_t i = 0; i < SIZES; i++)
		f->slots[i] = mem_new(f->mask + 1, sizeof(uint32_t));
	for (uint32_t i = 0; i < f->added_count; i++)
		for (uint32_t k = 0; chosen[i] && k < chosen[i]->count; k++)
			put_entry(f, f->added[i].rule, chosen[i]->any[k]);
}

static void choose_texts(struct rules_filter *f)
{
	const struct rules_literal_set **chosen =
	    mem_new(f->added_count, sizeof(struct rules_literal_set *));
	size_t texts = 0;

	for (uint32_t i = 0; i < f->added_count; i++) {
		chosen[i] = cheapest_of(f, &f->added[i]);
		texts += chosen[i] ? chosen[i]->count : 0;
	}
	f->entries = mem_new(texts, sizeof(*f->entries));
	f->mask = power_of_two(texts * 2, MIN_SLOTS) - 1;
	put_texts(f, chosen);
	mem_free(chosen);
}

static void make_bits(struct rules_filter *f)
{
	uint32_t last = f->added_count ? f->added[f->added_count - 1].rule : 0;

	f->words = last / 64 + 1;
	f->known = mem_new(f->words, sizeof(*f->known));
	f->visit = mem_new(f->words, sizeof(*f->visit));
	f->hits = mem_new(f->words, sizeof(*f->hits));
	for (uint32_t i = 0; i < f->added_count; i++) {
		if (f->added[i].always)
			set_bit(f->visit, f->added[i].rule);
		if (f->added[i].count)
			set_bit(f->known, f->added[i].rule);
	}
}

void rules_filter_seal(struct rules_filter *f)
{
	make_bits(f);
	count_grams(f);
	choose_texts(f);
	mem_free(f->counters);
	mem_free(f->added);
	f->counters = NULL;
	f->added = NULL;
	arena_done(&f->added_arena);
}

/* --- asking --- */

uint32_t rules_filter_next(const struct rules_filter *f, uint32_t rule)
{
	size_t i = rule / 64;
	uint64_t bits;

	if (i >= f->words)
		return UINT32_MAX;
	bits = (f->visit[i] | f->hits[i]) & UINT64_MAX << rule % 64;
	while (bits == 0) {
		if (++i == f->words)
			return UINT32_MAX;
		bits = f->visit[i] | f->hits[i];
	}
	return (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(bits);
}

bool rules_filter_may(const struct rules_filter *f, uint32_t rule)
{
	return !has_bit(f->known, rule) || has_bit(f->hits, rule);
}

static bool stands_at(const struct entry *e, span s, size_t i)
{
	return i >= e->offset && e->text.len <= s.len - (i - e->offset) &&
	    !memcmp(s.ptr + i - e->offset, e->text.ptr, e->text.len);
}

static void scan_size(struct rules_filter *f, size_t index, span s)
{
	for (size_t i = 0; i + grams[index].size <= s.len; i++) {
		uint64_t hash = gram_hash(index, s.ptr + i);
		uint32_t n = f->slots[index][hash & f->mask];

		while (n) {
			const struct entry *e = &f->entries[n - 1];

			if (stands_at(e, s, i))
				set_bit(f->hits, e->rule);
			n = e->next;
		}
	}
}

/* A subject that is too long to be looked at may match anything. */
static bool make_lower(struct rules_filter *f, span subject)
{
	char *to;

	buf_clear(&f->lower);
	to = buf_room(&f->lower, subject.len);
	if (!to)
		return false;
	for (size_t i = 0; i < subject.len; i++)
		to[i] = ascii_lower(subject.ptr[i]);
	f->lower.len = subject.len;
	return true;
}

void rules_filter_scan(struct rules_filter *f, span subject)
{
	bool ok = make_lower(f, subject);

	if (ok)
		memset(f->hits, 0, f->words * sizeof(*f->hits));
	else
		memcpy(f->hits, f->known, f->words * sizeof(*f->hits));
	for (size_t i = 0; ok && i < SIZES; i++)
		if (f->used[i])
			scan_size(f, i, buf_span(&f->lower));
}
