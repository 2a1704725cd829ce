/* SPDX-License-Identifier: ISC */
/*
 * The life of a worker:
 *
 *	start -> SERVING --idle, line closed by us--> LEAVING --reaped--> gone
 *	            |                                               ^
 *	            +--line closed by it, or nonsense: KILLED-------+
 *
 * Only when the process is reaped, and all it said was heard, are its items
 * given to the next one: by then the kernel has let go of its locks, so the
 * next one finds a mailbox that is its own to repair.
 *
 * An item whose uid has a SERVING worker goes there at once. Any other one
 * waits in `waiting` until pump() may start a worker for it. A worker with
 * an old configuration gets no more items, and leaves when it is idle.
 */
#include "daemon/deliver/pool.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/deliver/claims.h"
#include "daemon/deliver/spawn.h"
#include "ipc/chan.h"
#include "os/error.h"
#include "os/log.h"

enum { ATTEMPTS_MAX = 2 };

enum worker_state { WORKER_SERVING, WORKER_LEAVING, WORKER_KILLED };

struct pool {
	struct pool_setup setup;
	struct pool_conf conf;
	struct hmap serving; /* struct pool_worker, by uid */
	struct list idle;    /* the longest idle first */
	struct list leaving; /* LEAVING and KILLED */
	struct list waiting; /* struct pool_item */
	unsigned nworkers;   /* processes, in whatever state */
	struct loop_timer idle_timer;
	struct loop_hook pump;
	bool has_root; /* we may become anybody */
};

struct pool_worker {
	struct hnode node; /* in pool->serving */
	struct list link;  /* in pool->idle or pool->leaving */
	struct list items; /* struct pool_item: sent, not answered */
	struct pool *pool;
	enum worker_state state;
	bool outdated;
	bool reaped;
	uid_t uid;
	struct spawned process;
	struct loop_watch *child;
	struct chan *line;
	/* When the parent claims: */
	struct claims *claims;
	struct mailbox_spec spec;
	int dir;
	char *path;
	usec idle_since;
};

static void done(
    struct pool *pool, struct pool_item *item, const struct work_done *result)
{
	list_remove(&item->link);
	item->worker = NULL;
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

	done(pool, item, &result);
}

/* Which uid delivers: without root we are nobody but ourselves. */
static uid_t uid_of(const struct pool *pool, const struct pool_item *item)
{
	return pool->has_root ? item->user.uid : geteuid();
}

static struct pool_worker *find_worker(struct pool *pool, uid_t uid)
{
	uint64_t hash = hash_u64(uid);
	struct hnode *n;

	for (n = hmap_first(&pool->serving, hash); n; n = hmap_next(n, hash)) {
		struct pool_worker *w =
		    CONTAINER_OF(n, struct pool_worker, node);

		if (w->uid == uid)
			return w;
	}
	return NULL;
}

/* Ends of workers */

static void leave(struct pool_worker *w, enum worker_state state)
{
	if (w->state == WORKER_SERVING)
		hmap_remove(&w->pool->serving, &w->node);
	w->state = state;
	list_remove(&w->link);
	list_append(&w->pool->leaving, &w->link);
}

/* It has nothing to do and shall end by itself. */
static void retire(struct pool_worker *w)
{
	leave(w, WORKER_LEAVING);
	chan_free(&w->line);
}

static void kill_worker(struct pool_worker *w)
{
	leave(w, WORKER_KILLED);
	spawn_kill(&w->process);
}

static void free_worker(struct pool_worker *w)
{
	loop_unwatch(&w->child);
	chan_free(&w->line);
	claims_free(&w->claims);
	spawn_done(&w->process);
	if (w->dir >= 0)
		(void)close(w->dir);
	mem_free(w->path);
	mem_free(w);
}

static void tell_end(const struct pool_worker *w, int status)
{
	int pid = (int)w->process.child.pid;

	if (WIFSIGNALED(status))
		log_warn("local", "process deliver pid %d killed by signal %d",
		    pid, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_warn("local", "process deliver pid %d exit status %d", pid,
		    WEXITSTATUS(status));
}

static void pump_later(struct pool *pool)
{
	loop_defer(pool->setup.loop, LOOP_IPC, &pool->pump);
}

/* Reaped, and its line is at its end: what is left was not done. */
static void end_worker(struct pool_worker *w)
{
	struct pool *pool = w->pool;

	LIST_FOR(l, &w->items)
	{
		struct pool_item *item =
		    CONTAINER_OF(l, struct pool_item, link);

		item->worker = NULL;
		list_remove(&item->link);
		list_append(&pool->waiting, &item->link);
	}
	list_remove(&w->link);
	free_worker(w);
	pool->nworkers--;
	pump_later(pool);
}

static void on_reaped(void *ctx, int status)
{
	struct pool_worker *w = ctx;

	tell_end(w, status);
	w->reaped = true;
	loop_unwatch(&w->child);
	if (!w->line)
		end_worker(w);
}

/* Talking with workers */

static void become_idle(struct pool_worker *w)
{
	struct pool *pool = w->pool;

	if (w->outdated) {
		retire(w);
		return;
	}
	w->idle_since = loop_now(pool->setup.loop);
	list_remove(&w->link);
	list_append(&pool->idle, &w->link);
	if (pool->idle.next == &w->link)
		loop_timer_set(pool->setup.loop, &pool->idle_timer,
		    w->idle_since + pool->conf.max_idle);
	if (!list_is_empty(&pool->waiting))
		pump_later(pool);
}

static struct pool_item *find_item(struct pool_worker *w, uint64_t number)
{
	LIST_FOR(l, &w->items)
	{
		struct pool_item *item =
		    CONTAINER_OF(l, struct pool_item, link);

		if (item->work.number == number)
			return item;
	}
	return NULL;
}

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct pool_worker *w = ctx;
	struct pool_item *item = NULL;
	struct work_done result;

	if (w->state == WORKER_KILLED)
		return;
	if (msg->type == WORK_DONE && work_done_get(msg->payload, &result))
		item = find_item(w, result.number);
	if (!item) {
		log_warn("local", "malformed report from deliver pid %d",
		    (int)w->process.child.pid);
		kill_worker(w);
		return;
	}
	done(w->pool, item, &result);
	if (list_is_empty(&w->items) && w->state == WORKER_SERVING)
		become_idle(w);
}

/* It should not have closed the line first. */
static void on_gone(void *ctx, int error)
{
	struct pool_worker *w = ctx;

	(void)error;
	chan_free(&w->line);
	kill_worker(w);
	if (w->reaped)
		end_worker(w);
}

static bool may_claim(void *ctx, span name)
{
	struct pool_worker *w = ctx;

	if (w->state == WORKER_KILLED)
		return false;
	LIST_FOR(l, &w->items)
	{
		struct pool_item *item =
		    CONTAINER_OF(l, struct pool_item, link);

		if (span_eq(item->work.name, name))
			return true;
	}
	return false;
}

static void on_broken(void *ctx)
{
	struct pool_worker *w = ctx;

	log_warn("local", "malformed claim from deliver pid %d",
	    (int)w->process.child.pid);
	kill_worker(w);
}

static void send_item(struct pool_worker *w, struct pool_item *item)
{
	item->worker = w;
	item->attempts++;
	list_remove(&item->link);
	list_append(&w->items, &item->link);
	list_remove(&w->link); /* no longer idle */
	work_item_put(item->work.blob
	        ? chan_begin_fds(w->line, WORK_ITEM, &item->blob, 1)
	        : chan_begin(w->line, WORK_ITEM),
	    &item->work);
	chan_end(w->line);
}

/* Starting workers */

/*
 * As local(8): in a directory where everybody may write, everything is done
 * as the recipient; where a group may, with that group; else by root, who
 * gives the new mailbox away.
 */
struct rights {
	struct priv_user user; /* of the worker */
	bool claims;           /* the parent locks and opens */
};

static void choose_rights(
    const struct pool_worker *w, const struct user *user, struct rights *ret)
{
	struct stat st;

	*ret = (struct rights){
		.user = { .uid = w->uid, .gid = user->gid },
	};
	if (fstat(w->dir, &st) < 0 || (st.st_mode & S_IWOTH))
		return;
	if (st.st_mode & S_IWGRP)
		ret->user.gid = st.st_gid;
	else
		ret->claims = w->pool->has_root;
}

static int start_claims(struct pool_worker *w, const struct user *user)
{
	static const struct claims_calls calls = {
		.may_claim = may_claim,
		.broken = on_broken,
	};
	const struct work_setup *setup = &w->pool->conf.setup;

	w->spec = (struct mailbox_spec){
		.dir = w->dir,
		.path = w->path,
		.owner = w->uid,
		.group = user->gid,
		.give_away = true,
		.locks = setup->locks,
		.stale = setup->stale,
	};
	return claims_new(w->pool->setup.loop, STEAL_FD(w->process.claims),
	    &w->spec, &calls, w, &w->claims);
}

static void send_setup(struct pool_worker *w, bool claims)
{
	struct work_setup setup = w->pool->conf.setup;

	setup.owner = w->uid;
	setup.path = w->pool->conf.path;
	setup.claims = claims;
	work_setup_put(claims ? chan_begin(w->line, WORK_SETUP)
	                      : chan_begin_fds(w->line, WORK_SETUP, &w->dir, 1),
	    &setup);
	chan_end(w->line);
}

static int connect_worker(
    struct pool_worker *w, const struct user *user, bool claims)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
	};
	struct loop *loop = w->pool->setup.loop;
	int r;

	r = chan_new(loop, STEAL_FD(w->process.line), &calls, w, &w->line);
	if (r == 0 && claims)
		r = start_claims(w, user);
	if (r == 0)
		r = loop_child(
		    loop, w->process.child.pidfd, on_reaped, w, &w->child);
	if (r == 0)
		send_setup(w, claims);
	return r;
}

static char *copy_text(span text)
{
	char *copy = mem_new(text.len + 1, 1);

	memcpy(copy, text.ptr, text.len);
	return copy;
}

static int launch(struct pool_worker *w, const struct user *user)
{
	struct rights rights;
	int r;

	w->dir = os_error(open(w->path, O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (w->dir < 0)
		return w->dir;
	choose_rights(w, user, &rights);
	r = spawn_worker(w->pool->has_root ? &rights.user : NULL, &w->process);
	if (r == 0)
		r = connect_worker(w, user, rights.claims);
	if (r < 0)
		spawn_kill(&w->process);
	return r;
}

/* 0, or a negative errno: nothing was started. */
static int start_worker(struct pool *pool, uid_t uid, const struct user *user)
{
	struct pool_worker *w = NEW(struct pool_worker);
	int r;

	w->pool = pool;
	w->uid = uid;
	w->process = SPAWNED_NONE;
	w->path = copy_text(pool->conf.path);
	list_init(&w->link);
	list_init(&w->items);
	r = launch(w, user);
	if (r < 0) {
		free_worker(w);
		return r;
	}
	hmap_put(&pool->serving, &w->node, hash_u64(uid));
	pool->nworkers++;
	return 0;
}

static void refuse_start(struct pool *pool, struct pool_item *item, int error)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(8192);

	buf_printf(&text, "cannot update mailbox %.*s/%.*s for user %.*s. %s",
	    PRI(pool->conf.path), PRI(item->work.name), PRI(item->work.name),
	    strerror(-error));
	defer(pool, item, buf_span(&text));
}

/* Make room for one more; false: wait until somebody is reaped. */
static bool has_room(struct pool *pool)
{
	struct list *oldest = pool->idle.next;

	if (pool->nworkers < pool->conf.max_workers)
		return true;
	/* One who leaves makes room soon. */
	if (list_is_empty(&pool->leaving) && !list_is_empty(&pool->idle))
		retire(CONTAINER_OF(oldest, struct pool_worker, link));
	return false;
}

static void place(struct pool *pool, struct pool_item *item)
{
	uid_t uid = uid_of(pool, item);
	struct pool_worker *w = find_worker(pool, uid);
	int r;

	if (item->attempts == ATTEMPTS_MAX) {
		defer(pool, item, SPAN("unknown mail transport error"));
		return;
	}
	if (w && w->outdated)
		return;
	if (!w) {
		if (!has_room(pool))
			return;
		r = start_worker(pool, uid, &item->user);
		if (r < 0) {
			refuse_start(pool, item, r);
			return;
		}
		w = find_worker(pool, uid);
	}
	send_item(w, item);
}

static void pump(void *ctx)
{
	struct pool *pool = ctx;

	LIST_FOR(l, &pool->waiting)
	place(pool, CONTAINER_OF(l, struct pool_item, link));
}

void pool_submit(struct pool *pool, struct pool_item *item)
{
	struct pool_worker *w = find_worker(pool, uid_of(pool, item));

	item->attempts = 0;
	item->worker = NULL;
	list_init(&item->link);
	if (w && !w->outdated) {
		send_item(w, item);
		return;
	}
	list_append(&pool->waiting, &item->link);
	pump_later(pool);
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
		retire(w);
	}
}

struct pool *pool_new(const struct pool_setup *setup)
{
	struct pool *pool = NEW(struct pool);

	pool->setup = *setup;
	hmap_init(&pool->serving);
	list_init(&pool->idle);
	list_init(&pool->leaving);
	list_init(&pool->waiting);
	pool->idle_timer.fn = on_idle_timer;
	pool->idle_timer.ctx = pool;
	pool->pump.fn = pump;
	pool->pump.ctx = pool;
	list_init(&pool->pump.link);
	pool->has_root = geteuid() == 0;
	return pool;
}

void pool_configure(struct pool *pool, const struct pool_conf *conf)
{
	pool->conf = *conf;
	for (struct hnode *n = NULL; (n = hmap_each(&pool->serving, n));)
		CONTAINER_OF(n, struct pool_worker, node)->outdated = true;
	LIST_FOR(l, &pool->idle)
	retire(CONTAINER_OF(l, struct pool_worker, link));
}

void pool_free(struct pool **pool)
{
	struct pool *p = STEAL(*pool);
	struct hnode *n;
	struct list *l;

	if (!p)
		return;
	while ((n = hmap_any(&p->serving)))
		retire(CONTAINER_OF(n, struct pool_worker, node));
	while ((l = list_take(&p->leaving)))
		free_worker(CONTAINER_OF(l, struct pool_worker, link));
	loop_timer_stop(p->setup.loop, &p->idle_timer);
	loop_defer_cancel(&p->pump);
	hmap_done(&p->serving);
	mem_free(p);
}
