/* SPDX-License-Identifier: ISC */
#include "os/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "test/lib/unit.h"

enum { PAIRS = 8, NONE = -1 };

/* What happened, as words: tests compare the whole story. */
struct world {
	struct loop *loop;
	struct buf story;
	int ends[PAIRS][2];
	struct loop_watch *watches[PAIRS];
	unsigned events[PAIRS];
	int count[PAIRS];
	int status;
	int victim; /* pair whose watch a handler removes */
};

static void setup(struct world *w)
{
	*w = (struct world){ .story = BUF_INIT(1024), .victim = NONE };
	assert_int_equal(loop_new(&w->loop), 0);
	for (int i = 0; i < PAIRS; i++)
		assert_int_equal(
		    socketpair(
		        AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, w->ends[i]),
		    0);
}

static void teardown(struct world *w)
{
	for (int i = 0; i < PAIRS; i++) {
		loop_unwatch(&w->watches[i]);
		(void)close(w->ends[i][0]);
		(void)close(w->ends[i][1]);
	}
	loop_free(&w->loop);
	assert_null(w->loop);
	buf_done(&w->story);
}

static void round_of(struct world *w)
{
	assert_int_equal(loop_round(w->loop, 0), 0);
}

/* A handler needs the world and which pair it is for. */
struct seat {
	struct world *w;
	int i;
};

static void on_ready(void *ctx, unsigned events)
{
	struct seat *s = ctx;
	char byte;

	s->w->events[s->i] = events;
	s->w->count[s->i]++;
	if (events & LOOP_IN)
		(void)!read(s->w->ends[s->i][0], &byte, 1);
	if (s->w->victim != NONE)
		loop_unwatch(&s->w->watches[s->w->victim]);
}

static void watch(struct seat *s, unsigned events)
{
	assert_int_equal(loop_watch(s->w->loop, s->w->ends[s->i][0], events,
	                     on_ready, s, &s->w->watches[s->i]),
	    0);
}

static void poke(struct world *w, int i)
{
	assert_int_equal(write(w->ends[i][1], "x", 1), 1);
}

static void test_in_and_out(void **state UNUSED)
{
	struct world w;
	struct seat s = { &w, 0 };

	setup(&w);
	watch(&s, LOOP_IN);
	round_of(&w);
	assert_int_equal(w.count[0], 0);
	poke(&w, 0);
	round_of(&w);
	assert_int_equal(w.events[0], LOOP_IN);
	round_of(&w);
	assert_int_equal(w.count[0], 1);

	loop_watch_set(w.watches[0], LOOP_IN | LOOP_OUT);
	round_of(&w);
	assert_int_equal(w.events[0], LOOP_OUT);
	poke(&w, 0);
	round_of(&w);
	assert_int_equal(w.events[0], LOOP_IN | LOOP_OUT);
	teardown(&w);
}

static void test_level_triggered(void **state UNUSED)
{
	struct world w;
	struct seat s = { &w, 0 };

	setup(&w);
	watch(&s, LOOP_IN);
	poke(&w, 0);
	poke(&w, 0);
	round_of(&w);
	round_of(&w);
	round_of(&w);
	assert_int_equal(w.count[0], 2);
	teardown(&w);
}

static void test_hangup_and_silence(void **state UNUSED)
{
	struct world w;
	struct seat s = { &w, 0 };

	setup(&w);
	watch(&s, LOOP_IN);
	loop_watch_set(w.watches[0], 0);
	(void)close(w.ends[0][1]);
	w.ends[0][1] = -1;
	round_of(&w);
	assert_int_equal(w.count[0], 0);

	loop_watch_set(w.watches[0], LOOP_HUP);
	round_of(&w);
	assert_int_equal(w.count[0], 1);
	assert_int_equal(w.events[0], LOOP_HUP);
	loop_watch_set(w.watches[0], LOOP_IN);
	round_of(&w);
	assert_int_equal(w.events[0], LOOP_IN | LOOP_HUP);
	teardown(&w);
}

static void test_watch_fails_for_bad_fd(void **state UNUSED)
{
	struct world w;
	struct loop_watch *none = NULL;

	setup(&w);
	assert_int_equal(
	    loop_watch(w.loop, -1, LOOP_IN, on_ready, NULL, &none), -EBADF);
	assert_null(none);
	loop_unwatch(&none);
	teardown(&w);
}

/* All are ready; whoever is first removes one that has an event pending. */
static void test_unwatch_inside_handlers(void **state UNUSED)
{
	for (int victim = 0; victim < PAIRS; victim++) {
		struct world w;
		struct seat seats[PAIRS];
		int sum = 0;

		setup(&w);
		w.victim = victim;
		for (int i = 0; i < PAIRS; i++) {
			seats[i] = (struct seat){ &w, i };
			watch(&seats[i], LOOP_IN);
			poke(&w, i);
		}
		round_of(&w);
		for (int i = 0; i < PAIRS; i++)
			sum += w.count[i];
		/* The victim ran only if it was the first. */
		assert_int_equal(sum, victim == 0 ? PAIRS : PAIRS - 1);
		assert_null(w.watches[victim]);
		teardown(&w);
	}
}

/* The number of a closed descriptor comes back as another's. */
static void test_reused_descriptor(void **state UNUSED)
{
	struct world w;
	struct seat s = { &w, 0 };
	int old;

	setup(&w);
	watch(&s, LOOP_IN);
	poke(&w, 0);
	loop_unwatch(&w.watches[0]);
	old = w.ends[0][0];
	(void)close(w.ends[0][0]);
	(void)close(w.ends[0][1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w.ends[0]), 0);
	assert_int_equal(w.ends[0][0], old);
	watch(&s, LOOP_IN);
	round_of(&w);
	assert_int_equal(w.count[0], 0);
	poke(&w, 0);
	round_of(&w);
	assert_int_equal(w.count[0], 1);
	teardown(&w);
}

static void test_exclusive(void **state UNUSED)
{
	struct world w;
	struct seat s = { &w, 0 };

	setup(&w);
	watch(&s, LOOP_IN | LOOP_EXCLUSIVE);
	poke(&w, 0);
	round_of(&w);
	assert_int_equal(w.count[0], 1);
	loop_watch_set(w.watches[0], 0);
	poke(&w, 0);
	round_of(&w);
	assert_int_equal(w.count[0], 1);
	loop_watch_set(w.watches[0], LOOP_IN | LOOP_EXCLUSIVE);
	round_of(&w);
	assert_int_equal(w.count[0], 2);
	teardown(&w);
}

struct teller {
	struct world *w;
	const char *word;
	struct loop_timer timer;
	struct loop_hook hook;
	enum loop_stage stage;
	struct teller *next; /* what it queues or sets in its turn */
	struct teller *removes;
};

static void tell(void *ctx)
{
	struct teller *t = ctx;

	buf_printf(&t->w->story, "%s ", t->word);
	if (t->removes) {
		loop_timer_stop(t->w->loop, &t->removes->timer);
		loop_defer_cancel(&t->removes->hook);
	}
	if (t->next)
		loop_defer(t->w->loop, t->next->stage, &t->next->hook);
}

static struct teller teller(struct world *w, const char *word)
{
	return (struct teller){ .w = w, .word = word };
}

static void set(struct teller *t, usec in)
{
	t->timer.fn = tell;
	t->timer.ctx = t;
	loop_timer_set(t->w->loop, &t->timer, loop_now(t->w->loop) + in);
}

static void defer(struct teller *t, enum loop_stage stage)
{
	t->hook.fn = tell;
	t->hook.ctx = t;
	t->stage = stage;
	loop_defer(t->w->loop, stage, &t->hook);
}

static void prepare(struct teller *t, enum loop_stage stage)
{
	defer(t, stage);
	loop_defer_cancel(&t->hook);
}

static void test_timers_in_order(void **state UNUSED)
{
	struct world w;
	struct teller a = { 0 }, b = { 0 }, c = { 0 };
	usec start;

	setup(&w);
	a = teller(&w, "a");
	b = teller(&w, "b");
	c = teller(&w, "c");
	start = loop_now(w.loop);
	set(&c, 9 * USEC_MSEC);
	set(&a, 3 * USEC_MSEC);
	set(&b, USEC_HOUR);
	set(&b, 6 * USEC_MSEC); /* re-armed: the later time is void */
	while (w.story.len < 6)
		assert_int_equal(loop_round(w.loop, USEC_SEC), 0);
	assert_span_equal(buf_span(&w.story), SPAN("a b c "));
	assert_true(loop_now(w.loop) >= start + 9 * USEC_MSEC);
	assert_true(loop_now(w.loop) < start + USEC_SEC);
	round_of(&w);
	assert_span_equal(buf_span(&w.story), SPAN("a b c "));
	teardown(&w);
}

static void test_timer_stops_another(void **state UNUSED)
{
	struct world w;
	struct teller a = { 0 }, b = { 0 };

	setup(&w);
	a = teller(&w, "a");
	b = teller(&w, "b");
	a.removes = &b;
	set(&a, 0);
	set(&b, 0);
	round_of(&w);
	round_of(&w);
	assert_span_equal(buf_span(&w.story), SPAN("a "));
	loop_timer_stop(w.loop, &b.timer);
	teardown(&w);
}

static void forever(void *ctx)
{
	struct teller *t = ctx;

	buf_putc(&t->w->story, '.');
	loop_timer_set(t->w->loop, &t->timer, loop_now(t->w->loop));
}

static void test_greedy_timer_lets_the_round_end(void **state UNUSED)
{
	struct world w;
	struct teller a = { 0 };

	setup(&w);
	a = teller(&w, "a");
	set(&a, 0);
	a.timer.fn = forever;
	round_of(&w);
	assert_span_equal(buf_span(&w.story), SPAN("."));
	round_of(&w);
	assert_span_equal(buf_span(&w.story), SPAN(".."));
	teardown(&w);
}

static void test_stages(void **state UNUSED)
{
	struct world w;
	struct teller log = { 0 }, ipc = { 0 }, peer = { 0 }, last = { 0 };

	setup(&w);
	log = teller(&w, "log");
	ipc = teller(&w, "ipc");
	peer = teller(&w, "peer");
	last = teller(&w, "last");
	defer(&last, LOOP_LAST);
	defer(&peer, LOOP_PEER);
	defer(&ipc, LOOP_IPC);
	defer(&log, LOOP_LOG);
	defer(&log, LOOP_LOG);
	round_of(&w);
	assert_span_equal(buf_span(&w.story), SPAN("log ipc peer last "));
	round_of(&w);
	assert_span_equal(buf_span(&w.story), SPAN("log ipc peer last "));
	teardown(&w);
}

/* Two peers log while they flush: their lines leave together, this round. */
static void test_hooks_that_queue_hooks(void **state UNUSED)
{
	struct world w;
	struct teller log = { 0 }, one = { 0 }, two = { 0 };

	setup(&w);
	log = teller(&w, "log");
	one = teller(&w, "one");
	two = teller(&w, "two");
	prepare(&log, LOOP_LOG);
	one.next = &log;
	two.next = &log;
	defer(&one, LOOP_PEER);
	defer(&two, LOOP_PEER);
	round_of(&w);
	assert_span_equal(buf_span(&w.story), SPAN("one two log "));
	teardown(&w);
}

static void test_hook_cancels_another(void **state UNUSED)
{
	struct world w;
	struct teller a = { 0 }, b = { 0 };

	setup(&w);
	a = teller(&w, "a");
	b = teller(&w, "b");
	a.removes = &b;
	defer(&a, LOOP_IPC);
	defer(&b, LOOP_IPC);
	round_of(&w);
	assert_span_equal(buf_span(&w.story), SPAN("a "));
	teardown(&w);
}

/* A hook that always queues itself neither hangs the loop nor waits. */
static void test_endless_hook(void **state UNUSED)
{
	struct world w;
	struct teller a = { 0 };
	size_t first;
	usec start;

	setup(&w);
	a = teller(&w, "a");
	a.next = &a;
	defer(&a, LOOP_IPC);
	round_of(&w);
	first = w.story.len;
	assert_true(first > 0);
	start = loop_now(w.loop);
	assert_int_equal(loop_round(w.loop, 10 * USEC_SEC), 0);
	assert_true(loop_now(w.loop) - start < USEC_SEC);
	assert_true(w.story.len > first);
	loop_defer_cancel(&a.hook);
	teardown(&w);
}

static void test_free_runs_last_stage_only(void **state UNUSED)
{
	struct world w;
	struct teller ipc = { 0 }, last = { 0 };

	setup(&w);
	ipc = teller(&w, "ipc");
	last = teller(&w, "last");
	defer(&ipc, LOOP_IPC);
	defer(&last, LOOP_LAST);
	loop_free(&w.loop);
	assert_span_equal(buf_span(&w.story), SPAN("last "));
	teardown(&w);
}

static void on_signal(void *ctx, int signo)
{
	struct world *w = ctx;

	buf_printf(&w->story, "%d ", signo);
}

static void on_signal_again(void *ctx, int signo)
{
	struct world *w = ctx;

	buf_printf(&w->story, "again-%d ", signo);
}

static void test_signals(void **state UNUSED)
{
	struct world w;

	setup(&w);
	assert_int_equal(loop_signal(w.loop, SIGUSR1, on_signal, &w), 0);
	assert_int_equal(loop_signal(w.loop, SIGUSR2, on_signal, &w), 0);
	assert_int_equal(loop_signal(w.loop, 1000, on_signal, &w), -EINVAL);
	(void)raise(SIGUSR1);
	(void)raise(SIGUSR2);
	round_of(&w);
	assert_span_equal(buf_span(&w.story), SPAN("10 12 "));
	buf_clear(&w.story);
	assert_int_equal(loop_signal(w.loop, SIGUSR1, on_signal_again, &w), 0);
	(void)raise(SIGUSR1);
	round_of(&w);
	assert_span_equal(buf_span(&w.story), SPAN("again-10 "));
	teardown(&w);
}

static void on_child(void *ctx, int wait_status)
{
	struct world *w = ctx;

	w->status = wait_status;
	w->count[0]++;
	loop_stop(w->loop);
}

static int status_of_child(int exit_code, int signo)
{
	struct world w;
	pid_t pid;
	int pidfd;

	setup(&w);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (signo)
			(void)kill(getpid(), signo);
		_exit(exit_code);
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(
	    loop_child(w.loop, pidfd, on_child, &w, &w.watches[0]), 0);
	assert_int_equal(loop_run(w.loop), 0);
	round_of(&w);
	assert_int_equal(w.count[0], 1);
	teardown(&w);
	(void)close(pidfd);
	return w.status;
}

static void test_children(void **state UNUSED)
{
	int status = status_of_child(0, 0);

	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	status = status_of_child(77, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 77);
	status = status_of_child(0, SIGKILL);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void stop(void *ctx)
{
	struct world *w = ctx;

	loop_stop(w->loop);
}

static void test_run_and_clocks(void **state UNUSED)
{
	struct world w;
	struct loop_timer t = { .fn = stop, .ctx = &w };
	usec before;

	setup(&w);
	before = loop_now(w.loop);
	loop_timer_set(w.loop, &t, before + 2 * USEC_MSEC);
	assert_int_equal(loop_run(w.loop), 0);
	assert_true(loop_now(w.loop) >= before + 2 * USEC_MSEC);
	/* 2020 < now < 2200 */
	assert_true(loop_wall(w.loop) > (usec)1577836800 * USEC_SEC);
	assert_true(loop_wall(w.loop) < (usec)7258118400 * USEC_SEC);
	teardown(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_and_out),
		cmocka_unit_test(test_level_triggered),
		cmocka_unit_test(test_hangup_and_silence),
		cmocka_unit_test(test_watch_fails_for_bad_fd),
		cmocka_unit_test(test_unwatch_inside_handlers),
		cmocka_unit_test(test_reused_descriptor),
		cmocka_unit_test(test_exclusive),
		cmocka_unit_test(test_timers_in_order),
		cmocka_unit_test(test_timer_stops_another),
		cmocka_unit_test(test_greedy_timer_lets_the_round_end),
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_hooks_that_queue_hooks),
		cmocka_unit_test(test_hook_cancels_another),
		cmocka_unit_test(test_endless_hook),
		cmocka_unit_test(test_free_runs_last_stage_only),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_run_and_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
