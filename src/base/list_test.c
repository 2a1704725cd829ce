/* SPDX-License-Identifier: ISC */
#include "base/list.h"

#include "base/buf.h"
#include "test/lib/unit.h"

struct member {
	char name;
	struct list link;
};

static struct member members[] = { { .name = 'a' }, { .name = 'b' },
	{ .name = 'c' }, { .name = 'd' } };

static char name_of(struct list *link)
{
	return CONTAINER_OF(link, struct member, link)->name;
}

static void assert_names(struct list *head, const char *want)
{
	struct buf b = BUF_INIT(100);
	size_t n = 0;

	LIST_FOR(it, head)
	buf_putc(&b, name_of(it));
	assert_span_equal(buf_span(&b), span_str(want));
	/* Backwards it is the same ring. */
	for (struct list *it = head->prev; it != head; it = it->prev)
		assert_int_equal(name_of(it), b.data[b.len - ++n]);
	assert_int_equal(n, b.len);
	buf_done(&b);
}

static void fill(struct list *head, const char *names)
{
	list_init(head);
	for (; *names; names++) {
		list_init(&members[*names - 'a'].link);
		list_append(head, &members[*names - 'a'].link);
	}
}

static void test_insert(void **state UNUSED)
{
	struct list head = LIST_INIT(head);

	assert_true(list_is_empty(&head));
	assert_names(&head, "");
	list_append(&head, &members[1].link);
	assert_false(list_is_empty(&head));
	list_prepend(&head, &members[0].link);
	list_append(&head, &members[3].link);
	list_insert_before(&members[3].link, &members[2].link);
	assert_names(&head, "abcd");
}

static void test_remove(void **state UNUSED)
{
	struct list head;

	fill(&head, "abcd");
	list_remove(&members[1].link);
	list_remove(&members[1].link);
	assert_true(list_is_empty(&members[1].link));
	assert_names(&head, "acd");
	list_remove(&members[0].link);
	list_remove(&members[3].link);
	assert_names(&head, "c");
	list_remove(&members[2].link);
	assert_true(list_is_empty(&head));
}

static void test_take(void **state UNUSED)
{
	struct list head;

	fill(&head, "ab");
	assert_int_equal(name_of(list_take(&head)), 'a');
	assert_int_equal(name_of(list_take(&head)), 'b');
	assert_null(list_take(&head));
}

static void test_remove_while_looping(void **state UNUSED)
{
	struct list head;

	fill(&head, "abcd");
	LIST_FOR(it, &head)
	if (name_of(it) != 'c')
		list_remove(it);
	assert_names(&head, "c");
}

static void test_splice(void **state UNUSED)
{
	struct list to;
	struct list from;

	fill(&to, "ab");
	fill(&from, "cd");
	list_splice(&to, &from);
	assert_names(&to, "abcd");
	assert_true(list_is_empty(&from));
	list_splice(&to, &from);
	assert_names(&to, "abcd");
	list_splice(&from, &to);
	assert_names(&from, "abcd");
	assert_names(&to, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insert),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_remove_while_looping),
		cmocka_unit_test(test_splice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
