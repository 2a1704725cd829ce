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
 * The life of a process:
 *
 *	start -> SERVING --idle, line closed by us--> LEAVING --reaped--> gone
 *	            |                                               ^
 *	            +--line closed by it, or nonsense: KILLED-------+
 *
 * Only when it is reaped, and all it said was heard, are its items given to
 * the next one: by then the kernel has let go of its locks, so the next one
 * finds a mailbox that is its own to repair.
 *
 * A process with an old configuration, or one that cannot reach the files of
 * a new item, is OUTDATED: it gets no more items and leaves when it is idle.
 *
 * A message for a Maildir goes to the filer if the filer knows that Maildir
 * (known.h), else to the user's worker. What a filer cannot do at once and
 * without a doubt it passes, and that goes to the worker, too.
 */
#include "daemon/deliver/pool.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hmap.h"
#include "daemon/deliver/known.h"
#include "daemon/deliver/reach.h"
#include "daemon/deliver/spawn.h"
#include "ipc/chan.h"
#include "os/error.h"
#include "os/file.h"
#include "os/log.h"
#include "os/sandbox.h"

enum {
	ATTEMPTS_MAX = 2,
	/* An item for a worker that was to reach one more directory. */
	DETOURS_MAX = 4,
	SCRIBES = 2,
	RUNNERS = 2,
	/* Idle processes that may make room at the same time. */
	LEAVING_MAX = 16,
	/* Lanes that pump() asks in vain before it gives up for now. */
	VAIN_MAX = 64,
};

static const uint8_t kind_of[WORK_DOS] = {
	[WORK_SPOOL] = WORK_SCRIBE,
	[WORK_MBOX] = WORK_WORKER,
	[WORK_FILE] = WORK_RUNNER,
	[WORK_MAILDIR] = WORK_WORKER,
	[WORK_COMMAND] = WORK_RUNNER,
	[WORK_READ] = WORK_WORKER,
	[WORK_LOOK] = WORK_SCRIBE,
};

enum worker_state { WORKER_SERVING, WORKER_LEAVING, WORKER_KILLED };

struct lane_key {
	uint8_t kind; /* enum work_kind */
	uid_t uid;
	gid_t gid;
	unsigned slot;
	bool pipe; /* of a pipe service */
};

struct pool {
	struct pool_setup setup;
	struct pool_conf conf;
	struct hmap lanes;
	struct list idle;   /* struct pool_worker, the longest idle first */
	struct list hungry; /* struct pool_lane */
	unsigned nleaving;  /* processes that make room soon */
	unsigned nworkers;  /* processes, in whatever state; no scribes */
	struct loop_timer idle_timer;
	struct loop_hook pump;
	bool has_root; /* we may become anybody */
	bool may_file; /* there may be a filer: Landlock can hold it */
	struct known known;
};

struct pool_lane {
	struct hnode node; /* in pool->lanes */
	struct list link;  /* in pool->hungry */
	struct pool *pool;
	struct lane_key key;
	struct list workers; /* all that are not reaped */
	unsigned nworkers;
	struct list waiting; /* struct pool_item */
	struct reach reach;  /* of workers: what the next one may open */
};

struct pool_worker {
	struct list link;  /* in pool->idle */
	struct list mate;  /* in lane->workers */
	struct list items; /* struct pool_item: sent, not answered */
	struct pool_lane *lane;
	enum worker_state state;
	bool outdated;
	bool reaped;
	struct spawned process;
	struct loop_watch *child;
	struct chan *line;
	uint64_t message; /* whose content it got last */
	usec idle_since;
};

static void done(
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

	done(pool, item, &result);
}

/* Lanes */

/* By the user's own process, or by one for all. Without root we are nobody but
 * ourselves. */
static struct lane_key key_of(
    const struct pool *pool, const struct work_item *work)
{
	struct lane_key key = {
		.kind = kind_of[work->kind],
		.uid = geteuid(),
		.gid = getegid(),
	};

	/* A command that hangs shall not hold up another one. */
	if (work->kind == WORK_COMMAND)
		key.slot = (unsigned)(hash_bytes(work->path) & 0xffffff);
	key.pipe = work->flags & WORK_PIPE;
	if (!pool->has_root)
		return key;
	if (key.kind == WORK_SCRIBE) {
		key.slot = (unsigned)(hash_u64(work->uid) % SCRIBES);
		return key;
	}
	key.uid = work->uid;
	key.gid = work->gid;
	return key;
}

static bool key_eq(const struct lane_key *a, const struct lane_key *b)
{
	return a->kind == b->kind && a->uid == b->uid && a->gid == b->gid &&
	    a->slot == b->slot && a->pipe == b->pipe;
}

static uint64_t key_hash(const struct lane_key *key)
{
	return hash_u64((uint64_t)key->uid << 32 | key->gid) + key->kind * 8U +
	    key->slot;
}

static struct pool_lane *find_lane(
    struct pool *pool, const struct lane_key *key, uint64_t hash)
{
	struct hnode *n;

	for (n = hmap_first(&pool->lanes, hash); n; n = hmap_next(n, hash)) {
		struct pool_lane *lane =
		    CONTAINER_OF(n, struct pool_lane, node);

		if (key_eq(&lane->key, key))
			return lane;
	}
	return NULL;
}

static struct pool_lane *get_lane(struct pool *pool, struct lane_key key)
{
	uint64_t hash = key_hash(&key);
	struct pool_lane *lane = find_lane(pool, &key, hash);

	if (lane)
		return lane;
	lane = NEW(struct pool_lane);
	lane->pool = pool;
	lane->key = key;
	list_init(&lane->link);
	list_init(&lane->workers);
	list_init(&lane->waiting);
	reach_init(&lane->reach);
	hmap_put(&pool->lanes, &lane->node, hash);
	return lane;
}

static void free_lane(struct pool_lane *lane)
{
	list_remove(&lane->link);
	reach_done(&lane->reach);
	hmap_remove(&lane->pool->lanes, &lane->node);
	mem_free(lane);
}

static void pump_later(struct pool *pool)
{
	loop_defer(pool->setup.loop, LOOP_IPC, &pool->pump);
}

/* Those that act as others have their places for themselves. */
static bool acts_for_all(const struct lane_key *key)
{
	return key->kind == WORK_SCRIBE || key->kind == WORK_FILER;
}

static void make_hungry(struct pool_lane *lane)
{
	if (!list_is_empty(&lane->link))
		return;
	if (acts_for_all(&lane->key))
		list_prepend(&lane->pool->hungry, &lane->link);
	else
		list_append(&lane->pool->hungry, &lane->link);
}

/* Those of pipe services are counted by the queue. */
static bool counts(const struct pool_worker *w)
{
	return !acts_for_all(&w->lane->key) && !w->lane->key.pipe;
}

/* Ends of processes */

static void leave(struct pool_worker *w, enum worker_state state)
{
	struct pool *pool = w->lane->pool;

	if (w->state == WORKER_SERVING && counts(w))
		pool->nleaving++;
	w->state = state;
	list_remove(&w->link);
}

static void kill_worker(struct pool_worker *w)
{
	leave(w, WORKER_KILLED);
	spawn_kill(&w->process);
}

static void free_worker(struct pool_worker *w)
{
	list_remove(&w->link);
	list_remove(&w->mate);
	loop_unwatch(&w->child);
	chan_free(&w->line);
	spawn_done(&w->process);
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

static void widen(struct pool_lane *lane, const struct work_item *work);

/* What the filer does not do; it is in no list of the filer's any more. */
static void to_worker(struct pool_item *item)
{
	struct pool *pool = item->lane->pool;

	known_avoid(&pool->known, &item->work, loop_now(pool->setup.loop));
	item->lane = get_lane(pool, key_of(pool, &item->work));
	widen(item->lane, &item->work);
}

static void wait_again(struct pool_item *item)
{
	item->worker = NULL;
	list_remove(&item->link);
	list_append(&item->lane->waiting, &item->link);
	make_hungry(item->lane);
	pump_later(item->lane->pool);
}

/* In front: they were here first. */
static void take_back(struct pool_worker *w)
{
	struct list *waiting = &w->lane->waiting;

	LIST_FOR(l, &w->items)
	CONTAINER_OF(l, struct pool_item, link)->worker = NULL;
	list_splice(&w->items, waiting);
	list_splice(waiting, &w->items);
}

/* No user's mail shall depend on what another one's did to the filer. */
static void share_out(struct pool_worker *w)
{
	LIST_FOR(l, &w->items)
	{
		struct pool_item *item =
		    CONTAINER_OF(l, struct pool_item, link);

		to_worker(item);
		wait_again(item);
	}
}

/* Reaped, and its line is at its end: what is left was not done. */
static void end_worker(struct pool_worker *w)
{
	struct pool_lane *lane = w->lane;
	struct pool *pool = lane->pool;

	if (lane->key.kind == WORK_FILER)
		share_out(w);
	else
		take_back(w);
	if (counts(w)) {
		pool->nworkers--;
		pool->nleaving--;
	}
	lane->nworkers--;
	free_worker(w);
	/* To be fed, or to be freed. */
	make_hungry(lane);
	pump_later(pool);
}

/* It has nothing to do and shall end by itself. */
static void retire(struct pool_worker *w)
{
	leave(w, WORKER_LEAVING);
	chan_free(&w->line);
	if (w->reaped)
		end_worker(w);
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

/* Talking with processes */

static void become_idle(struct pool_worker *w)
{
	struct pool *pool = w->lane->pool;

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
	/* Somebody may want its place. */
	if (!list_is_empty(&pool->hungry))
		pump_later(pool);
}

/* One that is not idle leaves when it is: it may be the one whose answer we are
 * hearing. */
static void outdate(struct pool_worker *w)
{
	w->outdated = true;
	if (!list_is_empty(&w->link))
		retire(w);
}

/* The next process of the lane will have or know more. */
static void renew(struct pool_lane *lane)
{
	LIST_FOR(l, &lane->workers)
	outdate(CONTAINER_OF(l, struct pool_worker, mate));
}

/* Its present process cannot open what this item needs. */
static void widen(struct pool_lane *lane, const struct work_item *work)
{
	if (lane->key.kind == WORK_WORKER &&
	    reach_add(&lane->reach, work, lane->pool->conf.base))
		renew(lane);
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

static void feed(struct pool_lane *lane);

/* It did all it had. */
static void rest(struct pool_worker *w)
{
	if (!list_is_empty(&w->items) || w->state != WORKER_SERVING)
		return;
	feed(w->lane);
	if (list_is_empty(&w->items))
		become_idle(w);
}

/* No user's process can say of his item what it was not asked. */
static bool is_answer(
    const struct work_item *asked, const struct work_done *said)
{
	switch ((enum work_found)said->found) {
	case WORK_FOUND_NONE:
		return true;
	case WORK_FOUND_FORWARD:
		return said->which < asked->nforward &&
		    said->bytes.len <= WORK_MAX_BYTES;
	case WORK_FOUND_LIST:
		return asked->kind == WORK_READ && asked->path.len > 0 &&
		    said->bytes.len <= WORK_MAX_BYTES;
	case WORK_FOUND_NOTHING:
		return asked->nforward > 0;
	case WORK_FOUNDS:
		break;
	}
	return false;
}

/*
 * What a filer could do. Virtual Maildirs mostly are one user's, whose worker
 * does as well; the quota of one is in a file that a filer does not reach; and
 * what is root's is not done by one who acts as others.
 */
static bool can_be_filed(const struct pool *pool, const struct work_item *work)
{
	const uint32_t kind = WORK_OWN | WORK_VIRTUAL | WORK_QUOTA | WORK_ASKS;

	return pool->may_file && work->kind == WORK_MAILDIR &&
	    (work->flags & kind) == WORK_OWN && work->uid != 0 &&
	    work->gid != 0;
}

static void learn(struct pool *pool, uint8_t who, const struct work_item *work)
{
	if (!can_be_filed(pool, work))
		return;
	if (who == WORK_FILER)
		known_praise(&pool->known, work);
	else
		known_learn(&pool->known, work, loop_now(pool->setup.loop));
}

static bool on_done(struct pool_worker *w, span payload)
{
	struct pool_item *item;
	struct work_done result;

	if (!work_done_get(payload, &result))
		return false;
	item = find_item(w, result.number);
	if (!item || !is_answer(&item->work, &result))
		return false;
	if (result.found == WORK_FOUND_NONE &&
	    result.verdict.class == VERDICT_SENT)
		learn(w->lane->pool, w->lane->key.kind, &item->work);
	done(w->lane->pool, item, &result);
	rest(w);
	return true;
}

/* Its successor will have that directory. */
static bool add_reach(struct pool_lane *lane, span path)
{
	if (path.len == 0 || path.ptr[0] != '/')
		return false;
	(void)reach_add_path(&lane->reach, path);
	renew(lane);
	return true;
}

static bool on_reach(struct pool_worker *w, span payload)
{
	struct pool_item *item;
	struct work_reach m;

	if (!work_reach_get(payload, &m))
		return false;
	item = find_item(w, m.number);
	if (!item || item->detours == DETOURS_MAX)
		return false;
	if (w->lane->key.kind == WORK_FILER && m.path.len == 0)
		to_worker(item);
	else if (w->lane->key.kind != WORK_WORKER ||
	    !add_reach(w->lane, m.path))
		return false;
	item->detours++;
	item->attempts--;
	wait_again(item);
	rest(w);
	return true;
}

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct pool_worker *w = ctx;
	bool ok = false;

	if (w->state == WORKER_KILLED)
		return;
	if (msg->type == WORK_DONE)
		ok = on_done(w, msg->payload);
	else if (msg->type == WORK_REACH)
		ok = on_reach(w, msg->payload);
	if (ok)
		return;
	log_warn("local", "malformed report from deliver pid %d",
	    (int)w->process.child.pid);
	kill_worker(w);
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

/* It read what it was sent, and may have more. */
static void on_drained(void *ctx)
{
	struct pool_worker *w = ctx;

	make_hungry(w->lane);
	pump_later(w->lane->pool);
}

static void send_item(struct pool_worker *w, struct pool_item *item)
{
	struct work_item m = item->work;

	item->worker = w;
	item->attempts++;
	list_remove(&item->link);
	list_append(&w->items, &item->link);
	list_remove(&w->link); /* no longer idle */
	m.same = m.message != 0 && m.message == w->message;
	if (m.same) {
		m.content = SPAN_NONE;
		m.blob = false;
	}
	w->message = m.message;
	work_item_put(m.blob
	        ? chan_begin_fds(w->line, WORK_ITEM, &item->blob, 1)
	        : chan_begin(w->line, WORK_ITEM),
	    &m);
	chan_end(w->line);
}

/* Starting processes */

static void send_setup(struct pool_worker *w, int dir)
{
	struct pool_lane *lane = w->lane;
	struct pool *pool = lane->pool;
	struct work_setup setup = pool->conf.setup;
	struct work_maildir *maildirs = NULL;

	setup.kind = lane->key.kind;
	if (setup.kind == WORK_FILER) {
		maildirs = mem_new(WORK_MAX_MAILDIRS, sizeof(*maildirs));
		known_grant(
		    &pool->known, &setup, maildirs, loop_now(pool->setup.loop));
	} else if (dir >= 0) {
		setup.npaths = 1;
		setup.paths = &pool->conf.mail_spool_directory;
	} else {
		setup.npaths = lane->reach.n;
		setup.paths = lane->reach.paths;
	}
	work_setup_put(dir < 0 ? chan_begin(w->line, WORK_SETUP)
	                       : chan_begin_fds(w->line, WORK_SETUP, &dir, 1),
	    &setup);
	chan_end(w->line);
	mem_free(maildirs);
}

static int connect_worker(struct pool_worker *w, int dir)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
		.drained = on_drained,
	};
	struct loop *loop = w->lane->pool->setup.loop;
	int r;

	r = chan_new(loop, STEAL_FD(w->process.line), &calls, w, &w->line);
	if (r == 0)
		r = loop_child(
		    loop, w->process.child.pidfd, on_reaped, w, &w->child);
	if (r == 0)
		send_setup(w, dir);
	return r;
}

/* mail_spool_directory, or a negative errno. */
static int open_spool(const struct pool *pool)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);

	buf_put(&path, pool->conf.mail_spool_directory);
	return os_error(
	    open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int launch(struct pool_worker *w)
{
	const struct lane_key *key = &w->lane->key;
	const struct pool *pool = w->lane->pool;
	const struct priv_user user = { .uid = key->uid, .gid = key->gid };
	bool as_user = pool->has_root && !acts_for_all(key);
	CLEANUP(fd_close) int dir = -1;
	int r;

	if (key->kind == WORK_SCRIBE) {
		dir = open_spool(pool);
		if (dir < 0)
			return dir;
	}
	r = spawn_worker(
	    (enum work_kind)key->kind, as_user ? &user : NULL, &w->process);
	if (r == 0)
		r = connect_worker(w, dir);
	if (r < 0)
		spawn_kill(&w->process);
	return r;
}

/* 0, or a negative errno: nothing was started. */
static int start_worker(struct pool_lane *lane, struct pool_worker **ret)
{
	struct pool_worker *w = NEW(struct pool_worker);
	int r;

	w->lane = lane;
	w->process = SPAWNED_NONE;
	list_init(&w->link);
	list_init(&w->mate);
	list_init(&w->items);
	r = launch(w);
	if (r < 0) {
		free_worker(w);
		return r;
	}
	list_append(&lane->workers, &w->mate);
	lane->nworkers++;
	if (counts(w))
		lane->pool->nworkers++;
	*ret = w;
	return 0;
}

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

		if (counts(w))
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
	if (acts_for_all(&lane->key) || pool->nworkers < pool->conf.max_workers)
		return true;
	if (pool->nleaving < LEAVING_MAX) {
		idle = find_idle(pool);
		if (idle)
			retire(idle);
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
		r = start_worker(lane, &w);
		if (r < 0) {
			refuse_start(lane->pool, item, r);
			return true;
		}
	}
	send_item(w, item);
	return true;
}

/* Give the lane's processes what waits for them, as far as possible. */
static void feed(struct pool_lane *lane)
{
	LIST_FOR(l, &lane->waiting)
	{
		if (!place(lane, CONTAINER_OF(l, struct pool_item, link))) {
			make_hungry(lane);
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

		feed(lane);
		if (!list_is_empty(&lane->waiting))
			vain++;
		else if (lane->nworkers == 0)
			free_lane(lane);
	}
	list_splice(&now, &pool->hungry);
	list_splice(&pool->hungry, &now);
}

static struct pool_lane *choose_lane(
    struct pool *pool, const struct work_item *work)
{
	const struct lane_key filer = { .kind = WORK_FILER };
	enum known_place place = KNOWN_NOT;
	struct pool_lane *lane;

	if (can_be_filed(pool, work))
		place =
		    known_find(&pool->known, work, loop_now(pool->setup.loop));
	if (place == KNOWN_NOT)
		return get_lane(pool, key_of(pool, work));
	lane = get_lane(pool, filer);
	if (place == KNOWN_SOON)
		renew(lane);
	return lane;
}

void pool_submit(struct pool *pool, struct pool_item *item)
{
	struct pool_lane *lane = choose_lane(pool, &item->work);
	struct pool_worker *w;

	item->attempts = 0;
	item->detours = 0;
	item->worker = NULL;
	item->lane = lane;
	list_init(&item->link);
	widen(lane, &item->work);
	w = list_is_empty(&lane->waiting) ? find_worker(lane) : NULL;
	if (w) {
		send_item(w, item);
		return;
	}
	list_append(&lane->waiting, &item->link);
	make_hungry(lane);
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
	retire(CONTAINER_OF(l, struct pool_worker, link));
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
			free_worker(CONTAINER_OF(l, struct pool_worker, mate));
		free_lane(lane);
	}
	loop_timer_stop(p->setup.loop, &p->idle_timer);
	loop_defer_cancel(&p->pump);
	hmap_done(&p->lanes);
	known_done(&p->known);
	mem_free(p);
}
