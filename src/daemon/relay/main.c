/* SPDX-License-Identifier: ISC */
/*
 * relay - the process that speaks SMTP and LMTP to next hops.
 *
 * It takes jobs from the queue, and answers each when all its recipients
 * have an outcome; see relay.h for the parts. It holds nothing that would be
 * missed: when it dies the queue gives its jobs to another one.
 *
 * When the queue dies, the jobs will come again. What is not yet beyond the
 * point of no return (the last dot) is given up, so that it does not arrive
 * twice; the rest goes to its end and is only logged.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/relay/relay.h"
#include "os/log.h"

struct process {
	struct relay relay;
	struct daemon *daemon;
	struct loop_timer enough;
};

/* How long those who are talking may go on when we are told to stop. */
static const usec stop_patience = 5 * USEC_SEC;

static void on_conf(void *ctx, struct conf *conf)
{
	struct process *p = ctx;

	snapshot_unref(&p->relay.snapshot);
	p->relay.snapshot = snapshot_new(conf);
	if (!p->relay.loop)
		return;
	LIST_FOR(link, &p->relay.all_dests)
	dest_retire(CONTAINER_OF(link, struct dest, link));
}

/* Whether any transport wants /etc/hosts. */
static bool wants_hosts(struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap->count; i++) {
		const struct conf_service *service =
		    conf_service(snap->conf, i);
		const struct settings *set;

		if (!span_has_suffix_nocase(service->command, SPAN("smtp")) &&
		    !span_has_suffix_nocase(service->command, SPAN("lmtp")))
			continue;
		set = snapshot_settings(snap, service->name);
		if (set && set->use_hosts)
			return true;
	}
	return false;
}

/* Where the paths of unix sockets begin, as in Postfix; and no path that fits
 * there is too long for a socket. */
static void enter_queue_directory(const struct relay *r)
{
	struct buf path = BUF_INIT(4096);

	buf_put(&path,
	    conf_value(r->snapshot->conf, CONF_MAIN, SPAN("queue_directory")));
	if (chdir(buf_cstr(&path)) < 0)
		log_warn(
		    "smtp", "chdir %s: %s", buf_cstr(&path), strerror(errno));
	buf_done(&path);
}

static int before_drop(void *ctx, struct daemon *d)
{
	struct process *p = ctx;
	struct relay *r = &p->relay;
	struct buf path = BUF_INIT(4096);
	struct dns_setup setup = { 0 };
	int result;

	p->daemon = d;
	r->loop = daemon_loop(d);
	enter_queue_directory(r);
	if (getrandom(&r->seed, sizeof(r->seed), 0) < 0)
		return -EIO;
	buf_put(&path,
	    conf_value(r->snapshot->conf, CONF_MAIN, SPAN("resolv_conf")));
	setup.resolv_conf = buf_cstr(&path);
	setup.hosts = wants_hosts(r->snapshot) ? "/etc/hosts" : NULL;
	result = dns_new(r->loop, &setup, &r->dns);
	if (result < 0)
		log_error(
		    "smtp", "%s: %s", setup.resolv_conf, strerror(-result));
	buf_done(&path);
	return result;
}

/* The queue */

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct relay *r = ctx;

	if (msg->type != JOB || !job_start(r, msg))
		chan_fail(r->queue, EPROTO);
}

/* True: it is beyond the last dot, and cannot be taken back. */
static bool is_committed(const struct jobrun *j)
{
	const struct smtp_client *c = &j->session->client;

	return c->cur == &j->message && smtp_client_step(c) == SMTP_STEP_DOT &&
	    !c->out.len;
}

static void forsake_session(struct session *s)
{
	struct smtp_client *c = &s->client;
	struct jobrun *j =
	    c->cur ? CONTAINER_OF(c->cur, struct jobrun, message) : NULL;

	if (s->connecting) {
		session_abort(s);
		return;
	}
	if (j && is_committed(j) && !c->next) {
		session_retire(s);
		return;
	}
	session_abort(s);
}

static void forsake_dest(struct dest *d)
{
	d->jobs++; /* it stays until we are through */
	LIST_FOR(link, &d->busy)
	forsake_session(CONTAINER_OF(link, struct session, link));
	LIST_FOR(idle, &d->idle)
	session_retire(CONTAINER_OF(idle, struct session, link));
	d->jobs--;
	dest_check(d);
}

static void on_gone(void *ctx, int error)
{
	struct relay *r = ctx;

	if (error)
		log_warn("smtp", "connection to the queue: %s",
		    strerror(error > 0 ? error : -error));
	chan_free(&r->queue);
	LIST_FOR(link, &r->all_dests)
	forsake_dest(CONTAINER_OF(link, struct dest, link));
	LIST_FOR(link, &r->jobs)
	{
		struct jobrun *j = CONTAINER_OF(link, struct jobrun, link);

		if (!j->session || j->session->dead)
			job_free(j);
	}
}

static void on_peer(void *ctx, enum role role, uint32_t instance, int fd)
{
	static const struct chan_calls calls = { .message = on_message,
		.gone = on_gone };
	struct process *p = ctx;
	struct relay *r = &p->relay;
	int result;

	(void)role;
	(void)instance;
	if (r->queue)
		on_gone(r, 0);
	r->queue_number++;
	result = chan_new(r->loop, fd, &calls, r, &r->queue);
	if (result < 0)
		log_error(
		    "smtp", "connection to the queue: %s", strerror(-result));
}

/* Life */

static void on_ended(void *ctx)
{
	struct process *p = ctx;

	chan_free(&p->relay.queue);
	daemon_end(p->daemon);
}

static int after_drop(void *ctx, struct daemon *d)
{
	struct process *p = ctx;
	struct relay *r = &p->relay;

	(void)d;
	r->ended.fn = on_ended;
	r->ended.ctx = p;
	return 0;
}

static void on_enough(void *ctx)
{
	on_ended(ctx);
}

static void on_stop(void *ctx)
{
	struct process *p = ctx;
	struct relay *r = &p->relay;

	r->stopping = true;
	p->enough.fn = on_enough;
	p->enough.ctx = p;
	loop_timer_set(r->loop, &p->enough, loop_now(r->loop) + stop_patience);
	LIST_FOR(link, &r->jobs)
	{
		struct jobrun *j = CONTAINER_OF(link, struct jobrun, link);

		if (!j->session)
			job_give_back(j);
	}
	LIST_FOR(link, &r->all_dests)
	dest_retire(CONTAINER_OF(link, struct dest, link));
	if (list_is_empty(&r->jobs))
		loop_defer(r->loop, LOOP_IPC, &r->ended);
}

int main(int argc, char **argv)
{
	static struct process p;
	const struct daemon_spec spec = {
		.role = ROLE_RELAY,
		.ctx = &p,
		.on_conf = on_conf,
		.before_drop = before_drop,
		.after_drop = after_drop,
		.on_peer = on_peer,
		.on_stop = on_stop,
	};

	hmap_init(&p.relay.dests);
	list_init(&p.relay.all_dests);
	list_init(&p.relay.jobs);
	return daemon_main(argc, argv, &spec);
}
