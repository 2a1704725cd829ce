/* SPDX-License-Identifier: ISC */
#include "mail/thread.h"

#include "test/lib/unit.h"

enum { MANY = 20000 };

/* Messages are "id|references|subject", oldest first; the result is their
 * numbers, indented. */
static const struct {
	const char *name;
	const char *messages[6];
	const char *want;
} cases[] = {
	{ "none", { NULL }, "" },
	{ "strangers", { "a||x", "b||y" }, "0\n1\n" },
	{ "an answer", { "a||x", "b|<a>|Re: x" }, "0\n 1\n" },
	{ "the answer came first", { "b|<a>|", "a||" }, "1\n 0\n" },
	{ "a chain", { "a||", "b|<a>|", "c|<a> <b>|" }, "0\n 1\n  2\n" },
	{ "brothers", { "a||", "b|<a>|", "c|<a>|" }, "0\n 1\n 2\n" },
	{ "the middle is missing", { "a||", "c|<a> <b>|" }, "0\n 1\n" },
	{ "the beginning is missing", { "b|<a>|", "c|<a>|", "d|<a>|" },
	    "0\n 1\n 2\n" },
	{ "loop of two", { "a|<b>|", "b|<a>|" }, "1\n 0\n" },
	{ "loop of one", { "a|<a>|" }, "0\n" },
	{ "loop of phantoms", { "a|<x> <y> <x>|", "b|<y> <x> <y>|" },
	    "0\n 1\n" },
	{ "twice the same", { "a||", "a||", "b|<a>|" }, "0\n 2\n1\n" },
	{ "no id", { "||", "|<x>|", "||" }, "0\n1\n2\n" },
	{ "junk around", { "a||", "b|Your mail of Monday, < a > (Ana)|" },
	    "0\n 1\n" },
	{ "broken references", { "a||", "b|<a|", "c|<> a>|" }, "0\n1\n2\n" },
	{ "by subject", { "a||x", "b||Re: X", "c||re[2]: [l] x" },
	    "0\n 1\n 2\n" },
	{ "same subject, no answer", { "a||cron", "b||cron" }, "0\n1\n" },
	{ "references beat the subject", { "a||x", "b||y", "c|<b>|Re: x" },
	    "0\n1\n 2\n" },
	{ "answers without the first", { "a||Re: x", "b||Re: x" }, "0\n 1\n" },
	{ "no subject", { "a||Re:", "b||Re:" }, "0\n1\n" },
};

static size_t make_nodes(const char *const messages[6], struct thread_node n[6])
{
	size_t count = 0;

	for (; count < 6 && messages[count]; count++) {
		span rest = span_str(messages[count]);

		n[count] = (struct thread_node){ .when = count };
		n[count].message_id = span_cut(&rest, '|');
		n[count].references = span_cut(&rest, '|');
		n[count].subject = rest;
	}
	return count;
}

static void joins(void **state UNUSED)
{
	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		struct thread_node nodes[6];
		struct buf out = BUF_INIT(1000);
		struct arena a;
		size_t n = make_nodes(cases[k].messages, nodes);
		uint32_t i;

		arena_init(&a, 1 << 20);
		assert_true(thread_build(nodes, (uint32_t)n, &a, &i));
		for (; i != THREAD_NONE; i = thread_walk(nodes, i))
			buf_printf(&out, "%*s%u\n", (int)nodes[i].depth, "",
			    (unsigned)i);
		if (!span_eq(buf_span(&out), span_str(cases[k].want)))
			print_error("in: %s\n", cases[k].name);
		assert_span_equal(buf_span(&out), span_str(cases[k].want));
		buf_done(&out);
		arena_done(&a);
	}
}

/* Older ones first, whatever their numbers. */
static void sorts_brothers(void **state UNUSED)
{
	struct thread_node n[3] = {
		{ .message_id = SPAN("a"), .when = 30 },
		{ .message_id = SPAN("b"), .when = 20 },
		{ .message_id = SPAN("c"), .when = 10 },
	};
	struct arena a;
	uint32_t first;

	arena_init(&a, 1 << 20);
	assert_true(thread_build(n, 3, &a, &first));
	assert_int_equal(first, 2);
	assert_int_equal(thread_walk(n, 2), 1);
	assert_int_equal(thread_walk(n, 1), 0);
	assert_int_equal(thread_walk(n, 0), THREAD_NONE);
	arena_done(&a);
}

static void survives_a_full_arena(void **state UNUSED)
{
	for (size_t room = 0; room < 4000; room += 16) {
		struct thread_node n[2] = {
			{ .message_id = SPAN("a"), .subject = SPAN("x") },
			{ .references = SPAN("<a>"), .subject = SPAN("x") },
		};
		struct arena a;
		uint32_t first;
		bool ok;

		arena_init(&a, room);
		ok = thread_build(n, 2, &a, &first);
		assert_int_equal(first, 0);
		assert_int_equal(thread_walk(n, 0), 1);
		assert_int_equal(thread_walk(n, 1), THREAD_NONE);
		assert_int_equal(n[1].depth, ok ? 1 : 0);
		arena_done(&a);
	}
}

/* One chain, told backwards: each names only the one before. */
static void is_linear_in_a_chain(void **state UNUSED)
{
	struct thread_node *n = mem_new(MANY, sizeof(*n));
	struct arena names;
	struct arena a;
	uint32_t first;
	uint32_t seen = 0;

	arena_init(&names, 16 << 20);
	arena_init(&a, 64 << 20);
	for (uint32_t i = 0; i < MANY; i++) {
		struct buf text = BUF_INIT(100);

		buf_printf(&text, "<%u@x>", (unsigned)i);
		n[i].message_id = arena_dup(&names, buf_span(&text));
		buf_clear(&text);
		buf_printf(&text, "<%u@x>", (unsigned)i + 1);
		n[i].references = arena_dup(&names, buf_span(&text));
		buf_done(&text);
	}
	assert_true(thread_build(n, MANY, &a, &first));
	assert_int_equal(first, MANY - 1);
	for (uint32_t i = first; i != THREAD_NONE; i = thread_walk(n, i))
		assert_int_equal(n[i].depth, seen++);
	assert_int_equal(seen, MANY);
	arena_done(&names);
	arena_done(&a);
	mem_free(n);
}

static const struct {
	const char *subject;
	const char *want;
	bool is_answer;
} subjects[] = {
	{ "hello", "hello", false },
	{ " hello  world ", "hello world", false },
	{ "Re: hello", "hello", true },
	{ "RE: Fwd: re[12]: AW : hello", "hello", true },
	{ "[list] hello", "hello", false },
	{ "[list] Re: [list] hello", "hello", true },
	{ "[only]", "[only]", false },
	{ "[a [b] c] x", "[a [b] c] x", false },
	{ "hello (fwd)", "hello", true },
	{ "regarding: x", "regarding: x", false },
	{ "Re: ", "", true },
	{ "Re", "Re", false },
	{ "re[", "re[", false },
	{ "", "", false },
};

static void bares_subjects(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		struct buf out = BUF_INIT(1000);
		bool got = thread_subject(&out, span_str(subjects[i].subject));

		assert_span_equal(buf_span(&out), span_str(subjects[i].want));
		assert_int_equal(got, subjects[i].is_answer);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins),
		cmocka_unit_test(sorts_brothers),
		cmocka_unit_test(survives_a_full_arena),
		cmocka_unit_test(is_linear_in_a_chain),
		cmocka_unit_test(bares_subjects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
