/* SPDX-License-Identifier: ISC */
/*
 * dns/events.c - libunbound's pluggable events over our loop.
 *
 * The meaning is libevent's: an event that is added waits for its bits and,
 * if a time was given, for that; when either comes it is called, and unless
 * it persists it is no longer added. The callback may free the event.
 */
#include "dns/events.h"

#include <sys/time.h>
#include <unbound-event.h>

struct base {
	struct ub_event_base super;
	struct loop *loop;
};

typedef void event_fn(int fd, short bits, void *arg);

struct event {
	struct ub_event super;
	struct loop *loop;
	struct loop_watch *watch;
	struct loop_timer timer;
	event_fn *fn;
	void *arg;
	usec timeout; /* 0: none */
	int fd;
	short bits;
};

static struct event *event_of(struct ub_event *e)
{
	return CONTAINER_OF(e, struct event, super);
}

static void deactivate(struct event *e)
{
	loop_unwatch(&e->watch);
	loop_timer_stop(e->loop, &e->timer);
}

static void start_timer(struct event *e)
{
	if (e->timeout)
		loop_timer_set(
		    e->loop, &e->timer, loop_now(e->loop) + e->timeout);
}

static void fire(struct event *e, short bits)
{
	if (e->bits & UB_EV_PERSIST)
		start_timer(e);
	else
		deactivate(e);
	e->fn(e->fd, bits, e->arg);
}

static void on_fd(void *ctx, unsigned events)
{
	struct event *e = ctx;
	int bits = 0;

	/* A connection that broke is both: whoever waits finds out. */
	if (events & (LOOP_IN | LOOP_HUP))
		bits |= UB_EV_READ;
	if (events & (LOOP_OUT | LOOP_HUP))
		bits |= UB_EV_WRITE;
	bits &= e->bits;
	if (bits)
		fire(e, (short)bits);
}

static void on_timer(void *ctx)
{
	fire(ctx, UB_EV_TIMEOUT);
}

static void add_bits(struct ub_event *ub, short bits)
{
	struct event *e = event_of(ub);

	e->bits = (short)(e->bits | bits);
}

static void del_bits(struct ub_event *ub, short bits)
{
	struct event *e = event_of(ub);

	e->bits = (short)(e->bits & ~bits);
}

static void set_fd(struct ub_event *ub, int fd)
{
	event_of(ub)->fd = fd;
}

static void free_event(struct ub_event *ub)
{
	struct event *e = event_of(ub);

	deactivate(e);
	mem_free(e);
}

static usec usec_of(const struct timeval *tv)
{
	if (!tv)
		return 0;
	/* Zero would mean none: "at once" is a moment later. */
	return MAX((usec)tv->tv_sec * USEC_SEC + (usec)tv->tv_usec, (usec)1);
}

static int add(struct ub_event *ub, struct timeval *tv)
{
	struct event *e = event_of(ub);
	unsigned events = 0;

	deactivate(e);
	if (e->bits & UB_EV_READ)
		events |= LOOP_IN;
	if (e->bits & UB_EV_WRITE)
		events |= LOOP_OUT;
	if (events && e->fd >= 0 &&
	    loop_watch(e->loop, e->fd, events, on_fd, e, &e->watch) < 0)
		return -1;
	e->timeout = usec_of(tv);
	start_timer(e);
	return 0;
}

static int del(struct ub_event *ub)
{
	deactivate(event_of(ub));
	return 0;
}

static int add_timer(struct ub_event *ub, struct ub_event_base *base,
    event_fn *fn, void *arg, struct timeval *tv)
{
	struct event *e = event_of(ub);

	(void)base;
	e->fd = -1;
	e->bits = UB_EV_TIMEOUT;
	e->fn = fn;
	e->arg = arg;
	return add(ub, tv);
}

/* Signals are the loop's; libunbound does not ask for them in this mode. */
static int add_signal(struct ub_event *ub, struct timeval *tv)
{
	(void)ub;
	(void)tv;
	return -1;
}

static int del_signal(struct ub_event *ub)
{
	(void)ub;
	return -1;
}

/* The members with "winsock" in their name are for another system. */
static void unregister(struct ub_event *ub)
{
	(void)ub;
}

static void would_block(struct ub_event *ub, int bit)
{
	(void)ub;
	(void)bit;
}

static struct ub_event_vmt event_calls = {
	.add_bits = add_bits,
	.del_bits = del_bits,
	.set_fd = set_fd,
	.free = free_event,
	.add = add,
	.del = del,
	.add_timer = add_timer,
	.del_timer = del,
	.add_signal = add_signal,
	.del_signal = del_signal,
	.winsock_unregister_wsaevent = unregister,
	.winsock_tcp_wouldblock = would_block,
};

static struct ub_event *new_event(
    struct ub_event_base *ub, int fd, short bits, event_fn *fn, void *arg)
{
	struct base *base = CONTAINER_OF(ub, struct base, super);
	struct event *e = NEW(struct event);

	e->super.magic = UB_EVENT_MAGIC;
	e->super.vmt = &event_calls;
	e->loop = base->loop;
	e->fd = fd;
	e->bits = bits;
	e->fn = fn;
	e->arg = arg;
	e->timer.fn = on_timer;
	e->timer.ctx = e;
	return &e->super;
}

static struct ub_event *new_signal(
    struct ub_event_base *ub, int signo, event_fn *fn, void *arg)
{
	(void)ub;
	(void)signo;
	(void)fn;
	(void)arg;
	return NULL;
}

static struct ub_event *register_wsaevent(
    struct ub_event_base *ub, void *wsaevent, event_fn *fn, void *arg)
{
	(void)ub;
	(void)wsaevent;
	(void)fn;
	(void)arg;
	return NULL;
}

/* The loop is run by its owner. */
static int dispatch(struct ub_event_base *ub)
{
	(void)ub;
	return 0;
}

static int loopexit(struct ub_event_base *ub, struct timeval *tv)
{
	(void)ub;
	(void)tv;
	return 0;
}

static void free_base(struct ub_event_base *ub)
{
	mem_free(CONTAINER_OF(ub, struct base, super));
}

static struct ub_event_base_vmt base_calls = {
	.free = free_base,
	.dispatch = dispatch,
	.loopexit = loopexit,
	.new_event = new_event,
	.new_signal = new_signal,
	.winsock_register_wsaevent = register_wsaevent,
};

struct ub_event_base *events_new(struct loop *l)
{
	struct base *base = NEW(struct base);

	base->super.magic = UB_EVENT_MAGIC;
	base->super.vmt = &base_calls;
	base->loop = l;
	return &base->super;
}

void events_free(struct ub_event_base **base)
{
	if (*base)
		free_base(*base);
	*base = NULL;
}
