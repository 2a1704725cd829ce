/* SPDX-License-Identifier: ISC */
#include "base/hmap.h"

#include <stdio.h>

#include "test/lib/unit.h"

enum { MANY = 1000 };

struct word {
	struct hnode node;
	char text[16];
	bool seen;
};

static struct word words[MANY];

static void make_words(struct hmap *m)
{
	hmap_init(m);
	for (int i = 0; i < MANY; i++) {
		words[i] = (struct word){ 0 };
		(void)snprintf(
		    words[i].text, sizeof(words[i].text), "Word%d", i);
		hmap_put(
		    m, &words[i].node, hash_bytes(span_str(words[i].text)));
	}
}

static struct word *find(const struct hmap *m, const char *text)
{
	uint64_t hash = hash_bytes(span_str(text));

	for (struct hnode *n = hmap_first(m, hash); n; n = hmap_next(n, hash)) {
		struct word *w = CONTAINER_OF(n, struct word, node);

		if (span_eq(span_str(w->text), span_str(text)))
			return w;
	}
	return NULL;
}

static void test_empty(void **state UNUSED)
{
	struct hmap m;

	hmap_init(&m);
	assert_null(hmap_first(&m, 7));
	assert_null(hmap_any(&m));
	assert_null(hmap_each(&m, NULL));
	hmap_done(&m);
	hmap_done(&m);
}

static void test_put_find_remove(void **state UNUSED)
{
	struct hmap m;

	make_words(&m);
	assert_int_equal(m.count, MANY);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(find(&m, words[i].text), &words[i]);
	assert_null(find(&m, "Word"));
	assert_null(find(&m, "Word1000"));
	for (int i = 0; i < MANY; i += 2)
		hmap_remove(&m, &words[i].node);
	assert_int_equal(m.count, MANY / 2);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(
		    find(&m, words[i].text), i % 2 ? &words[i] : NULL);
	hmap_done(&m);
}

/* Several members with one hash, as a multimap has them. */
static void test_same_hash(void **state UNUSED)
{
	struct word same[5] = { 0 };
	struct hmap m;
	int count = 0;

	make_words(&m);
	for (int i = 0; i < 5; i++)
		hmap_put(&m, &same[i].node, 42);
	hmap_remove(&m, &same[2].node);
	for (struct hnode *n = hmap_first(&m, 42); n; n = hmap_next(n, 42)) {
		struct word *w = CONTAINER_OF(n, struct word, node);

		assert_true(w >= same && w < same + 5 && w != same + 2);
		assert_false(w->seen);
		w->seen = true;
		count++;
	}
	assert_int_equal(count, 4);
	hmap_done(&m);
}

static void test_each_and_any(void **state UNUSED)
{
	struct hmap m;
	struct hnode *n = NULL;
	size_t count = 0;

	make_words(&m);
	while ((n = hmap_each(&m, n))) {
		struct word *w = CONTAINER_OF(n, struct word, node);

		assert_false(w->seen);
		w->seen = true;
		count++;
	}
	assert_int_equal(count, MANY);
	while ((n = hmap_any(&m)))
		hmap_remove(&m, n);
	assert_int_equal(m.count, 0);
	hmap_done(&m);
}

/* A weak hash would put a stranger's names where he likes. */
static void test_hash_spreads(void **state UNUSED)
{
	size_t longest = 0;
	struct hmap m;

	make_words(&m);
	for (size_t i = 0; i <= m.mask; i++) {
		size_t length = 0;

		for (struct hnode *n = m.buckets[i]; n; n = n->next)
			length++;
		longest = MAX(longest, length);
	}
	assert_true(longest < 12);
	hmap_done(&m);
}

static void test_hashes(void **state UNUSED)
{
	const uint64_t one[2] = { 1, 2 };
	const uint64_t zero[2] = { 0, 0 };
	span s = SPAN("user@example.com");
	uint64_t plain = hash_bytes(s);

	assert_true(hash_bytes(s) == plain);
	assert_true(hash_bytes(SPAN("USER@example.com")) != plain);
	assert_true(hash_bytes_nocase(SPAN("USER@Example.COM")) ==
	    hash_bytes_nocase(s));
	assert_true(hash_bytes_nocase(s) == plain);
	hash_set_key(one);
	assert_true(hash_bytes(s) != plain);
	hash_set_key(zero);
	assert_true(hash_bytes(s) == plain);
	/* Length counts, also where the padding looks the same. */
	for (size_t a = 0; a < 20; a++)
		for (size_t b = 0; b < a; b++)
			assert_true(
			    hash_bytes(span_of("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			                       "\0\0\0\0\0",
			        a)) !=
			    hash_bytes(span_of("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			                       "\0\0\0\0\0",
			        b)));
	assert_true(hash_u64(1) != hash_u64(2));
	assert_true(hash_bytes(SPAN_NONE) == hash_bytes(SPAN("")));
}

/* SipHash-1-3 as others compute it: CPython with PYTHONHASHSEED=0 hashes
 * bytes with the key 0. */
static void test_known_hashes(void **state UNUSED)
{
	static const struct {
		span bytes;
		uint64_t hash;
	} known[] = {
		{ SPAN_INIT("a"), 0x407448d2b89b1813U },
		{ SPAN_INIT("1234567"), 0xa33d651594fdae81U },
		{ SPAN_INIT("12345678"), 0x3489982430560a87U },
		{ SPAN_INIT("user@example.com"), 0xd7e037bd4b2eb35cU },
		{ SPAN_INIT("0123456789abcdef0"), 0xf738bb4f30801228U },
	};
	const uint64_t key[2] = { 0x0706050403020100U, 0x0f0e0d0c0b0a0908U };
	const uint64_t zero[2] = { 0, 0 };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		assert_true(hash_bytes(known[i].bytes) == known[i].hash);
	hash_set_key(key);
	assert_true(hash_bytes(SPAN("")) == 0xabac0158050fc4dcU);
	hash_set_key(zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_put_find_remove),
		cmocka_unit_test(test_same_hash),
		cmocka_unit_test(test_each_and_any),
		cmocka_unit_test(test_hash_spreads),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_known_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
