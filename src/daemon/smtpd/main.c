/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/main.c - life of the process: configuration, sockets,
 * partners, the end. See smtpd.h for the parts.
 */
#include "daemon/smtpd/session.h"

#include "daemon/smtpd/handover.h"
#include "mail/date.h"
#include "os/log.h"

#include <sys/resource.h>
#include <unistd.h>

/* How long content that is coming in may take when we have to go. */
static const usec stop_patience = 5 * USEC_SEC;

enum {
	OTHER_DESCRIPTORS = 64, /* that are no sessions */
	/* A large message needs a second descriptor. */
	DESCRIPTORS_PER_SESSION = 2,
};

/* As many as there are processors, unless it is said. */
static uint32_t count_processes(struct conf *conf)
{
	uint64_t n = conf_number(conf, CONF_MAIN, SPAN("smtpd_processes"));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!n)
		n = cpus > 0 ? (uint64_t)cpus : 1;
	return (uint32_t)n;
}

static void on_conf(void *ctx, struct conf *conf)
{
	struct smtpd *p = ctx;

	conf_ref(conf);
	conf_unref(&p->conf);
	p->conf = conf;
	p->processes = count_processes(conf);
	service_renumber(p);
}

static void on_keys(void *ctx, int fd)
{
	struct smtpd *p = ctx;
	int r;

	tls_files_close(&p->keys);
	r = tls_files_open(&p->keys, fd);
	(void)close(fd);
	if (r < 0)
		log_error("smtpd", "keys for TLS: %s", strerror(-r));
}

static int before_drop(void *ctx, struct daemon *d)
{
	struct smtpd *p = ctx;

	date_init();
	tls_init();
	p->daemon = d;
	return 0;
}

static int after_drop(void *ctx, struct daemon *d)
{
	struct smtpd *p = ctx;
	struct rlimit limit;
	uint64_t n = 1024;

	p->loop = daemon_loop(d);
	p->input = mem_new(SMTPD_INPUT, 1);
	p->asks = asks_new(p);
	p->handover = handover_new(p);
	p->limits = limits_new();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		n = MIN((uint64_t)limit.rlim_cur, (uint64_t)INT32_MAX);
	n = MAX(n, (uint64_t)(2 * OTHER_DESCRIPTORS));
	p->max_sessions =
	    (uint32_t)((n - OTHER_DESCRIPTORS) / DESCRIPTORS_PER_SESSION);
	return 0;
}

static void on_listen(void *ctx, uint32_t service, int fd)
{
	listen_add(ctx, service, fd);
}

static void on_unlisten(void *ctx)
{
	listen_close_all(ctx);
}

static void on_peer(void *ctx, enum role role, uint32_t instance, int fd)
{
	struct smtpd *p = ctx;

	if (role == ROLE_QUEUE)
		handover_queue(p->handover, fd);
	else if (role == ROLE_RULES)
		asks_worker(p->asks, instance, fd);
	else if (role == ROLE_PICKUP)
		inside_peer(p, fd);
	else
		(void)close(fd);
}

/* ---- the end ---- */

void smtpd_session_gone(struct smtpd *p)
{
	if (!p->stopping)
		listen_pause(p, false);
	else if (!p->nsessions)
		daemon_end(p->daemon);
}

static void on_stop_timer(void *ctx)
{
	struct smtpd *p = ctx;

	LIST_FOR(l, &p->sessions)
	session_kill(CONTAINER_OF(l, struct session, link));
}

static void on_stop(void *ctx)
{
	struct smtpd *p = ctx;

	p->stopping = true;
	listen_close_all(p);
	if (!p->nsessions) {
		daemon_end(p->daemon);
		return;
	}
	p->stop_timer.fn = on_stop_timer;
	p->stop_timer.ctx = p;
	loop_timer_set(
	    p->loop, &p->stop_timer, loop_now(p->loop) + stop_patience);
	LIST_FOR(l, &p->sessions)
	session_stop(CONTAINER_OF(l, struct session, link));
}

static void on_end(void *ctx)
{
	struct smtpd *p = ctx;

	listen_close_all(p);
	inside_end(p);
	handover_free(&p->handover);
	asks_free(&p->asks);
	limits_free(&p->limits);
	mem_free(p->input);
	mem_free(p->plain);
	tls_files_close(&p->keys);
	conf_unref(&p->conf);
}

int main(int argc, char **argv)
{
	struct smtpd p = { 0 };
	const struct daemon_spec spec = {
		.role = ROLE_SMTPD,
		.ctx = &p,
		.on_conf = on_conf,
		.on_keys = on_keys,
		.before_drop = before_drop,
		.after_drop = after_drop,
		.on_listen = on_listen,
		.on_unlisten = on_unlisten,
		.on_stop = on_stop,
		.on_peer = on_peer,
		.on_end = on_end,
	};

	list_init(&p.listeners);
	list_init(&p.services);
	list_init(&p.sessions);
	return daemon_main(argc, argv, &spec);
}
