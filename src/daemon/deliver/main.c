/* SPDX-License-Identifier: ISC */
/*
 * deliver - mail for the users of this machine.
 *
 * The parent keeps root, if it has it, to start processes as the recipients;
 * it parses what our own processes say and nothing else. What a recipient of a
 * job stands for is asked of expand (plan.c); each step of the answer goes to
 * a scribe, a worker or a runner (step.c, pool.c), which is this program
 * again, with few rights. There the message is looked into and written.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/deliver/deliver.h"
#include "daemon/deliver/room.h"
#include "daemon/deliver/spawner.h"
#include "daemon/deliver/worker.h"
#include "ipc/msg_job.h"
#include "os/log.h"

/* Of jobs and their plans: above this the queue has to wait, until half of it
 * is done. */
enum { HELD_MAX = 64 * 1024 * 1024 };

#define LONELY_MAX (30 * USEC_SEC)

/* The settings that the processes of all services share are those of local. */
static void configure_pool(struct deliver *d)
{
	const struct services *all = d->services;
	const struct deliver_conf *c = &services_main(all)->c;
	const struct pool_conf conf = {
		.mail_spool_directory = c->mail_spool_directory,
		.base = conf_value(
		    all->conf, CONF_MAIN, SPAN("virtual_mailbox_base")),
		.setup = {
			.attempts = c->deliver_lock_attempts,
			.delay = c->deliver_lock_delay,
			.stale = c->stale_lock_time,
			.any_owner = !c->strict_mailbox_ownership,
			.shell = c->local_command_shell,
			.nkeep = all->nkeep,
			.keep = all->keep,
		},
		.max_idle = c->max_idle,
		.max_workers = c->default_process_limit,
	};

	pool_configure(d->pool, &conf);
}

static void on_conf(void *ctx, struct conf *conf)
{
	struct deliver *d = ctx;
	struct services *old = d->services;

	d->services = services_new(conf);
	if (d->pool)
		configure_pool(d);
	services_unref(&old);
}

static void on_errand_done(
    void *ctx UNUSED, struct pool_item *item, const struct work_done *result)
{
	struct errand *errand = CONTAINER_OF(item, struct errand, item);

	errand->done(errand, result);
}

/* Where commands begin, unless they are told otherwise, even when they may
 * not see it. */
static void enter_queue_directory(struct conf *conf)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(65536);

	buf_put(&path, conf_value(conf, CONF_MAIN, SPAN("queue_directory")));
	if (chdir(buf_cstr(&path)) < 0)
		log_warn(
		    "local", "chdir %s: %s", buf_cstr(&path), strerror(errno));
}

static int before_drop(void *ctx, struct daemon *daemon)
{
	struct deliver *d = ctx;
	const struct pool_setup setup = {
		.loop = daemon_loop(daemon),
		.calls = { .done = on_errand_done },
		.ctx = d,
	};

	d->daemon = daemon;
	d->loop = setup.loop;
	d->pool = pool_new(&setup);
	d->spawner = spawner_new(d->loop);
	d->expand = expand_new(d->loop);
	d->resend = resend_new(d->loop);
	d->rooms = rooms_new(d);
	d->biff = biff_new();
	configure_pool(d);
	enter_queue_directory(d->services->conf);
	return 0;
}

/* The queue */

static void on_queue_message(void *ctx, struct chan_msg *msg)
{
	struct deliver *d = ctx;

	if (msg->type != JOB || !job_start(d, msg)) {
		log_warn("local", "malformed job from the queue process");
		chan_fail(d->queue, -EPROTO);
		return;
	}
	if (d->held > HELD_MAX)
		chan_pause(d->queue, true);
}

static void on_queue_gone(void *ctx, int error)
{
	struct deliver *d = ctx;

	(void)error;
	chan_free(&d->queue);
	loop_timer_set(d->loop, &d->lonely, loop_now(d->loop) + LONELY_MAX);
}

/* No queue process has come back: it must be that it will not talk to us.
 * master starts us, and our connections, anew. */
static void on_lonely(void *ctx)
{
	struct deliver *d = ctx;

	log_warn("local", "no queue process; starting anew");
	loop_defer(d->loop, LOOP_LAST, &d->finish);
}

static void new_queue(struct deliver *d, int fd)
{
	static const struct chan_calls calls = {
		.message = on_queue_message,
		.gone = on_queue_gone,
	};
	int r;

	chan_free(&d->queue);
	loop_timer_stop(d->loop, &d->lonely);
	outcomes_new_epoch(&d->outcomes);
	r = chan_new(d->loop, fd, &calls, d, &d->queue);
	if (r < 0)
		log_warn("local", "cannot talk to the queue process: %s",
		    strerror(-r));
}

/* Services that run spawn(8) */

static void on_listen(void *ctx, uint32_t service, int fd)
{
	struct deliver *d = ctx;

	spawner_listen(d->spawner, daemon_conf(d->daemon), service, fd);
}

static void on_unlisten(void *ctx)
{
	struct deliver *d = ctx;

	spawner_unlisten(d->spawner);
}

static void on_peer(void *ctx, enum role role, uint32_t instance, int fd)
{
	struct deliver *d = ctx;

	if (role == ROLE_QUEUE)
		new_queue(d, fd);
	else if (role == ROLE_EXPAND)
		expand_peer(d->expand, fd);
	else if (role == ROLE_PICKUP)
		resend_peer(d->resend, fd);
	else if (role == ROLE_RULES)
		rooms_peer(d->rooms, instance, fd);
	else
		(void)close(fd);
}

/* At the end of a round, when the last reports have left. */
static void finish(void *ctx)
{
	struct deliver *d = ctx;

	loop_timer_stop(d->loop, &d->lonely);
	pool_free(&d->pool);
	spawner_free(&d->spawner);
	expand_free(&d->expand);
	resend_free(&d->resend);
	rooms_free(&d->rooms);
	biff_free(&d->biff);
	chan_free(&d->queue);
	daemon_end(d->daemon);
}

static void end_if_done(struct deliver *d)
{
	if (d->stopping && d->njobs == 0)
		loop_defer(d->loop, LOOP_LAST, &d->finish);
}

void deliver_job_ended(struct deliver *d)
{
	if (d->queue && d->held <= HELD_MAX / 2)
		chan_pause(d->queue, false);
	end_if_done(d);
}

static void on_stop(void *ctx)
{
	struct deliver *d = ctx;

	d->stopping = true;
	spawner_unlisten(d->spawner);
	end_if_done(d);
}

int main(int argc, char **argv)
{
	enum work_kind kind;
	static struct deliver d = {
		.finish = { .fn = finish, .ctx = &d },
		.lonely = { .fn = on_lonely, .ctx = &d },
	};
	const struct daemon_spec spec = {
		.role = ROLE_DELIVER,
		.ctx = &d,
		.on_conf = on_conf,
		.before_drop = before_drop,
		.on_stop = on_stop,
		.on_peer = on_peer,
		.on_listen = on_listen,
		.on_unlisten = on_unlisten,
	};
	int r;

	if (argc == 2 && worker_kind(argv[1], &kind))
		return worker_main(kind);
	list_init(&d.finish.link);
	users_init(&d.users);
	outcomes_init(&d.outcomes);
	r = daemon_main(argc, argv, &spec);
	users_done(&d.users);
	outcomes_done(&d.outcomes);
	services_unref(&d.services);
	return r;
}
