/* SPDX-License-Identifier: ISC */
#include "store/sched.h"

#include "test/lib/unit.h"

struct job {
	struct sched_job sched;
	int name;
};

static const struct sched_limits limits = {
	.initial = 2,
	.window = 4,
	.cohorts = 1,
	.pause = 300 * USEC_SEC,
	.positive = { 1, SCHED_PER_WINDOW },
	.negative = { 1, SCHED_PER_WINDOW },
};

static const struct sched_end fine = { .outcome = SCHED_FINE };
static const struct sched_end failed = {
	.outcome = SCHED_FAILED,
	.why = SPAN_INIT("connection refused"),
	.status = SPAN_INIT("4.4.1"),
};

static struct sched *make(const struct sched_limits *l)
{
	struct sched *s = sched_new();

	sched_limits(s, SPAN("smtp"), l);
	return s;
}

static void add(struct sched *s, struct job *j, const char *nexthop)
{
	assert_int_equal(
	    sched_add(s, &j->sched, SPAN("smtp"), span_str(nexthop)),
	    SCHED_QUEUED);
}

static int next(struct sched *s, usec now)
{
	struct sched_job *j = sched_next(s, now);

	return j ? CONTAINER_OF(j, struct job, sched)->name : 0;
}

static void window_opens_with_success(void **state UNUSED)
{
	struct sched *s = make(&limits);
	struct job jobs[40] = { 0 };
	size_t running = 0;

	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i].name = (int)i + 1;
		add(s, &jobs[i], "a");
	}
	/* The first window is two. */
	assert_int_equal(next(s, 1), 1);
	assert_int_equal(next(s, 1), 2);
	assert_int_equal(next(s, 1), 0);
	/* Two successes are one more. */
	assert_false(sched_done(s, &jobs[0].sched, &fine, 2));
	assert_false(sched_done(s, &jobs[1].sched, &fine, 2));
	while (next(s, 3))
		running++;
	assert_int_equal(running, 3);
	for (size_t i = 2; i < 30; i++) {
		assert_false(sched_done(s, &jobs[i].sched, &fine, 4));
		(void)next(s, 4);
	}
	/* It never passes its limit. */
	assert_int_equal(jobs[35].sched.site->window, 4);
	sched_free(&s);
}

static void sites_take_turns(void **state UNUSED)
{
	static const int want[] = { 1, 3, 4, 2, 5, 0 };
	struct sched_limits one = limits;
	struct job jobs[5] = { { .name = 1 }, { .name = 2 }, { .name = 3 },
		{ .name = 4 }, { .name = 5 } };
	struct sched *s;

	one.initial = one.window = 2;
	s = make(&one);
	add(s, &jobs[0], "big");
	add(s, &jobs[1], "big");
	add(s, &jobs[4], "big");
	add(s, &jobs[2], "small");
	add(s, &jobs[3], "third");
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(next(s, 1), want[i]);
	/* The window of the big one is full. */
	assert_int_equal(next(s, 1), 0);
	(void)sched_done(s, &jobs[0].sched, &fine, 2);
	assert_int_equal(next(s, 2), 5);
	sched_free(&s);
}

static void a_dead_site_rests(void **state UNUSED)
{
	struct sched *s = make(&limits);
	struct job jobs[4] = { { .name = 1 }, { .name = 2 }, { .name = 3 },
		{ .name = 4 } };
	struct sched_site *site;

	for (size_t i = 0; i < 3; i++)
		add(s, &jobs[i], "a");
	assert_int_equal(next(s, 1), 1);
	assert_int_equal(next(s, 1), 2);
	site = jobs[0].sched.site;
	/* Half a cohort, then the whole one. */
	assert_false(sched_done(s, &jobs[0].sched, &failed, 2));
	assert_true(sched_done(s, &jobs[1].sched, &failed, 2));
	assert_string_equal(site->why, "connection refused");
	assert_ptr_equal(sched_take(s, site), &jobs[2].sched);
	assert_null(sched_take(s, site));
	assert_int_equal(
	    sched_add(s, &jobs[3].sched, SPAN("smtp"), SPAN("A")), SCHED_DEAD);
	assert_span_equal(jobs[3].sched.site->why_status, SPAN("4.4.1"));
	assert_int_equal(sched_wake(s), 2 + limits.pause);
	/* Its rest is over: it gets a fresh window. */
	assert_int_equal(next(s, 3 + limits.pause), 0);
	add(s, &jobs[3], "a");
	assert_int_equal(next(s, 4 + limits.pause), 4);
	sched_free(&s);
}

static void revive_ends_the_rest(void **state UNUSED)
{
	struct sched_limits one = limits;
	struct job jobs[2] = { { .name = 1 }, { .name = 2 } };
	struct sched *s;

	one.initial = 1;
	s = make(&one);
	add(s, &jobs[0], "a");
	assert_int_equal(next(s, 1), 1);
	assert_true(sched_done(s, &jobs[0].sched, &failed, 2));
	assert_int_equal(
	    sched_add(s, &jobs[1].sched, SPAN("smtp"), SPAN("a")), SCHED_DEAD);
	sched_revive(s);
	add(s, &jobs[1], "a");
	assert_int_equal(next(s, 3), 2);
	sched_free(&s);
}

static void rate_delay_spaces_jobs(void **state UNUSED)
{
	struct sched_limits slow = limits;
	struct job jobs[2] = { { .name = 1 }, { .name = 2 } };
	struct sched *s;

	slow.rate_delay = USEC_SEC;
	s = make(&slow);
	add(s, &jobs[0], "a");
	add(s, &jobs[1], "a");
	assert_int_equal(next(s, 10), 1);
	assert_int_equal(next(s, 11), 0);
	assert_int_equal(sched_wake(s), 10 + USEC_SEC);
	assert_int_equal(next(s, 10 + USEC_SEC), 2);
	sched_free(&s);
}

static void no_window_is_larger_than_its_limit(void **state UNUSED)
{
	struct sched_limits one = limits;
	struct job jobs[3] = { { .name = 1 }, { .name = 2 }, { .name = 3 } };
	struct sched *s;

	one.initial = 5;
	one.window = 1;
	s = make(&one);
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		add(s, &jobs[i], "a");
	assert_int_equal(next(s, 1), 1);
	assert_int_equal(next(s, 1), 0);
	/* A limit that is lowered holds at once. */
	one.window = 2;
	sched_limits(s, SPAN("smtp"), &one);
	(void)sched_done(s, &jobs[0].sched, &fine, 2);
	assert_int_equal(next(s, 2), 2);
	one.window = 1;
	sched_limits(s, SPAN("smtp"), &one);
	assert_int_equal(next(s, 2), 0);
	(void)sched_done(s, &jobs[1].sched, &fine, 3);
	assert_int_equal(next(s, 3), 3);
	sched_free(&s);
}

static void transport_limit_and_blocking(void **state UNUSED)
{
	struct sched_limits two = limits;
	struct job jobs[4] = { { .name = 1 }, { .name = 2 }, { .name = 3 },
		{ .name = 4 } };
	static const char *const hops[] = { "a", "b", "c" };
	struct sched *s;

	two.total = 2;
	s = make(&two);
	for (size_t i = 0; i < 3; i++)
		add(s, &jobs[i], hops[i]);
	assert_int_equal(next(s, 1), 1);
	assert_int_equal(next(s, 1), 2);
	assert_int_equal(next(s, 1), 0);
	/* A job that found nobody to take it is first in line again. */
	sched_block(s, jobs[1].sched.site);
	sched_putback(s, &jobs[1].sched);
	assert_int_equal(next(s, 1), 0);
	sched_unblock(s);
	assert_int_not_equal(next(s, 1), 0);
	sched_cancel(s, &jobs[jobs[1].sched.running ? 2 : 1].sched);
	assert_int_equal(next(s, 1), 0);
	sched_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window_opens_with_success),
		cmocka_unit_test(sites_take_turns),
		cmocka_unit_test(a_dead_site_rests),
		cmocka_unit_test(revive_ends_the_rest),
		cmocka_unit_test(rate_delay_spaces_jobs),
		cmocka_unit_test(no_window_is_larger_than_its_limit),
		cmocka_unit_test(transport_limit_and_blocking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
