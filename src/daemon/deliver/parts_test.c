/* SPDX-License-Identifier: ISC */
/* The small parts: loops, recipients, outcomes, what a worker reaches. */
#include "daemon/deliver/loops.h"
#include "daemon/deliver/outcomes.h"
#include "daemon/deliver/reach.h"
#include "daemon/deliver/recipient.h"
#include "test/lib/unit.h"

static void test_loops(void **state)
{
	static const struct {
		const char *head;
		bool found;
	} cases[] = {
		{ "Delivered-To: ana@example.com\r\n\r\n", true },
		{ "delivered-to:ANA@EXAMPLE.COM\r\n\r\n", true },
		{ "Delivered-To : ana@example.com \r\n\r\n", true },
		{ "Subject: x\r\nDelivered-To: bob@example.com\r\n"
		  "Delivered-To: ana@example.com\r\n\r\n",
		    true },
		/* cut off in the middle of the header */
		{ "Subject: x\r\nDelivered-To: ana@example.com", true },
		{ "Delivered-To: banana@example.com\r\n\r\n", false },
		{ "Delivered-To: ana@example.com.org\r\n\r\n", false },
		{ "X-Delivered-To: ana@example.com\r\n\r\n", false },
		{ "Delivered-To ana@example.com\r\n\r\n", false },
		{ "Subject: x\r\n Delivered-To: ana@example.com\r\n\r\n",
		    false },
		/* in the body */
		{ "Subject: x\r\n\r\nDelivered-To: ana@example.com\r\n",
		    false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (loops_has(span_str(cases[i].head),
		        SPAN("ana@example.com")) != cases[i].found)
			fail_msg("case %zu: %s", i, cases[i].head);
}

static void test_recipients(void **state)
{
	static const struct {
		const char *delimiters, *address, *user;
		int result;
	} cases[] = {
		{ "", "Ana@example.com", "ana", RECIPIENT_OK },
		{ "", "ana+x@example.com", "ana+x", RECIPIENT_OK },
		{ "+", "ana+x@example.com", "ana", RECIPIENT_OK },
		{ "+", "ana+x+y@example.com", "ana", RECIPIENT_OK },
		{ "+-", "ana-x+y@example.com", "ana", RECIPIENT_OK },
		{ "+", "ana+@example.com", "ana", RECIPIENT_OK },
		{ "+", "+ana@example.com", "+ana", RECIPIENT_OK },
		{ "+", "ana+x/y@example.com", "ana", RECIPIENT_ODD },
		{ "+", "ana", "ana", RECIPIENT_OK },
		{ "+", "a b@c@example.com", "a b@c", RECIPIENT_OK },
		{ "-", "owner-list@example.com", "owner-list", RECIPIENT_OK },
		{ "-", "list-request@example.com", "list-request",
		    RECIPIENT_OK },
		{ "-", "mailer-daemon@example.com", "mailer-daemon",
		    RECIPIENT_OK },
		{ "-", "list-owner@example.com", "list", RECIPIENT_OK },
		{ "+", "\\ana@example.com", "ana", RECIPIENT_OK },
		{ "+", "@example.com", "", RECIPIENT_NULL },
		{ "+", "\\@example.com", "", RECIPIENT_NULL },
		{ "+", "", "", RECIPIENT_NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_done) struct buf user = BUF_INIT(1000);
		const struct recipient_rules rules = {
			.delimiters = span_str(cases[i].delimiters),
			.owner_request = true,
		};
		int r =
		    recipient_user(&rules, span_str(cases[i].address), &user);

		assert_span_equal(buf_span(&user), span_str(cases[i].user));
		assert_int_equal(r, cases[i].result);
	}
}

static void test_list(void **state)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1000);

	(void)state;
	loops_list(SPAN("Delivered-To: ana@x\r\nSubject: delivered-to: no\r\n"
	                "DELIVERED-TO :Bob@y \r\n Delivered-To: folded\r\n"
	                "\r\nDelivered-To: body\r\n"),
	    &out);
	assert_span_equal(buf_span(&out), SPAN("ana@x\nBob@y"));
}

static void test_list_roles_are_optional(void **state)
{
	CLEANUP(buf_done) struct buf user = BUF_INIT(1000);
	const struct recipient_rules rules = { .delimiters = SPAN("-") };

	(void)state;
	assert_int_equal(
	    recipient_user(&rules, SPAN("owner-list@x"), &user), RECIPIENT_OK);
	assert_span_equal(buf_span(&user), SPAN("owner"));
}

static void test_outcomes(void **state)
{
	struct outcomes o;

	(void)state;
	outcomes_init(&o);
	outcomes_new_epoch(&o);
	outcomes_add(&o, 1, false);
	/* The same queue process asks twice: it means it. */
	assert_false(outcomes_has(&o, 1));
	outcomes_new_epoch(&o);
	assert_true(outcomes_has(&o, 1));
	assert_false(outcomes_has(&o, 2));
	outcomes_add(&o, 2, false);
	assert_false(outcomes_has(&o, 2));
	/* Some of a list were delivered, others are tried again. */
	outcomes_add(&o, 3, true);
	assert_true(outcomes_has(&o, 3));
	outcomes_add(&o, 3, false);
	assert_false(outcomes_has(&o, 3));

	for (outcome_key key = 100; key < 100 + OUTCOMES_KEPT; key++)
		outcomes_add(&o, key, true);
	assert_false(outcomes_has(&o, 1));
	assert_true(outcomes_has(&o, 100));
	outcomes_add(&o, 99, true);
	assert_false(outcomes_has(&o, 100));
	outcomes_done(&o);
}

static bool reach_path(struct reach *r, const char *path)
{
	const struct work_item item = {
		.home = SPAN("/home/ana/"),
		.path = span_str(path),
	};

	return reach_add(r, &item, SPAN("/var/vmail"));
}

static void test_reach(void **state)
{
	char path[32];
	struct reach r;

	(void)state;
	reach_init(&r);
	assert_true(reach_path(&r, "/home/ana/Maildir/"));
	assert_span_equal(r.paths[0], SPAN("/home/ana"));
	assert_false(reach_path(&r, "/home/ana/mbox"));
	assert_true(reach_path(&r, "/home/anabel/Maildir/"));
	assert_span_equal(r.paths[1], SPAN("/home/anabel"));
	assert_true(reach_path(&r, "/var/vmail/x/y"));
	assert_span_equal(r.paths[2], SPAN("/var/vmail"));
	assert_false(reach_path(&r, "/var/vmail/z/"));
	assert_true(reach_path(&r, "/mbox"));
	assert_span_equal(r.paths[3], SPAN("/"));
	assert_int_equal(r.n, 4);
	/* Now there is nothing else. */
	assert_false(reach_path(&r, "/etc/x"));
	reach_done(&r);

	for (int i = 0; i < WORK_MAX_PATHS; i++) {
		(void)snprintf(path, sizeof(path), "/%d/x", i);
		assert_true(reach_path(&r, path));
		assert_false(reach_path(&r, path));
	}
	assert_int_equal(r.n, WORK_MAX_PATHS);
	assert_true(reach_path(&r, "/one/more"));
	assert_int_equal(r.n, 1);
	reach_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_list_roles_are_optional),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
