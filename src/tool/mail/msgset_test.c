/* SPDX-License-Identifier: ISC */
#include "tool/mail/msgset.h"

#include "test/lib/unit.h"
#include "tool/mail/box_fixture.h"
#include "tool/mail/order.h"

#define FROM(who, day) "From " who "  Tue Nov  " day " 17:21:36 2021\n"

/* clang-format off */
static const char mailbox[] =
	/* 1: read */
	FROM("ana@x.org", "1")
	"From: Ana Paz <ana@x.org>\nTo: pue@localhost\nSubject: apple\n"
	"Message-Id: <m1@x>\nDate: Mon, 01 Nov 2021 17:21:36 +0100\n"
	"Status: RO\n\nred\n\n"
	/* 2: new, answers 1 */
	FROM("bob@y.org", "2")
	"From: bob@y.org\nTo: ana@x.org\nSubject: banana\nMessage-Id: <m2@x>\n"
	"Date: Tue, 02 Nov 2021 17:21:36 +0100\nIn-Reply-To: <m1@x>\n\n"
	"yellow\n\n"
	/* 3: unread, answers 1 */
	FROM("ana@x.org", "3")
	"From: ana@x.org\nSubject: =?utf-8?q?Re:_APPLE_pi=C3=B1a?=\n"
	"Message-Id: <m3@x>\nReferences: <m0@x> <m1@x>\n"
	"Date: Wed, 03 Nov 2021 17:21:36 +0100\nStatus: O\n\ngreen\n\n"
	/* 4: read, answered, flagged */
	FROM("cyd@z.org", "4")
	"From: cyd@z.org\nCc: bob@y.org\nSubject: cherry\nMessage-Id: <m4@x>\n"
	"Date: Thu, 04 Nov 2021 17:21:36 +0100\nStatus: RO\nX-Status: AF\n\n"
	"red\n\n"
	/* 5: new; no From field */
	FROM("dan@x.org", "5")
	"Subject: date\nMessage-Id: <m5@x>\n"
	"Date: Fri, 05 Nov 2021 17:21:36 +0100\n\nbrown\n\n"
	/* 6: draft, answers 2 */
	FROM("ana@x.org", "6")
	"From: ana@x.org\nSubject: Re: banana\nMessage-Id: <m6@x>\n"
	"In-Reply-To: <m2@x>\nDate: Sat, 06 Nov 2021 17:21:36 +0100\n"
	"Status: RO\nX-Status: T\n\nyellow\n\n";

static const struct {
	const char *list;
	const char *want; /* numbers, or what is said */
} cases[] = {
	/* The current one is 2, the one before it 4, and 5 is deleted. */
	{ "", "2" },
	{ "1", "1" },
	{ "3-6", "3 4 6" },
	{ "3-5", "5: Inappropriate message\n" },
	{ "1 3", "1 3" },
	{ "3 1 3", "1 3" },
	{ " 1 - 2 ", "1 2" },
	{ "*", "1 2 3 4 6" },
	{ ".", "2" },
	{ "^", "1" },
	{ "$", "6" },
	{ "+", "3" },
	{ "-", "1" },
	{ ";", "4" },
	{ ".-$", "2 3 4 6" },
	{ "^-.", "1 2" },
	{ ";-6", "4 6" },
	{ "$-$", "6" },
	{ "0", "0: Invalid message number\n" },
	{ "7", "7: Invalid message number\n" },
	{ "1-7", "7: Invalid message number\n" },
	{ "99999999999", "99999999999: Invalid message number\n" },
	{ "5", "5: Inappropriate message\n" },
	{ "5-6", "5: Inappropriate message\n" },
	{ "* 1", "No numbers mixed with *\n" },
	{ "1 *", "Can't mix \"*\" with anything\n" },
	{ "ana *", "Can't mix \"*\" with anything\n" },
	{ "1-+", "Non-numeric second argument\n" },
	{ "1-ana", "Non-numeric second argument\n" },
	/* What names nothing does not mean the current one. */
	{ "3-1", "No applicable messages\n" },
	{ "3-", "No applicable messages\n" },
	{ ")", "No applicable messages\n" },
	/* Colons. */
	{ ":n", "2" },
	{ ":o", "1 3 4 6" },
	{ ":u", "2 3" },
	{ ":r", "1 4 6" },
	{ ":a", "4" },
	{ ":f", "4" },
	{ ":t", "6" },
	{ ":r :o :f", "4" },
	{ ":", "4" },
	{ ":d", "No messages satisfy :d\n" },
	{ ":n :f", "No messages satisfy :n :f\n" },
	{ ":x", "Unknown colon modifier \":x\"\n" },
	{ ":xyz", "Unknown colon modifier \":xyz\"\n" },
	/* Names and subjects. */
	{ "ana@x.org", "1 3 6" },
	{ "'Ana Paz'", "1" },
	{ "\"Ana Paz\" bob@y.org", "1 2" },
	{ "Ana\\ Paz", "1" },
	{ "ana", "No applicable messages from {ana}\n" },
	{ "l", "No applicable messages from {l}\n" },
	{ "x /nothing", "No applicable messages from {x, /nothing}\n" },
	{ "/apple", "1 3" },
	{ "/", "1 3" },
	{ "/PI\xc3\x91""A", "3" },
	{ "/apple cyd@z.org", "1 3 4" },
	{ "ana@x.org :r", "1 6" },
	{ "5 dan@x.org", "5: Inappropriate message\n" },
	{ "dan@x.org", "No applicable messages from {dan@x.org}\n" },
	{ "@subject@cherry", "4" },
	{ "@to,cc@BOB", "4" },
	{ "@body@yellow", "2 6" },
	{ "@<@x-status", "4 6" },
	{ "@nowhere", "No applicable messages from {@nowhere}\n" },
	/* Names choose among all messages, as ever. */
	{ "1-2 /apple", "1 3" },
	/* The parent. */
	{ ",", "1" },
	/* The list before. */
	{ "3 4", "3 4" },
	{ "`", "3 4" },
	{ "` :f", "4" },
	{ "`", "4" },
	{ "", "2" },
	{ "`", "No previously marked messages.\n" },
	/* Threads need thread order. */
	{ "&1", "1" },
	{ "&", "2" },
	/* Searches. */
	{ "()", "No last SEARCH criteria available.\n" },
	{ "(from ana)", "1 3 6" },
	{ "()", "1 3 6" },
	{ "(from paz)", "1" },
	{ "(or from bob subject cherry)", "2 4" },
	{ "(not seen)", "2 3" },
	{ "(seen not (or flagged draft))", "1" },
	{ "(all)", "1 2 3 4 6" },
	{ "(new)", "2" },
	{ "(old unseen)", "3" },
	{ "(unseen recent)", "2" },
	{ "(to ana)", "2" },
	{ "(cc bob)", "4" },
	{ "(header message-id m3)", "3" },
	{ "(subject \"re: apple\")", "3" },
	{ "(body red)", "1 4" },
	{ "(text m4@x)", "4" },
	{ "(since 4-Nov-2021)", "4 6" },
	{ "(before 2-Nov-2021)", "1" },
	{ "(on 3-Nov-2021)", "3" },
	{ "(sentsince 3-Nov-2021 sentbefore 5-Nov-2021)", "3 4" },
	{ "(keyword \\Flagged)", "4" },
	{ "(unkeyword \\Answered flagged)",
	    "No messages satisfy (criteria).\n" },
	{ "(or 1 2)", "1 2" },
	{ "(larger 100000)", "No messages satisfy (criteria).\n" },
	{ "(smaller 100000 1)", "1" },
	{ "(from ana) :t", "6" },
	{ "(from \"a", "Missing \")\".\n" },
	{ "(uid 3)", "Searching for UIDs is not supported: >>> (uid 3) <<<\n" },
	{ "(foo)", "Bad SEARCH criterion \"foo\": >>> (foo) <<<\n" },
	{ "(from)", "Missing string argument: >>> (from) <<<\n" },
	{ "(not)", "Criterion for NOT missing: >>> (not) <<<\n" },
	{ "(or)", "First criterion for OR missing: >>> (or) <<<\n" },
	{ "(or 1)", "Second criterion for OR missing: >>> (or 1) <<<\n" },
	{ "(since maybe)", "Invalid date \"maybe\": >>> (since maybe) <<<\n" },
	{ "(larger x)", "Invalid size: >>> (larger x) <<<\n" },
	{ "\"abc", "Missing \"\n" },
	{ "'abc", "Missing '\n" },
	/* More than any mailbox has. */
	{ "1 2 3 4 6 +", "1 2 3 4 6" },
};

static const struct {
	const char *list;
	const char *want;
} deleted_cases[] = {
	{ "", "5" },
	{ "*", "5" },
	{ "$", "5" },
	{ "1", "1" },
	{ "3-6", "3 4 5 6" },
	{ "(from dan)", "No messages satisfy (criteria).\n" },
	{ "dan@x.org", "5" },
	{ ":d", "5" },
	{ ".", "2: Inappropriate message\n" },
};

static const struct {
	const char *list;
	const char *want;
} thread_cases[] = {
	/* In this order: 1 2 6 3 4 5. */
	{ "1-3", "1 2 6 3" },
	{ "&1", "1 2 6 3" },
	{ "&2", "2 6" },
	{ "& ", "2 6" },
	{ "&3 4", "3 4" },
	{ "+", "6" },
	{ "3-2", "No applicable messages\n" },
	{ "$", "4" },
};
/* clang-format on */

static void put_set(struct buf *out, const struct msgset *set)
{
	for (size_t i = 0; i < set->count; i++)
		buf_printf(out, i ? " %u" : "%u", set->all[i] + 1);
}

static void check(
    struct mua *m, const char *list, unsigned flags, const char *want)
{
	struct buf got = BUF_INIT(1 << 16);
	struct msgset set;
	struct arena arena;
	bool good;

	arena_init(&arena, 1 << 20);
	fixture_listen();
	good = msgset_parse(m, span_str(list), flags, &arena, &set);
	fixture_heard(&got);
	if (good)
		put_set(&got, &set);
	if (!span_eq(buf_span(&got), span_str(want)))
		print_error("the list was \"%s\"\n", list);
	assert_span_equal(buf_span(&got), span_str(want));
	buf_done(&got);
	arena_done(&arena);
}

static void start(struct mua *m)
{
	char path[200];

	(void)setenv("TZ", "CET-1", 1);
	tzset();
	(void)snprintf(path, sizeof(path), "%s/box", fixture_directory());
	fixture_write(path, span_str(mailbox));
	fixture_start(m);
	assert_int_equal(box_change(m, path), 0);
	assert_int_equal(m->box->count, 6);
	box_goto(m->box, 3);
	box_goto(m->box, 1);
	box_set_flags(m->box, 4, FOLDER_DELETED, 0);
}

static void test_lists(void **state)
{
	struct mua m;

	(void)state;
	start(&m);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&m, cases[i].list, 0, cases[i].want);
	check(&m, "", MSGSET_EMPTY, "");
	check(&m, "3", MSGSET_EMPTY, "3");
	fixture_end(&m);
}

static void test_deleted(void **state)
{
	struct mua m;

	(void)state;
	start(&m);
	for (size_t i = 0; i < ARRAY_LEN(deleted_cases); i++)
		check(&m, deleted_cases[i].list, MSGSET_DELETED,
		    deleted_cases[i].want);
	fixture_end(&m);
}

static void test_threads(void **state)
{
	struct mua m;

	(void)state;
	start(&m);
	assert_true(order_by(&m, BOX_BY_THREAD));
	for (size_t i = 0; i < ARRAY_LEN(thread_cases); i++)
		check(&m, thread_cases[i].list, 0, thread_cases[i].want);
	fixture_end(&m);
}

static void test_variables(void **state)
{
	struct mua m;

	(void)state;
	start(&m);
	vars_set(m.vars, "allnet", NULL);
	check(&m, "ana", 0, "1 3 6");
	check(&m, "ana@elsewhere.org", 0, "1 3 6");
	vars_set(m.vars, "searchheaders", NULL);
	check(&m, "/cc:bob", 0, "4");
	check(&m, "/message-id:M2", 0, "2");
	fixture_end(&m);
}

/* Nothing is left, or nothing is there. */
static void test_none(void **state)
{
	struct mua m;
	char path[200];

	(void)state;
	start(&m);
	for (uint32_t i = 0; i < m.box->count; i++)
		box_set_flags(m.box, i, FOLDER_DELETED, 0);
	check(&m, "", 0, "No applicable messages\n");
	check(&m, "*", 0, "No applicable messages.\n");
	check(&m, "$", 0, "No applicable messages\n");
	check(&m, ".", 0, "2: Inappropriate message\n");
	check(&m, "+", 0, "Referencing beyond EOF\n");
	check(&m, "-", 0, "Referencing before 1\n");
	check(&m, "", MSGSET_DELETED, "2");
	fixture_end(&m);

	(void)snprintf(path, sizeof(path), "%s/empty", fixture_directory());
	fixture_write(path, SPAN(""));
	fixture_start(&m);
	assert_int_equal(box_change(&m, path), 0);
	check(&m, "", 0, "No applicable messages\n");
	check(&m, "1", 0, "No applicable messages\n");
	check(&m, "", MSGSET_EMPTY, "");
	fixture_end(&m);
}

/* Lists as long as a line may be cost no more than time in proportion. */
static void test_long(void **state)
{
	struct buf list = BUF_INIT(1 << 22);
	struct mua m;

	(void)state;
	start(&m);
	for (int i = 0; i < 20000; i++)
		buf_put(&list, SPAN("1 "));
	check(&m, buf_cstr(&list), 0, "1");
	buf_clear(&list);
	for (int i = 0; i < 20001; i++)
		buf_put(&list, SPAN("a "));
	check(&m, buf_cstr(&list), 0, "The message list is too long\n");
	buf_clear(&list);
	buf_put(&list, SPAN("("));
	for (int i = 0; i < 100000; i++)
		buf_put(&list, SPAN("not "));
	buf_put(&list, SPAN("all)"));
	check(&m, buf_cstr(&list), 0,
	    "The search is too deep: >>>  not not not not not not not not "
	    "<<<\n");
	buf_done(&list);
	fixture_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
