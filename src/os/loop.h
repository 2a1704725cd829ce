/* SPDX-License-Identifier: ISC */
/*
 * os/loop.h - one event loop per process: descriptors, timers, signals,
 * children, and work put off to the end of the round.
 *
 * A round: wait; run what is due (descriptors, timers); then run the
 * deferred hooks in the order of their stage (so that everything a round
 * logged, sent to our own processes and sent to clients leaves in three
 * groups, each with few system calls); wait again. Handlers never block and
 * may destroy any watch, timer or hook, their own included.
 */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/time.h"

struct loop;

/* In the order in which they run at the end of a round. */
enum loop_stage {
	LOOP_LOG,  /* log lines first: nobody hears of what is not logged */
	LOOP_IPC,  /* then our own processes */
	LOOP_PEER, /* then strangers */
	LOOP_LAST, /* freeing what this round destroyed */
	LOOP_STAGES,
};

enum loop_events { LOOP_IN = 1, LOOP_OUT = 2, LOOP_HUP = 4 };

struct loop_watch;
typedef void loop_fd_fn(void *ctx, unsigned events);

/* Embedded by the user; zero it before the first use. */
struct loop_timer {
	struct heap_node node;
	void (*fn)(void *ctx);
	void *ctx;
};

struct loop_hook {
	struct list link;
	void (*fn)(void *ctx);
	void *ctx;
};

/* Returns 0 or a negative errno. */
MUST_USE int loop_new(struct loop **ret_loop);
/* Runs what waits in LOOP_LAST. Watches are gone before; NULL is fine. */
void loop_free(struct loop **loop);

/*
 * Watch a descriptor (level-triggered). The loop does not own it: call
 * loop_unwatch() before closing it. LOOP_HUP is reported whether asked for
 * or not. With LOOP_EXCLUSIVE one of several processes wakes per event.
 */
enum { LOOP_EXCLUSIVE = 8 };
MUST_USE int loop_watch(struct loop *l, int fd, unsigned events, loop_fd_fn *fn,
    void *ctx, struct loop_watch **ret_watch);
/*
 * Change what is waited for; 0 keeps the watch but waits for nothing, not
 * even a hang-up (LOOP_HUP alone waits for that).
 */
void loop_watch_set(struct loop_watch *w, unsigned events);
/* Nulls the caller's pointer; NULL is fine. */
void loop_unwatch(struct loop_watch **watch);

/* (Re)arm at an absolute loop_now() time; a timer fires once. */
void loop_timer_set(struct loop *l, struct loop_timer *t, usec when);
void loop_timer_stop(struct loop *l, struct loop_timer *t);

/* Run hook->fn once at the end of this round. Queueing twice is once. */
void loop_defer(struct loop *l, enum loop_stage stage, struct loop_hook *hook);
void loop_defer_cancel(struct loop_hook *hook);

/*
 * Signals arrive through signalfd; they are blocked from this call on.
 * A second call for the same signal replaces the handler.
 */
typedef void loop_signal_fn(void *ctx, int signo);
MUST_USE int loop_signal(
    struct loop *l, int signo, loop_signal_fn *fn, void *ctx);

/* Tell when the process behind a pidfd has ended (pidfd is not owned). */
typedef void loop_child_fn(void *ctx, int wait_status);
MUST_USE int loop_child(struct loop *l, int pidfd, loop_child_fn *fn, void *ctx,
    struct loop_watch **ret_watch);

/* Monotonic, read once per round. */
usec loop_now(const struct loop *l);
/* Wall clock of the same instant, microseconds since 1970. */
usec loop_wall(const struct loop *l);

/* Until loop_stop(); 0 or a negative errno of epoll itself. */
MUST_USE int loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* One round, waiting at most `max_wait`: for tests. */
MUST_USE int loop_round(struct loop *l, usec max_wait);
