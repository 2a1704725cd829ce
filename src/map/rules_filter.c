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

struct sets {
	uint32_t count;
	const struct rules_literal_set *set;
};

/* What was added, until sealed. */
struct added {
	uint32_t rule;
	bool always;
	struct sets needs;
	struct sets within; /* what rules within this one need for its sake */
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
    struct rules_filter *f, const struct sets *s)
{
	const struct rules_literal_set *best = NULL;
	uint64_t best_cost = UINT64_MAX;

	for (uint32_t i = 0; i < s->count; i++) {
		uint64_t cost = cost_of(f, &s->set[i]);

		if (cost < best_cost) {
			best = &s->set[i];
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

/* NULL: there is none around it. */
static const struct added *find_outer(
    const struct rules_filter *f, uint32_t rule)
{
	uint32_t low = 0;
	uint32_t n = f->added_count;

	if (rule == RULES_NO_OUTER)
		return NULL;
	while (n > 1) {
		uint32_t half = n / 2;

		if (f->added[low + half].rule <= rule)
			low += half;
		n -= half;
	}
	if (n == 0 || f->added[low].rule != rule)
		bug("rule %u was not added", rule);
	return &f->added[low];
}

/* All of `a`, and of `b` what there is room for. */
static struct sets join_sets(
    struct rules_filter *f, const struct rules_literals *a, struct sets b)
{
	struct sets ret = { .count = a->count };
	struct rules_literal_set *set;

	b.count = MIN(b.count, (uint32_t)RULES_SETS);
	ret.count += b.count;
	if (ret.count == 0)
		return ret;
	set = arena_alloc(&f->added_arena, ret.count, sizeof(*set));
	memcpy(set, a->sets, a->count * sizeof(*set));
	if (b.count)
		memcpy(set + a->count, b.set, b.count * sizeof(*set));
	ret.set = set;
	return ret;
}

static void append(struct rules_filter *f, const struct added *a)
{
	if (f->added_count == f->added_room) {
		f->added_room = f->added_room ? f->added_room * 2 : 16;
		f->added =
		    mem_resize(f->added, f->added_room, sizeof(*f->added));
	}
	f->added[f->added_count++] = *a;
}

bool rules_filter_add(
    struct rules_filter *f, const struct rules_filter_rule *rule)
{
	const struct added *outer = find_outer(f, rule->outer);
	struct sets around = outer ? outer->within : (struct sets){ 0 };
	struct added a = { .rule = rule->number };
	struct rules_literals own;

	rules_literals_find(rule->syntax, rule->pattern, &f->added_arena, &own);
	if (rule->negated) {
		a.needs = join_sets(f, &own, (struct sets){ 0 });
		a.within = around;
	} else {
		a.needs = join_sets(f, &own, around);
		a.within = a.needs;
	}
	a.always = rule->negated || a.needs.count == 0;
	append(f, &a);
	return a.needs.count > 0;
}

/* Call `fn` for each text. */
static void each_text(
    struct rules_filter *f, void (*fn)(struct rules_filter *f, span text))
{
	for (uint32_t i = 0; i < f->added_count; i++) {
		const struct sets *s = &f->added[i].needs;

		for (uint32_t k = 0; k < s->count; k++)
			for (uint32_t n = 0; n < s->set[k].count; n++)
				fn(f, s->set[k].any[n]);
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
		chosen[i] = cheapest_of(f, &f->added[i].needs);
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
		if (f->added[i].needs.count)
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
