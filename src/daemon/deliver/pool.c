/* SPDX-License-Identifier: ISC */
/*
 * Items that the same process could do wait in one lane, together with the
 * processes that do them:
 *
 *	kind     one lane per       processes in it
 *	scribe   slot (hash)        one
 *	filer    all                one
 *	worker   uid and gid        one
 *	runner   uid, gid, command  up to max_runners, an item at a time each
 *	         or pipe service    as many as there are items: the queue has
 *	                            limits for each service
 *
 * A lane exists as long as it has items or processes. One that has items but
 * may not have another process is HUNGRY, and waits in line until some
 * process ends.
 *
 * pool_lane.c says which lane is whose, pool_process.c how a process lives.
 */
#include "daemon/deliver/pool_internal.h"

#include <string.h>
#include <unistd.h>

#include "os/sandbox.h"

enum {
	ATTEMPTS_MAX = 2,
	RUNNERS = 2,
	/* Idle processes that may make room at the same time. */
	LEAVING_MAX = 16,
	/* Lanes that pump() asks in vain before it gives up for now. */
	VAIN_MAX = 64,
};

void pool_done(
    struct pool *pool, struct pool_item *item, const struct work_done *result)
{
	list_remove(&item->link);
	item->worker = NULL;
	item->lane = NULL;
	pool->setup.calls.done(pool->setup.ctx, item, result);
}

static void defer(struct pool *pool, struct pool_item *item, span text)
{
	const struct work_done result = {
		.number = item->work.number,
		.verdict = {
			.class = VERDICT_DEFERRED,
			.status = SPAN("4.3.0"),
			.text = text,
		},
	};

	pool_done(pool, item, &result);
}

void pool_pump_later(struct pool *pool)
{
	loop_defer(pool->setup.loop, LOOP_IPC, &pool->pump);
}

/* Items and processes */

static void refuse_start(struct pool *pool, struct pool_item *item, int error)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(16384);
	const struct work_item *work = &item->work;

	if (work->kind == WORK_SPOOL) {
		buf_printf(&text, "cannot update mailbox %.*s/",
		    PRI(pool->conf.mail_spool_directory));
		buf_printf(&text, "%.*s for user %.*s. %s", PRI(work->path),
		    PRI(work->user), strerror(-error));
	} else {
		buf_printf(&text,
		    "cannot start a delivery process for uid %u: %s", work->uid,
		    strerror(-error));
	}
	defer(pool, item, buf_span(&text));
}

/* Who has been idle longest, and is no scribe. */
static struct pool_worker *find_idle(struct pool *pool)
{
	LIST_FOR(l, &pool->idle)
	{
		struct pool_worker *w =
		    CONTAINER_OF(l, struct pool_worker, link);

		if (process_counts(w))
			return w;
	}
	return NULL;
}

/* Whether the lane may have one more process; else, wait until one ends. */
static bool has_room(struct pool_lane *lane)
{
	struct pool *pool = lane->pool;
	unsigned max =
	    lane->key.kind == WORK_RUNNER ? pool->conf.max_runners : 1;
	struct pool_worker *idle;

	if (lane->key.pipe)
		return true;
	if (lane->nworkers >= max)
		return false;
	if (lane_acts_for_all(&lane->key) ||
	    pool->nworkers < pool->conf.max_workers)
		return true;
	if (pool->nleaving < LEAVING_MAX) {
		idle = find_idle(pool);
		if (idle)
			process_retire(idle);
	}
	return false;
}

static bool can_take(const struct pool_worker *w)
{
	if (w->state != WORKER_SERVING || w->outdated || w->reaped)
		return false;
	if (w->lane->key.kind == WORK_RUNNER)
		return list_is_empty(&w->items);
	return chan_backlog(w->line) <= CHAN_HIGH_WATER;
}

static struct pool_worker *find_worker(struct pool_lane *lane)
{
	LIST_FOR(l, &lane->workers)
	{
		struct pool_worker *w =
		    CONTAINER_OF(l, struct pool_worker, mate);

		if (can_take(w))
			return w;
	}
	return NULL;
}

/* False: the item has to wait. */
static bool place(struct pool_lane *lane, struct pool_item *item)
{
	struct pool_worker *w;
	int r;

	if (item->attempts == ATTEMPTS_MAX) {
		defer(lane->pool, item, SPAN("unknown mail transport error"));
		return true;
	}
	w = find_worker(lane);
	if (!w) {
		if (!has_room(lane))
			return false;
		r = process_start(lane, &w);
		if (r < 0) {
			refuse_start(lane->pool, item, r);
			return true;
		}
	}
	process_send(w, item);
	return true;
}

void pool_feed(struct pool_lane *lane)
{
	LIST_FOR(l, &lane->waiting)
	{
		if (!place(lane, CONTAINER_OF(l, struct pool_item, link))) {
			lane_hunger(lane);
			return;
		}
	}
	/* Meanwhile there may have come others. */
	if (list_is_empty(&lane->waiting))
		list_remove(&lane->link);
}

/*
 * Lanes that stay hungry go to the end; those that were not asked stay in
 * front, for when the next process has ended.
 */
static void pump(void *ctx)
{
	struct pool *pool = ctx;
	struct list now = LIST_INIT(now);
	unsigned vain = 0;

	list_splice(&now, &pool->hungry);
	while (!list_is_empty(&now) && vain < VAIN_MAX) {
		struct pool_lane *lane =
		    CONTAINER_OF(list_take(&now), struct pool_lane, link);

		pool_feed(lane);
		if (!list_is_empty(&lane->waiting))
			vain++;
		else if (lane->nworkers == 0)
			lane_free(lane);
	}
	list_splice(&now, &pool->hungry);
	list_splice(&pool->hungry, &now);
}

void pool_submit(struct pool *pool, struct pool_item *item)
{
	struct pool_lane *lane = lane_for(pool, &item->work);
	struct pool_worker *w;

	item->attempts = 0;
	item->detours = 0;
	item->worker = NULL;
	item->lane = lane;
	list_init(&item->link);
	lane_widen(lane, &item->work);
	w = list_is_empty(&lane->waiting) ? find_worker(lane) : NULL;
	if (w) {
		process_send(w, item);
		return;
	}
	list_append(&lane->waiting, &item->link);
	lane_hunger(lane);
	pool_pump_later(pool);
}

/* The whole pool */

static void on_idle_timer(void *ctx)
{
	struct pool *pool = ctx;
	usec now = loop_now(pool->setup.loop);

	LIST_FOR(l, &pool->idle)
	{
		struct pool_worker *w =
		    CONTAINER_OF(l, struct pool_worker, link);
		usec until = w->idle_since + pool->conf.max_idle;

		if (until > now) {
			loop_timer_set(
			    pool->setup.loop, &pool->idle_timer, until);
			return;
		}
		process_retire(w);
	}
}

struct pool *pool_new(const struct pool_setup *setup)
{
	struct pool *pool = NEW(struct pool);

	pool->setup = *setup;
	hmap_init(&pool->lanes);
	list_init(&pool->idle);
	list_init(&pool->hungry);
	pool->idle_timer.fn = on_idle_timer;
	pool->idle_timer.ctx = pool;
	pool->pump.fn = pump;
	pool->pump.ctx = pool;
	list_init(&pool->pump.link);
	pool->has_root = geteuid() == 0;
	pool->may_file = pool->has_root && sandbox_landlock() > 0;
	known_init(&pool->known);
	return pool;
}

void pool_configure(struct pool *pool, const struct pool_conf *conf)
{
	pool->conf = *conf;
	if (pool->conf.max_runners == 0)
		pool->conf.max_runners = RUNNERS;
	for (struct hnode *n = NULL; (n = hmap_each(&pool->lanes, n));) {
		struct pool_lane *lane =
		    CONTAINER_OF(n, struct pool_lane, node);

		LIST_FOR(l, &lane->workers)
		CONTAINER_OF(l, struct pool_worker, mate)->outdated = true;
	}
	LIST_FOR(l, &pool->idle)
	process_retire(CONTAINER_OF(l, struct pool_worker, link));
}

void pool_free(struct pool **pool)
{
	struct pool *p = STEAL(*pool);
	struct hnode *n;

	if (!p)
		return;
	while ((n = hmap_any(&p->lanes))) {
		struct pool_lane *lane =
		    CONTAINER_OF(n, struct pool_lane, node);
		struct list *l;

		while ((l = list_take(&lane->workers)))
			process_free(CONTAINER_OF(l, struct pool_worker, mate));
		lane_free(lane);
	}
	loop_timer_stop(p->setup.loop, &p->idle_timer);
	loop_defer_cancel(&p->pump);
	hmap_done(&p->lanes);
	known_done(&p->known);
	mem_free(p);
}
