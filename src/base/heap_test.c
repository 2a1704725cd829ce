/* SPDX-License-Identifier: ISC */
#include "base/heap.h"

#include "test/lib/unit.h"

enum { MANY = 500 };

/* A sequence that looks like chance and is the same every time. */
static uint64_t next_number(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return *seed >> 33;
}

static void assert_is_heap(const struct heap *h)
{
	for (size_t i = 0; i < h->count; i++) {
		assert_int_equal(h->items[i]->at, i + 1);
		if (i)
			assert_true(
			    h->items[(i - 1) / 2]->key <= h->items[i]->key);
	}
}

static void test_empty(void **state UNUSED)
{
	struct heap_node n = { 0 };
	struct heap h;

	heap_init(&h);
	assert_null(heap_top(&h));
	heap_remove(&h, &n);
	heap_put(&h, &n, 7);
	assert_ptr_equal(heap_top(&h), &n);
	heap_remove(&h, &n);
	heap_remove(&h, &n);
	assert_null(heap_top(&h));
	heap_done(&h);
	heap_done(&h);
}

static void test_sorts(void **state UNUSED)
{
	struct heap_node nodes[MANY] = { 0 };
	struct heap h;
	uint64_t seed = 1;
	uint64_t last = 0;

	heap_init(&h);
	for (int i = 0; i < MANY; i++) {
		heap_put(&h, &nodes[i], next_number(&seed) % 200);
		assert_is_heap(&h);
	}
	for (int i = 0; i < MANY; i++) {
		struct heap_node *top = heap_top(&h);

		assert_true(top->key >= last);
		last = top->key;
		heap_remove(&h, top);
		assert_int_equal(top->at, 0);
	}
	assert_null(heap_top(&h));
	heap_done(&h);
}

static uint64_t smallest(const struct heap_node *nodes)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < MANY; i++)
		if (nodes[i].at && nodes[i].key < least)
			least = nodes[i].key;
	return least;
}

/* Insert, move and remove anywhere, and compare with the plain way. */
static void test_moves_and_removals(void **state UNUSED)
{
	struct heap_node nodes[MANY] = { 0 };
	struct heap h;
	uint64_t seed = 2;

	heap_init(&h);
	for (int step = 0; step < 5000; step++) {
		struct heap_node *n = &nodes[next_number(&seed) % MANY];

		if (next_number(&seed) % 3)
			heap_put(&h, n, next_number(&seed) % 1000);
		else
			heap_remove(&h, n);
		assert_is_heap(&h);
		if (heap_top(&h))
			assert_int_equal(heap_top(&h)->key, smallest(nodes));
	}
	heap_done(&h);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(nodes[i].at, 0);
}

static void test_extreme_keys(void **state UNUSED)
{
	struct heap_node never = { 0 };
	struct heap_node now = { 0 };
	struct heap h;

	heap_init(&h);
	heap_put(&h, &never, UINT64_MAX);
	heap_put(&h, &now, 0);
	assert_ptr_equal(heap_top(&h), &now);
	heap_put(&h, &now, UINT64_MAX);
	heap_put(&h, &never, 0);
	assert_ptr_equal(heap_top(&h), &never);
	heap_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_sorts),
		cmocka_unit_test(test_moves_and_removals),
		cmocka_unit_test(test_extreme_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
