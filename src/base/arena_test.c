/* SPDX-License-Identifier: ISC */
#include "base/arena.h"

#include "test/lib/unit.h"

static void test_zeroed_and_aligned(void **state UNUSED)
{
	struct arena a;

	arena_init(&a, 1 << 20);
	for (size_t n = 1; n < 300; n++) {
		char *p = arena_alloc(&a, n, 1);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n); /* the next one must not lie in it */
	}
	arena_done(&a);
}

static void test_typed(void **state UNUSED)
{
	struct thing {
		uint64_t number;
		char text[50];
	};
	struct arena a;
	struct thing *first;
	struct thing *second;

	arena_init(&a, 1000);
	first = arena_new(&a, struct thing);
	second = arena_new(&a, struct thing);
	assert_non_null(first);
	assert_non_null(second);
	assert_true(first != second);
	assert_int_equal(second->number, 0);
	assert_true(a.used >= 2 * sizeof(struct thing));
	arena_done(&a);
}

/* Everything may be used, and not a byte more. */
static void test_limit(void **state UNUSED)
{
	static const struct {
		size_t max, n, size;
		bool fits;
	} cases[] = {
		{ 0, 0, 1, true },
		{ 0, 1, 1, false },
		{ 16, 16, 1, true },
		{ 16, 17, 1, false },
		{ 15, 1, 1, false }, /* sixteen, as it is aligned */
		{ 1 << 20, 1, 1 << 20, true },
		{ 1 << 20, 2, 1 << 20, false },
		{ SIZE_MAX, SIZE_MAX, 2, false },
		{ SIZE_MAX, 2, SIZE_MAX, false },
		{ SIZE_MAX, SIZE_MAX, 1, false },
		{ SIZE_MAX, SIZE_MAX / 2 + 1, 2, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a;
		void *p;

		arena_init(&a, cases[i].max);
		p = arena_alloc(&a, cases[i].n, cases[i].size);
		assert_int_equal(p != NULL, cases[i].fits);
		arena_done(&a);
	}
}

static void test_full_arena_still_serves(void **state UNUSED)
{
	struct arena a;
	size_t got = 0;

	arena_init(&a, 4096);
	while (arena_alloc(&a, 100, 1))
		got++;
	assert_int_equal(got, 4096 / 112);
	assert_null(arena_alloc(&a, 100, 1));
	assert_non_null(arena_alloc(&a, 16, 1)); /* a small one still fits */
	assert_true(a.used <= a.max);
	arena_done(&a);
	assert_int_equal(a.used, 0);
	/* It can be used again. */
	assert_non_null(arena_alloc(&a, 4096, 1));
	arena_done(&a);
	arena_done(&a);
}

/* Small ones after a large one: all blocks stay until the end. */
static void test_blocks_keep_their_content(void **state UNUSED)
{
	struct arena a;
	char *small = NULL;
	char *large;

	arena_init(&a, 1 << 20);
	small = arena_cstr(&a, SPAN("small"));
	large = arena_alloc(&a, 200000, 1);
	assert_non_null(large);
	memset(large, 'x', 200000);
	for (int i = 0; i < 1000; i++)
		assert_non_null(arena_alloc(&a, 33, 1));
	assert_string_equal(small, "small");
	assert_int_equal(large[0], 'x');
	assert_int_equal(large[199999], 'x');
	arena_done(&a);
}

static void test_dup(void **state UNUSED)
{
	char text[] = "ab\0cd";
	struct arena a;
	span s;
	char *c;

	arena_init(&a, 64);
	s = arena_dup(&a, span_of(text, 5));
	text[0] = 'X';
	assert_span_equal(s, SPAN("ab\0cd"));
	s = arena_dup(&a, SPAN_NONE);
	assert_non_null(s.ptr);
	assert_int_equal(s.len, 0);
	c = arena_cstr(&a, SPAN("xyz"));
	assert_string_equal(c, "xyz");
	s = arena_dup(&a, SPAN("does not fit any more"));
	assert_null(s.ptr);
	assert_int_equal(s.len, 0);
	assert_null(arena_cstr(&a, SPAN("0123456789abcdef")));
	assert_non_null(arena_cstr(&a, SPAN("0123456789abcde")));
	assert_null(arena_cstr(&a, SPAN("")));
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeroed_and_aligned),
		cmocka_unit_test(test_typed),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_full_arena_still_serves),
		cmocka_unit_test(test_blocks_keep_their_content),
		cmocka_unit_test(test_dup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
