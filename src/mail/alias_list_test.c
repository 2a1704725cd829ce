/* SPDX-License-Identifier: ISC */
#include "mail/alias_list.h"

#include "test/lib/unit.h"

#include "base/buf.h"

/* Items as "kind:text|", with ';' at the end where one was taken for ','. */
static const struct {
	const char *text, *items;
} cases[] = {
	/* clang-format off */
	{ "", "" },
	{ "  \t\n", "" },
	{ ",,", "" },
	{ "(nobody)", "" },
	{ "ana", "a:ana|" },
	{ "ana, bob@x.example\tEva", "a:ana|a:bob@x.example|a:Eva|" },
	{ "ana\n bob", "a:ana|a:bob|" },
	{ "Ana B <ana@x>, <bob>", "a:ana@x|a:bob|" },
	{ "ana (a, b), (c) bob", "a:ana|a:bob|" },
	{ "\"first last\"@x", "a:first last@x|" },
	{ "\\ana, a\\,b", "a:ana|a:a,b|" },
	{ "/var/log/x, \"/with blank\", ~/box/, ~ana/x",
		"f:/var/log/x|f:/with blank|h:~/box/|h:~ana/x|" },
	{ "|/bin/x", "c:/bin/x|" },
	{ "\"|/bin/x -a \\\"b c\\\"\", bob", "c:/bin/x -a \"b c\"|a:bob|" },
	{ "|\"/bin/x a\"", "c:/bin/x a|" },
	{ ":include:/etc/list, :INCLUDE:/b", "i:/etc/list|i:/b|" },
	{ "\":include:/with blank\"", "i:/with blank|" },
	{ "friends: ana, bob;", "a:ana|a:bob|" },
	{ "friends: ana, bob;, eva", "a:ana|a:bob|a:eva|" },
	{ "ana@[192.0.2.1]", "a:ana@[192.0.2.1]|" },
	/* What is ours */
	{ "user1@a.com;user1@b.com", "a:user1@a.com|a:user1@b.com|;" },
	{ "ana; bob ;eva;", "a:ana|a:bob|a:eva|;" },
	{ "ana;:include:/x;/y", "a:ana|i:/x|f:/y|;" },
	{ "friends: ana; bob;eva", "a:ana|a:bob|a:eva|;" },
	{ "\"a;b\"@x, \"|/bin/x; y\"", "a:a;b@x|c:/bin/x; y|" },
	{ "a (x;y), b\\;c", "a:a|a:b;c|" },
	{ "a;\"", "a:a|a:|;" },
	/* clang-format on */
};

static void put_item(struct buf *out, const struct alias_item *item)
{
	static const char letters[] = {
		[ALIAS_ADDRESS] = 'a',
		[ALIAS_FILE] = 'f',
		[ALIAS_HOME] = 'h',
		[ALIAS_COMMAND] = 'c',
		[ALIAS_INCLUDE] = 'i',
	};

	buf_putc(out, letters[item->kind]);
	buf_putc(out, ':');
	buf_put(out, item->text);
	buf_putc(out, '|');
}

static void test_cases(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = BUF_INIT(4096);
		struct alias_list l;
		struct arena a;

		arena_init(&a, 1 << 20);
		assert_true(alias_list_parse(span_str(cases[i].text), &a, &l));
		for (size_t k = 0; k < l.count; k++)
			put_item(&out, &l.items[k]);
		if (l.semicolons)
			buf_putc(&out, ';');
		if (!span_eq(buf_span(&out), span_str(cases[i].items)))
			fail_msg("%s -> %s, not %s", cases[i].text,
			    buf_cstr(&out), cases[i].items);
		buf_done(&out);
		arena_done(&a);
	}
}

static void test_ends_at_nul(void **state UNUSED)
{
	struct alias_list l;
	struct arena a;

	arena_init(&a, 1 << 20);
	assert_true(alias_list_parse(span_of("ana\0, bob", 9), &a, &l));
	assert_int_equal(l.count, 1);
	assert_span_equal(l.items[0].text, SPAN("ana"));
	arena_done(&a);
}

/* The arena is the limit. */
static void test_full(void **state UNUSED)
{
	struct buf text = BUF_INIT(1 << 20);
	struct alias_list l;
	struct arena a;

	for (int i = 0; i < 20000; i++)
		buf_put(&text, SPAN("ana, "));
	arena_init(&a, 1 << 16);
	assert_false(alias_list_parse(buf_span(&text), &a, &l));
	arena_done(&a);
	arena_init(&a, 1 << 24);
	assert_true(alias_list_parse(buf_span(&text), &a, &l));
	assert_int_equal(l.count, 20000);
	arena_done(&a);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_ends_at_nul),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
