/* SPDX-License-Identifier: ISC */
#include "store/state.h"

#include "test/lib/unit.h"

static struct state_rcpt rcpts[] = {
	{ .kind = STATE_PENDING },
	{ .kind = STATE_DEFERRED,
	    .verdict = { .class = VERDICT_DEFERRED,
	        .status = SPAN_INIT("4.2.2"),
	        .text = SPAN_INIT("full") } },
	{ .kind = STATE_DONE },
	{ .kind = STATE_DONE,
	    .report = true,
	    .verdict = { .class = VERDICT_SENT,
	        .status = SPAN_INIT("2.0.0"),
	        .text = SPAN_INIT("alias expanded"),
	        .relay = SPAN_INIT("local") },
	    .action = SPAN_INIT("expanded") },
};

static struct state_part parts[] = {
	{ .rcpt = 1,
	    .addr = SPAN_INIT("a@b"),
	    .verdict = { .class = VERDICT_DEFERRED,
	        .status = SPAN_INIT("4.2.1"),
	        .text = SPAN_INIT("later") } },
	{ .rcpt = 1,
	    .flags = STATE_PART_TELL,
	    .addr = SPAN_INIT("c@d"),
	    .has_sender = true,
	    .sender = SPAN_INIT("owner-list@b"),
	    .verdict = { .class = VERDICT_BOUNCED,
	        .status = SPAN_INIT("5.1.1"),
	        .text = SPAN_INIT("nobody") } },
};

static const struct state whole = {
	.nrcpts = ARRAY_LEN(rcpts),
	.rcpts = rcpts,
	.nparts = ARRAY_LEN(parts),
	.parts = parts,
};

static void test_round_trip(void **state)
{
	struct buf bytes = BUF_INIT(10000);
	struct buf again = BUF_INIT(10000);
	struct arena arena;
	struct state s;

	(void)state;
	arena_init(&arena, 100000);
	state_put(&bytes, &whole);
	assert_true(state_get(buf_span(&bytes), &arena, &s));
	assert_int_equal(s.nrcpts, 4);
	assert_int_equal(s.rcpts[1].kind, STATE_DEFERRED);
	assert_span_equal(s.rcpts[1].verdict.text, SPAN("full"));
	assert_true(s.rcpts[3].report);
	assert_int_equal(s.rcpts[3].kind, STATE_DONE);
	assert_span_equal(s.rcpts[3].action, SPAN("expanded"));
	assert_span_equal(s.rcpts[3].verdict.relay, SPAN("local"));
	assert_int_equal(s.nparts, 2);
	assert_int_equal(s.parts[1].flags, STATE_PART_TELL);
	assert_span_equal(s.parts[1].sender, SPAN("owner-list@b"));
	state_put(&again, &s);
	assert_span_equal(buf_span(&again), buf_span(&bytes));
	for (size_t cut = 0; cut < bytes.len; cut++)
		assert_false(
		    state_get(span_first(buf_span(&bytes), cut), &arena, &s));
	arena_done(&arena);
	buf_done(&bytes);
	buf_done(&again);
}

static void test_part_of_nobody(void **state)
{
	struct state_part stray = parts[0];
	struct state s = whole;
	struct buf bytes = BUF_INIT(10000);
	struct arena arena;

	(void)state;
	arena_init(&arena, 100000);
	stray.rcpt = 4;
	s.nparts = 1;
	s.parts = &stray;
	state_put(&bytes, &s);
	assert_false(state_get(buf_span(&bytes), &arena, &s));
	arena_done(&arena);
	buf_done(&bytes);
}

/* Addresses behind a recipient are why it waits; who failed does not wait. */
static void test_list(void **state)
{
	struct rcpt to[] = {
		{ .addr = SPAN("new@x"), .orig = SPAN("new@x") },
		{ .addr = SPAN("list@x"), .orig = SPAN("list") },
		{ .addr = SPAN("done@x"), .orig = SPAN("done@x") },
		{ .addr = SPAN("told@x"), .orig = SPAN("told@x") },
	};
	struct envelope e = { .nrcpts = 4, .rcpts = to };
	struct state nothing = { 0 };
	struct ctl_rcpt lines[6];

	(void)state;
	assert_int_equal(state_list(&e, &whole, lines), 3);
	assert_span_equal(lines[0].addr, SPAN("a@b"));
	assert_span_equal(lines[0].orig, SPAN("list"));
	assert_span_equal(lines[0].reason, SPAN("later"));
	assert_span_equal(lines[1].addr, SPAN("new@x"));
	assert_span_equal(lines[1].reason, SPAN(""));
	assert_span_equal(lines[2].addr, SPAN("list@x"));
	assert_span_equal(lines[2].reason, SPAN(""));
	assert_int_equal(state_list(&e, &nothing, lines), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_part_of_nobody),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
