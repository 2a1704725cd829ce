/* SPDX-License-Identifier: ISC */
/*
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
 */
#include "daemon/deliver/pool_internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/log.h"

enum {
	/* An item for a worker that was to reach one more directory. */
	DETOURS_MAX = 4,
};

bool process_counts(const struct pool_worker *w)
{
	return !lane_acts_for_all(&w->lane->key) && !w->lane->key.pipe;
}

void process_free(struct pool_worker *w)
{
	list_remove(&w->link);
	list_remove(&w->mate);
	loop_unwatch(&w->child);
	chan_free(&w->line);
	spawn_done(&w->process);
	mem_free(w);
}

/* Ends of processes */

static void leave(struct pool_worker *w, enum worker_state state)
{
	struct pool *pool = w->lane->pool;

	if (w->state == WORKER_SERVING && process_counts(w))
		pool->nleaving++;
	w->state = state;
	list_remove(&w->link);
}

static void kill_worker(struct pool_worker *w)
{
	leave(w, WORKER_KILLED);
	spawn_kill(&w->process);
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

static void wait_again(struct pool_item *item)
{
	item->worker = NULL;
	list_remove(&item->link);
	list_append(&item->lane->waiting, &item->link);
	lane_hunger(item->lane);
	pool_pump_later(item->lane->pool);
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

		lane_divert(item);
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
	if (process_counts(w)) {
		pool->nworkers--;
		pool->nleaving--;
	}
	lane->nworkers--;
	process_free(w);
	/* To be fed, or to be freed. */
	lane_hunger(lane);
	pool_pump_later(pool);
}

void process_retire(struct pool_worker *w)
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
		process_retire(w);
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
		pool_pump_later(pool);
}

/* One that is not idle leaves when it is: it may be the one whose answer we are
 * hearing. */
static void outdate(struct pool_worker *w)
{
	w->outdated = true;
	if (!list_is_empty(&w->link))
		process_retire(w);
}

void process_renew(struct pool_lane *lane)
{
	LIST_FOR(l, &lane->workers)
	outdate(CONTAINER_OF(l, struct pool_worker, mate));
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

/* It did all it had. */
static void rest(struct pool_worker *w)
{
	if (!list_is_empty(&w->items) || w->state != WORKER_SERVING)
		return;
	pool_feed(w->lane);
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
		lane_learn(w->lane->pool, w->lane->key.kind, &item->work);
	pool_done(w->lane->pool, item, &result);
	rest(w);
	return true;
}

/* Its successor will have that directory. */
static bool add_reach(struct pool_lane *lane, span path)
{
	if (path.len == 0 || path.ptr[0] != '/')
		return false;
	(void)reach_add_path(&lane->reach, path);
	process_renew(lane);
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
		lane_divert(item);
	else if (w->lane->key.kind == WORK_SCRIBE && m.path.len == 0)
		process_renew(w->lane);
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

	lane_hunger(w->lane);
	pool_pump_later(w->lane->pool);
}

void process_send(struct pool_worker *w, struct pool_item *item)
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
	} else if (setup.kind == WORK_SCRIBE) {
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

/* mail_spool_directory, or a negative errno. Without it a scribe still looks
 * for forward files, and says what is missing. */
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
	bool as_user = pool->has_root && !lane_acts_for_all(key);
	CLEANUP(fd_close) int dir = -1;
	int r;

	if (key->kind == WORK_SCRIBE) {
		dir = open_spool(pool);
		if (dir < 0 && dir != -ENOENT && dir != -ENOTDIR)
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

int process_start(struct pool_lane *lane, struct pool_worker **ret)
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
		process_free(w);
		return r;
	}
	list_append(&lane->workers, &w->mate);
	lane->nworkers++;
	if (process_counts(w))
		lane->pool->nworkers++;
	*ret = w;
	return 0;
}
