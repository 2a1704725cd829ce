/* SPDX-License-Identifier: ISC */
/* The small parts: loops, outcomes, what a worker reaches. */
#include "daemon/deliver/loops.h"
#include "daemon/deliver/outcomes.h"
#include "daemon/deliver/reach.h"
#include "test/lib/unit.h"

static void test_loops(void **state)
{
	static const struct {
		const char *head, *list;
	} cases[] = {
		{ "Delivered-To: ana@x\r\nSubject: delivered-to: no\r\n"
		  "DELIVERED-TO :Bob@y \r\n Delivered-To: folded\r\n"
		  "\r\nDelivered-To: body\r\n",
		    "ana@x\nBob@y " },
		/* cut off in the middle of the header */
		{ "Subject: x\r\nDelivered-To: ana@x", "ana@x" },
		{ "delivered-to:ana@x\r\n\r\n", "ana@x" },
		{ "Delivered-To: \t ana@x \r\n\r\n", "ana@x " },
		{ "X-Delivered-To: ana@x\r\n\r\n", "" },
		{ "Delivered-To ana@x\r\n\r\n", "" },
		{ "Delivered-To:\r\n\r\n", "" },
		{ "Subject: x\r\n Delivered-To: ana@x\r\n\r\n", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_done) struct buf out = BUF_INIT(1000);

		loops_list(span_str(cases[i].head), &out);
		assert_span_equal(buf_span(&out), span_str(cases[i].list));
	}
}

static void test_outcomes(void **state)
{
	struct outcomes o;

	(void)state;
	outcomes_init(&o);
	outcomes_new_epoch(&o);
	outcomes_add(&o, 1, o.epoch, false);
	/* The same queue process asks twice: it means it. */
	assert_false(outcomes_has(&o, 1));
	outcomes_new_epoch(&o);
	assert_true(outcomes_has(&o, 1));
	assert_false(outcomes_has(&o, 2));
	outcomes_add(&o, 2, o.epoch, false);
	assert_false(outcomes_has(&o, 2));
	/* Some of a list were delivered, others are tried again. */
	outcomes_add(&o, 3, o.epoch, true);
	assert_true(outcomes_has(&o, 3));
	outcomes_add(&o, 3, o.epoch, false);
	assert_false(outcomes_has(&o, 3));

	for (outcome_key key = 100; key < 100 + OUTCOMES_KEPT; key++)
		outcomes_add(&o, key, o.epoch, true);
	assert_false(outcomes_has(&o, 1));
	assert_true(outcomes_has(&o, 100));
	outcomes_add(&o, 99, o.epoch, true);
	assert_false(outcomes_has(&o, 100));
	outcomes_done(&o);
}

/* Deliveries that were under way when the queue process died. */
static void test_under_way(void **state)
{
	struct outcomes o;
	struct outcome_run old = { .epoch = 1 };
	struct outcome_run twin = { .epoch = 1 };
	struct outcome_run next = { .epoch = 2 };
	struct outcome_run last = { .epoch = 3 };
	struct outcome_run other = { .epoch = 3 };
	struct list waiting;

	(void)state;
	outcomes_init(&o);
	o.epoch = 3;
	assert_true(outcomes_begin(&o, &old, 7));
	assert_true(outcomes_begin(&o, &old, 7));
	assert_false(outcomes_begin(&o, &next, 7));
	assert_false(outcomes_begin(&o, &last, 7));
	assert_true(outcomes_begin(&o, &other, 8));
	/* The same queue process asks twice: it means it. */
	assert_true(outcomes_begin(&o, &twin, 7));
	outcomes_end(&o, &twin, &waiting);
	assert_true(list_is_empty(&waiting));

	outcomes_end(&o, &old, &waiting);
	assert_ptr_equal(list_take(&waiting), &next.link);
	assert_ptr_equal(list_take(&waiting), &last.link);
	assert_null(list_take(&waiting));
	outcomes_end(&o, &old, &waiting);
	assert_true(list_is_empty(&waiting));
	/* It failed: they go one after the other. */
	assert_true(outcomes_begin(&o, &next, 7));
	assert_false(outcomes_begin(&o, &last, 7));
	outcomes_end(&o, &next, &waiting);
	assert_ptr_equal(list_take(&waiting), &last.link);
	outcomes_end(&o, &other, &waiting);

	/* Made after its queue process died. */
	outcomes_add(&o, 7, 1, false);
	assert_true(outcomes_has(&o, 7));
	outcomes_add(&o, 8, 3, false);
	assert_false(outcomes_has(&o, 8));
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
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_under_way),
		cmocka_unit_test(test_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
