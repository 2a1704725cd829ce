/* SPDX-License-Identifier: ISC */
/* The small parts: loops, recipients, outcomes, the messages to workers. */
#include "daemon/deliver/loops.h"
#include "daemon/deliver/outcomes.h"
#include "daemon/deliver/recipient.h"
#include "daemon/deliver/work.h"
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
	static struct outcomes o;

	(void)state;
	outcomes_new_epoch(&o);
	outcomes_add(&o, 1, SPAN("ana@x"));
	/* The same queue process asks twice: it means it. */
	assert_false(outcomes_has(&o, 1, SPAN("ana@x")));
	outcomes_new_epoch(&o);
	assert_true(outcomes_has(&o, 1, SPAN("ana@x")));
	assert_false(outcomes_has(&o, 1, SPAN("bob@x")));
	assert_false(outcomes_has(&o, 2, SPAN("ana@x")));
	outcomes_add(&o, 2, SPAN("ana@x"));
	assert_false(outcomes_has(&o, 2, SPAN("ana@x")));

	for (msgid id = 100; id < 100 + OUTCOMES_KEPT; id++)
		outcomes_add(&o, id, SPAN("ana@x"));
	assert_false(outcomes_has(&o, 1, SPAN("ana@x")));
}

static void test_messages(void **state)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(10000);
	const struct work_setup setup = {
		.owner = 1000,
		.claims = true,
		.path = SPAN("/var/mail"),
		.locks = 3,
		.attempts = 20,
		.delay = 7,
		.stale = 8,
		.size_max = 9,
		.any_owner = true,
		.delivered_to = true,
	};
	struct work_setup setup_back;
	const struct work_item item = {
		.number = 5,
		.name = SPAN("ana"),
		.sender = SPAN("s@x"),
		.address = SPAN("ana@x"),
		.original = SPAN("Ana"),
		.content = SPAN("Subject: x\r\n\r\n"),
	};
	struct work_item item_back;

	(void)state;
	work_setup_put(&bytes, &setup);
	assert_true(work_setup_get(buf_span(&bytes), &setup_back));
	assert_int_equal(setup_back.owner, 1000);
	assert_true(setup_back.claims);
	assert_span_equal(setup_back.path, setup.path);
	assert_int_equal(setup_back.size_max, 9);
	assert_true(setup_back.any_owner);
	assert_false(setup_back.original_to);
	assert_true(setup_back.delivered_to);

	buf_clear(&bytes);
	work_item_put(&bytes, &item);
	assert_true(work_item_get(buf_span(&bytes), &item_back));
	assert_int_equal(item_back.number, 5);
	assert_span_equal(item_back.name, item.name);
	assert_span_equal(item_back.sender, item.sender);
	assert_span_equal(item_back.address, item.address);
	assert_span_equal(item_back.original, item.original);
	assert_false(item_back.blob);
	assert_span_equal(item_back.content, item.content);
	for (size_t n = 0; n < bytes.len; n++)
		assert_false(
		    work_item_get(span_first(buf_span(&bytes), n), &item_back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_list_roles_are_optional),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
