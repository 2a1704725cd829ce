/* SPDX-License-Identifier: ISC */
/*
 * store/gather_test.c - the rules, and a small world in which clients send
 * one message after the other through one processor and one disk.
 */
#include "store/gather.h"

#include "test/lib/unit.h"

enum { MAX_WAIT = 8000 };

static void alone_never_waits(void **state)
{
	struct gather g;
	usec now = 1000000;

	(void)state;
	gather_init(&g, MAX_WAIT);
	for (int i = 0; i < 100; i++, now += 200) {
		gather_arrived(&g, now, 1);
		assert_true(gather_due(&g, now) <= now);
		gather_left(&g);
	}
}

static void slow_lines_are_no_crowd(void **state)
{
	struct gather g;
	usec now = 1000000;

	(void)state;
	gather_init(&g, MAX_WAIT);
	gather_expect(&g, 100);
	for (int i = 0; i < 100; i++, now += 20000) {
		gather_arrived(&g, now, 1);
		assert_true(gather_due(&g, now) <= now);
		gather_left(&g);
	}
}

static void waiting_is_bounded(void **state)
{
	struct gather g;
	usec now = 1000000;

	(void)state;
	gather_init(&g, 1000);
	gather_expect(&g, 1000);
	for (int i = 0; i < 100; i++, now += 50) {
		gather_arrived(&g, now, 1);
		gather_left(&g);
	}
	gather_arrived(&g, now, 1);
	assert_true(gather_due(&g, now) > now);
	assert_true(gather_due(&g, now) <= now + 1000);
	gather_arrived(&g, now + 10, 100);
	assert_true(gather_due(&g, now + 10) <= now + 10);
}

/*
 * n clients; the processor takes `cost` for each message, one after the
 * other; a flush takes `flush` and one runs at a time.
 */
struct world {
	unsigned n;
	usec cost;
	usec flush;
	unsigned at_work; /* clients the processor has to serve */
	usec work_ends;
	unsigned flying; /* messages in the running flush */
	usec flush_ends;
	unsigned messages;
	unsigned flushes;
};

static void step(struct world *w, struct gather *g, usec now)
{
	if (w->at_work && now >= w->work_ends) {
		w->at_work--;
		w->work_ends = now + w->cost;
		gather_expect(g, w->at_work);
		gather_arrived(g, now, 1);
	}
	if (w->flying && now >= w->flush_ends) {
		if (!w->at_work)
			w->work_ends = now + w->cost;
		w->at_work += w->flying;
		w->messages += w->flying;
		w->flying = 0;
		gather_expect(g, w->at_work);
	}
	if (!w->flying && g->waiting && gather_due(g, now) <= now) {
		w->flying = g->waiting;
		w->flush_ends = now + w->flush;
		w->flushes++;
		gather_left(g);
	}
}

static void flushes_are_shared(void **state)
{
	static const struct {
		unsigned clients;
		usec flush;
		double per_message; /* flushes, at most */
		double speed;       /* of what the processor could do */
	} cases[] = {
		{ 1, 130, 1.0, 0.45 },
		{ 2, 130, 1.0, 0.70 },
		{ 20, 130, 0.2, 0.95 },
		{ 100, 130, 0.05, 0.95 },
		{ 20, 5000, 0.10, 0.25 },
		{ 100, 5000, 0.05, 0.90 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world w = { .n = cases[i].clients,
			.cost = 130,
			.flush = cases[i].flush,
			.at_work = cases[i].clients };
		usec span_of_time = 2 * USEC_SEC;
		struct gather g;
		double speed;

		gather_init(&g, MAX_WAIT);
		for (usec t = 0; t < span_of_time; t += 5)
			step(&w, &g, USEC_SEC + t);
		speed =
		    (double)w.messages * (double)w.cost / (double)span_of_time;
		print_message("%u clients, flush %u us: %.3f flushes per "
		              "message, %.0f%% of the processor\n",
		    w.n, (unsigned)w.flush, (double)w.flushes / w.messages,
		    speed * 100);
		assert_true((double)w.flushes / w.messages <=
		    cases[i].per_message + 0.01);
		assert_true(speed >= cases[i].speed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_never_waits),
		cmocka_unit_test(slow_lines_are_no_crowd),
		cmocka_unit_test(waiting_is_bounded),
		cmocka_unit_test(flushes_are_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
