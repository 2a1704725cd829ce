/* SPDX-License-Identifier: ISC */
#include "daemon/queue/roster.h"

#include "daemon/queue/forms.h"
#include "store/state.h"
#include "test/lib/unit.h"

static void messages_are_found_and_removed(void **state UNUSED)
{
	struct roster x;

	roster_init(&x);
	for (msgid id = 1; id <= 1000; id++)
		roster_set_domain(&x, roster_add(&x, id << 20),
		    id % 2 ? SPAN("odd.example") : SPAN("EVEN.example"));
	assert_int_equal(x.by_id.count, 1000);
	/* A name is kept once. */
	assert_int_equal(x.domains.count, 2);
	for (msgid id = 1; id <= 1000; id += 2)
		roster_remove(&x, roster_find(&x, id << 20));
	assert_null(roster_find(&x, 1 << 20));
	assert_span_equal(
	    roster_domain(roster_find(&x, 2 << 20)), SPAN("EVEN.example"));
	assert_int_equal(x.domains.count, 1);
	roster_done(&x);
}

static void a_message_is_small(void **state UNUSED)
{
	/* With a bucket and a place in the heap, at their loosest. */
	assert_true(sizeof(struct message) + 8 + 16 <= 100);
}

static void digests_come_back(void **state UNUSED)
{
	struct buf b = BUF_INIT(ROSTER_DIGEST_MAX);
	struct roster_digest d = { .many = true, .domain = SPAN("x.example") };
	struct roster_state_digest s = { .retry = 12345678901U, .flags = 5 };
	struct roster_digest d2;
	struct roster_state_digest s2;

	roster_digest_put(&b, &d);
	assert_false(b.failed);
	assert_true(roster_digest_get(buf_span(&b), &d2));
	assert_span_equal(d2.domain, d.domain);
	assert_true(d2.many);
	assert_false(roster_digest_get(span_first(buf_span(&b), 4), &d2));
	buf_clear(&b);
	roster_state_digest_put(&b, &s);
	assert_true(roster_state_digest_get(buf_span(&b), &s2));
	assert_int_equal(s2.retry, s.retry);
	buf_done(&b);
}

static void states_come_back(void **state UNUSED)
{
	struct state_rcpt rcpts[] = {
		{ .kind = STATE_PENDING },
		{ .kind = STATE_DEFERRED,
		    .verdict = { .class = VERDICT_DEFERRED,
		        .status = SPAN_INIT("4.4.1"),
		        .text = SPAN_INIT("connect: refused") } },
		{ .kind = STATE_DONE },
	};
	struct state s = { .nrcpts = ARRAY_LEN(rcpts), .rcpts = rcpts };
	struct buf b = BUF_INIT(4096);
	struct arena a;
	struct state got;

	arena_init(&a, 4096);
	state_put(&b, &s);
	assert_true(state_get(buf_span(&b), &a, &got));
	assert_int_equal(got.nrcpts, 3);
	assert_int_equal(got.rcpts[2].kind, STATE_DONE);
	assert_span_equal(got.rcpts[1].verdict.text, SPAN("connect: refused"));
	for (size_t n = 0; n < b.len; n++)
		assert_false(state_get(span_first(buf_span(&b), n), &a, &got));
	arena_done(&a);
	buf_done(&b);
}

static void forms_are_read(void **state UNUSED)
{
	static const struct {
		const char *text;
		double amount;
		enum sched_divisor divisor;
	} cases[] = {
		{ "1", 1, SCHED_CONSTANT },
		{ "0.25", 0.25, SCHED_CONSTANT },
		{ "1/concurrency", 1, SCHED_PER_WINDOW },
		{ "0.5 / sqrt_concurrency", 0.5, SCHED_PER_SQRT },
	};
	usec t;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sched_feedback f =
		    form_feedback(span_str(cases[i].text));

		assert_true(f.amount > cases[i].amount - 1e-9 &&
		    f.amount < cases[i].amount + 1e-9);
		assert_int_equal(f.divisor, cases[i].divisor);
	}
	assert_true(form_duration(SPAN("5m"), &t) && t == 5 * USEC_MIN);
	assert_true(form_duration(SPAN("0s"), &t) && t == 0);
	assert_false(form_duration(SPAN("m"), &t));
	assert_span_equal(form_domain(SPAN("a@b@c")), SPAN("c"));
	assert_span_equal(form_domain(SPAN("a")), SPAN_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_found_and_removed),
		cmocka_unit_test(a_message_is_small),
		cmocka_unit_test(digests_come_back),
		cmocka_unit_test(states_come_back),
		cmocka_unit_test(forms_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
