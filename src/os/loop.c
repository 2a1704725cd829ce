/* SPDX-License-Identifier: ISC */
/*
 * os/loop.c - the round: epoll_wait, descriptors, timers, hooks.
 *
 * One round costs one system call, however many events it brings. A change
 * of what a watch waits for is remembered and told to the kernel just before
 * the next wait, so that switching an event on and off within a round costs
 * nothing.
 *
 * Destroying things inside handlers: a watch that is gone may still have an
 * event in the array of this round. Its memory therefore stays until all
 * events were dispatched, and fn == NULL says that it is dead. Timers and
 * hooks are removed from the structures that hold them, nothing is pending
 * elsewhere.
 *
 * Hooks run in passes. A pass runs each stage once, with what was queued
 * when the stage began; what hooks queue meanwhile runs in the next pass. So
 * when a LOOP_PEER hook logs, the line leaves in the next pass, together
 * with the lines of all other hooks. Hooks that queue each other for ever
 * are cut off after MAX_PASSES and go on in the next round, which then does
 * not wait.
 */
#include "os/loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "os/child.h"
#include "os/clock.h"
#include "os/error.h"

enum { EVENTS_PER_ROUND = 256, MAX_PASSES = 8, SIGNALS = 65 };

struct loop_watch {
	struct loop *loop;
	loop_fd_fn *fn; /* NULL: dead, freed after the dispatch */
	void *ctx;
	loop_child_fn *child_fn;
	struct list link; /* in loop->changed or loop->dead */
	int fd;
	uint16_t wanted; /* enum loop_events */
	uint16_t known;  /* what the kernel was told; 0: not in epoll */
};

struct loop_signal {
	loop_signal_fn *fn;
	void *ctx;
};

struct loop {
	int epoll;
	int signals; /* signalfd, or -1 */
	bool stopped;
	usec now;
	usec wall;
	struct heap timers;
	struct list hooks[LOOP_STAGES];
	struct list changed;
	struct list dead;
	struct loop_watch *signal_watch;
	sigset_t mask;
	struct loop_signal handlers[SIGNALS];
	struct epoll_event events[EVENTS_PER_ROUND];
};

static void read_clocks(struct loop *l)
{
	l->now = clock_monotonic();
	l->wall = clock_wall();
}

int loop_new(struct loop **ret_loop)
{
	int fd = os_error(epoll_create1(EPOLL_CLOEXEC));
	struct loop *l;

	if (fd < 0)
		return fd;
	l = NEW(struct loop);
	l->epoll = fd;
	l->signals = -1;
	heap_init(&l->timers);
	for (size_t i = 0; i < LOOP_STAGES; i++)
		list_init(&l->hooks[i]);
	list_init(&l->changed);
	list_init(&l->dead);
	(void)sigemptyset(&l->mask);
	read_clocks(l);
	*ret_loop = l;
	return 0;
}

static struct loop_watch *watch_of(struct list *link)
{
	return CONTAINER_OF(link, struct loop_watch, link);
}

static void free_dead(struct loop *l)
{
	struct list *link;

	while ((link = list_take(&l->dead)))
		mem_free(watch_of(link));
}

/*
 * Watches
 */

static uint32_t to_epoll(unsigned events)
{
	return (events & LOOP_IN ? EPOLLIN : 0U) |
	    (events & LOOP_OUT ? EPOLLOUT : 0U) |
	    (events & LOOP_EXCLUSIVE ? (uint32_t)EPOLLEXCLUSIVE : 0U);
}

static unsigned from_epoll(uint32_t events)
{
	return (events & EPOLLIN ? LOOP_IN : 0U) |
	    (events & EPOLLOUT ? LOOP_OUT : 0U) |
	    (events & (EPOLLHUP | EPOLLERR) ? LOOP_HUP : 0U);
}

static int control(struct loop_watch *w, int op)
{
	struct epoll_event e = { .events = to_epoll(w->wanted), .data.ptr = w };

	return os_error(epoll_ctl(w->loop->epoll, op, w->fd, &e));
}

/*
 * The kernel reports a hang-up even to those who wait for nothing, so such a
 * watch leaves epoll; and it cannot modify an exclusive one.
 */
static int tell_kernel(struct loop_watch *w)
{
	bool replace = (w->wanted | w->known) & LOOP_EXCLUSIVE;
	int r = 0;

	if (w->wanted == w->known)
		return 0;
	if (w->known && w->wanted && !replace)
		r = control(w, EPOLL_CTL_MOD);
	if (w->known && (!w->wanted || replace))
		r = control(w, EPOLL_CTL_DEL);
	if (w->wanted && (!w->known || replace) && r == 0)
		r = control(w, EPOLL_CTL_ADD);
	if (r == 0)
		w->known = w->wanted;
	return r;
}

int loop_watch(struct loop *l, int fd, unsigned events, loop_fd_fn *fn,
    void *ctx, struct loop_watch **ret_watch)
{
	struct loop_watch *w = NEW(struct loop_watch);
	int r;

	w->loop = l;
	w->fn = fn;
	w->ctx = ctx;
	w->fd = fd;
	w->wanted = (uint16_t)events;
	list_init(&w->link);
	r = tell_kernel(w);
	if (r < 0) {
		mem_free(w);
		return r;
	}
	*ret_watch = w;
	return 0;
}

void loop_watch_set(struct loop_watch *w, unsigned events)
{
	if (w->wanted == events)
		return;
	w->wanted = (uint16_t)events;
	if (list_is_empty(&w->link))
		list_append(&w->loop->changed, &w->link);
}

void loop_unwatch(struct loop_watch **watch)
{
	struct loop_watch *w = *watch;

	if (!w)
		return;
	*watch = NULL;
	list_remove(&w->link);
	w->wanted = 0;
	/* A copy of the descriptor elsewhere would keep events coming for a
	 * watch that is no more: better to stop here. */
	if (tell_kernel(w) < 0)
		bug("loop_unwatch: descriptor %d was closed first", w->fd);
	w->fn = NULL;
	list_append(&w->loop->dead, &w->link);
}

static void apply_changes(struct loop *l)
{
	struct list *link;

	while ((link = list_take(&l->changed))) {
		struct loop_watch *w = watch_of(link);
		int r = tell_kernel(w);

		if (r < 0)
			bug("epoll_ctl: descriptor %d: error %d", w->fd, -r);
	}
}

/*
 * Timers and hooks
 */

void loop_timer_set(struct loop *l, struct loop_timer *t, usec when)
{
	heap_put(&l->timers, &t->node, when);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	heap_remove(&l->timers, &t->node);
}

/* Counted, so that a timer that always sets itself anew lets the round end. */
static void run_timers(struct loop *l)
{
	struct heap_node *top;
	size_t due = l->timers.count;

	while (due-- && (top = heap_top(&l->timers)) && top->key <= l->now) {
		struct loop_timer *t =
		    CONTAINER_OF(top, struct loop_timer, node);

		heap_remove(&l->timers, top);
		t->fn(t->ctx);
	}
}

void loop_defer(struct loop *l, enum loop_stage stage, struct loop_hook *hook)
{
	/* A hook that was never used is zeroed, one that ran is a ring. */
	if (hook->link.next && !list_is_empty(&hook->link))
		return;
	list_append(&l->hooks[stage], &hook->link);
}

void loop_defer_cancel(struct loop_hook *hook)
{
	if (hook->link.next)
		list_remove(&hook->link);
}

static void run_stage(struct list *queue)
{
	struct list batch;
	struct list *link;

	list_init(&batch);
	list_splice(&batch, queue);
	while ((link = list_take(&batch))) {
		struct loop_hook *h =
		    CONTAINER_OF(link, struct loop_hook, link);

		h->fn(h->ctx);
	}
}

static bool has_hooks(const struct loop *l)
{
	for (size_t i = 0; i < LOOP_STAGES; i++)
		if (!list_is_empty(&l->hooks[i]))
			return true;
	return false;
}

static void run_hooks(struct loop *l)
{
	for (int pass = 0; pass < MAX_PASSES && has_hooks(l); pass++)
		for (size_t i = 0; i < LOOP_STAGES; i++)
			run_stage(&l->hooks[i]);
}

/*
 * Signals and children
 */

static void on_signalfd(void *ctx, unsigned events UNUSED)
{
	struct loop *l = ctx;
	struct signalfd_siginfo info[8];
	ssize_t n = read(l->signals, info, sizeof(info));

	for (ssize_t i = 0; i < n / (ssize_t)sizeof(info[0]); i++) {
		const struct loop_signal *s =
		    &l->handlers[info[i].ssi_signo % SIGNALS];

		if (s->fn)
			s->fn(s->ctx, (int)info[i].ssi_signo);
	}
}

int loop_signal(struct loop *l, int signo, loop_signal_fn *fn, void *ctx)
{
	int fd;
	int r;

	if (sigaddset(&l->mask, signo) < 0)
		return -EINVAL;
	r = -pthread_sigmask(SIG_BLOCK, &l->mask, NULL);
	if (r < 0)
		return r;
	fd = os_error(
	    signalfd(l->signals, &l->mask, SFD_NONBLOCK | SFD_CLOEXEC));
	if (fd < 0)
		return fd;
	l->signals = fd;
	l->handlers[signo] = (struct loop_signal){ fn, ctx };
	if (l->signal_watch)
		return 0;
	return loop_watch(l, fd, LOOP_IN, on_signalfd, l, &l->signal_watch);
}

static void on_pidfd(void *ctx, unsigned events UNUSED)
{
	struct loop_watch *w = ctx;

	loop_watch_set(w, 0);
	w->child_fn(w->ctx, child_reap(w->fd));
}

int loop_child(struct loop *l, int pidfd, loop_child_fn *fn, void *ctx,
    struct loop_watch **ret_watch)
{
	int r = loop_watch(l, pidfd, LOOP_IN, on_pidfd, ctx, ret_watch);

	if (r == 0)
		(*ret_watch)->child_fn = fn;
	return r;
}

/*
 * The round
 */

usec loop_now(const struct loop *l)
{
	return l->now;
}

usec loop_wall(const struct loop *l)
{
	return l->wall;
}

/* Milliseconds for epoll_wait(), rounded up: a timer is never early. */
static int patience(const struct loop *l, usec max_wait)
{
	const struct heap_node *top = heap_top(&l->timers);
	usec wait = max_wait;

	if (has_hooks(l))
		return 0;
	if (top) {
		usec now = clock_monotonic();

		wait = MIN(wait, top->key > now ? top->key - now : (usec)0);
	}
	if (wait == USEC_NEVER)
		return -1;
	if (wait > USEC_HOUR)
		wait = USEC_HOUR;
	return (int)((wait + USEC_MSEC - 1) / USEC_MSEC);
}

static void dispatch(struct loop *l, int n)
{
	for (int i = 0; i < n; i++) {
		struct loop_watch *w = l->events[i].data.ptr;
		unsigned events = from_epoll(l->events[i].events);

		/* What was switched off this round is not reported; a
		 * hang-up is, as long as anything is waited for. */
		events &= w->wanted | LOOP_HUP;
		if (!w->fn || !w->wanted || !events)
			continue;
		w->fn(w->child_fn ? w : w->ctx, events);
	}
	free_dead(l);
}

int loop_round(struct loop *l, usec max_wait)
{
	int n;

	apply_changes(l);
	n = os_error(epoll_wait(
	    l->epoll, l->events, EVENTS_PER_ROUND, patience(l, max_wait)));
	if (n < 0 && n != -EINTR)
		return n;
	read_clocks(l);
	dispatch(l, n);
	run_timers(l);
	run_hooks(l);
	free_dead(l);
	return 0;
}

int loop_run(struct loop *l)
{
	int r = 0;

	while (!l->stopped && r == 0)
		r = loop_round(l, USEC_NEVER);
	l->stopped = false;
	return r;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

void loop_free(struct loop **loop)
{
	struct loop *l = *loop;

	if (!l)
		return;
	*loop = NULL;
	/* What was put off until nobody uses it any more. */
	while (!list_is_empty(&l->hooks[LOOP_LAST]))
		run_stage(&l->hooks[LOOP_LAST]);
	for (size_t i = 0; i < LOOP_STAGES; i++)
		while (list_take(&l->hooks[i]))
			;
	loop_unwatch(&l->signal_watch);
	free_dead(l);
	heap_done(&l->timers);
	if (l->signals >= 0)
		(void)close(l->signals);
	(void)close(l->epoll);
	mem_free(l);
}
