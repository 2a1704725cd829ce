/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/expand.h"

#include <errno.h>
#include <string.h>

#include "os/log.h"

enum {
	DEATHS_MAX = 2,
	ARENA_MAX = 64 * 1024 * 1024,
};

static const usec patience = 10 * USEC_SEC;

struct expand {
	struct loop *loop;
	struct chan *chan; /* NULL: there is none now */
	struct hmap asked; /* struct expand_ask, by number */
	struct list open;  /* all of them, in the order of asking */
	struct loop_timer timer;
	struct loop_hook hopeless; /* gives up what nobody will answer */
	uint64_t next;
};

static void close_ask(struct expand *e, struct expand_ask *ask)
{
	hmap_remove(&e->asked, &ask->node);
	list_remove(&ask->link);
}

static void send_ask(struct expand *e, struct expand_ask *ask)
{
	local_ask_put(chan_begin(e->chan, LOCAL_ASK), &ask->what);
	chan_end(e->chan);
}

void expand_ask(struct expand *e, struct expand_ask *ask)
{
	ask->what.ask = e->next++;
	ask->deaths = 0;
	ask->answered = false;
	list_init(&ask->link);
	hmap_put(&e->asked, &ask->node, hash_u64(ask->what.ask));
	list_append(&e->open, &ask->link);
	if (e->chan)
		send_ask(e, ask);
	else if (!e->timer.node.at)
		loop_timer_set(
		    e->loop, &e->timer, loop_now(e->loop) + patience);
}

static struct expand_ask *find(struct expand *e, uint64_t number)
{
	uint64_t hash = hash_u64(number);
	struct hnode *n;

	for (n = hmap_first(&e->asked, hash); n; n = hmap_next(n, hash)) {
		struct expand_ask *ask =
		    CONTAINER_OF(n, struct expand_ask, node);

		if (ask->what.ask == number)
			return ask;
	}
	return NULL;
}

/* One that was asked twice gets the beginning twice: who asked does not
 * mind. */
static bool on_plan(struct expand *e, span payload)
{
	struct local_plan plan;
	struct expand_ask *ask;
	struct arena scratch;
	bool ok;

	arena_init(&scratch, ARENA_MAX);
	ok = local_plan_get(payload, &scratch, &plan);
	arena_done(&scratch);
	ask = ok ? find(e, plan.ask) : NULL;
	if (!ask)
		return ok;
	if (!plan.more)
		close_ask(e, ask);
	ask->plan(ask, payload, plan.more);
	return true;
}

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct expand *e = ctx;

	if (msg->type == LOCAL_PLAN && on_plan(e, msg->payload))
		return;
	log_warn("local", "malformed message from the expand process");
	chan_fail(e->chan, -EPROTO);
}

static void give_up(struct expand *e, struct expand_ask *ask)
{
	close_ask(e, ask);
	ask->plan(ask, SPAN_NONE, false);
}

static void on_hopeless(void *ctx)
{
	struct expand *e = ctx;
	struct list now;

	list_init(&now);
	list_splice(&now, &e->open);
	while (!list_is_empty(&now)) {
		struct expand_ask *ask =
		    CONTAINER_OF(now.next, struct expand_ask, link);

		list_remove(&ask->link);
		if (!e->chan || ask->deaths > DEATHS_MAX)
			give_up(e, ask);
		else
			list_append(&e->open, &ask->link);
	}
}

static void on_timer(void *ctx)
{
	struct expand *e = ctx;

	if (!e->chan)
		loop_defer(e->loop, LOOP_IPC, &e->hopeless);
}

static void on_gone(void *ctx, int error UNUSED)
{
	struct expand *e = ctx;

	chan_free(&e->chan);
	LIST_FOR(l, &e->open)
	CONTAINER_OF(l, struct expand_ask, link)->deaths++;
	if (!list_is_empty(&e->open))
		loop_timer_set(
		    e->loop, &e->timer, loop_now(e->loop) + patience);
}

void expand_peer(struct expand *e, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
	};
	int r;

	if (e->chan)
		on_gone(e, 0);
	r = chan_new(e->loop, fd, &calls, e, &e->chan);
	if (r < 0) {
		log_warn("local", "cannot talk to the expand process: %s",
		    strerror(-r));
		return;
	}
	loop_timer_stop(e->loop, &e->timer);
	LIST_FOR(l, &e->open)
	{
		struct expand_ask *ask =
		    CONTAINER_OF(l, struct expand_ask, link);

		if (ask->deaths <= DEATHS_MAX)
			send_ask(e, ask);
		else
			loop_defer(e->loop, LOOP_IPC, &e->hopeless);
	}
}

struct expand *expand_new(struct loop *loop)
{
	struct expand *e = NEW(struct expand);

	e->loop = loop;
	e->next = 1;
	hmap_init(&e->asked);
	list_init(&e->open);
	e->timer.fn = on_timer;
	e->timer.ctx = e;
	e->hopeless.fn = on_hopeless;
	e->hopeless.ctx = e;
	list_init(&e->hopeless.link);
	return e;
}

void expand_free(struct expand **expand)
{
	struct expand *e = STEAL(*expand);

	if (!e)
		return;
	loop_timer_stop(e->loop, &e->timer);
	loop_defer_cancel(&e->hopeless);
	chan_free(&e->chan);
	hmap_done(&e->asked);
	mem_free(e);
}
