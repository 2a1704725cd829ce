/* SPDX-License-Identifier: ISC */
/*
 * daemon/pickup/main.c - life of the process. See pickup.h for the parts.
 */
#include <fcntl.h>
#include <unistd.h>

#include "daemon/pickup/pickup.h"
#include "os/error.h"
#include "os/file.h"
#include "os/log.h"

/* How long what is under way may take when we have to go. */
static const usec stop_patience = 10 * USEC_SEC;

/* The line of master.cf, or CONF_MAIN: none. */
static uint32_t find_service(struct conf *conf)
{
	for (uint32_t i = 0; i < conf_services(conf); i++)
		if (span_eq(conf_service(conf, i)->command, SPAN("pickup")))
			return i;
	return CONF_MAIN;
}

static void configure(struct pickup *p)
{
	uint32_t service = find_service(p->conf);

	lane_renew(&p->lanes[LANE_MAILDROP], service);
	lane_renew(&p->lanes[LANE_RESENT], CONF_MAIN);
	maildrop_configure(p->maildrop, service);
}

static void on_conf(void *ctx, struct conf *conf)
{
	struct pickup *p = ctx;

	conf_ref(conf);
	conf_unref(&p->conf);
	p->conf = conf;
	if (p->loop)
		configure(p);
}

static int before_drop(void *ctx, struct daemon *d)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	struct pickup *p = ctx;

	p->daemon = d;
	buf_put(&path, conf_value(p->conf, CONF_MAIN, SPAN("queue_directory")));
	buf_put(&path, SPAN("/maildrop"));
	p->maildrop_dir =
	    os_error(open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (p->maildrop_dir < 0) {
		log_error("pickup", "open directory %s: %s", buf_cstr(&path),
		    strerror(-p->maildrop_dir));
		return p->maildrop_dir;
	}
	daemon_allow(d, p->maildrop_dir, DAEMON_READ | DAEMON_WRITE);
	return 0;
}

static int after_drop(void *ctx, struct daemon *d)
{
	struct pickup *p = ctx;

	p->loop = daemon_loop(d);
	for (size_t i = 0; i < LANES; i++)
		lane_init(&p->lanes[i], p);
	p->submits = submits_new(p);
	p->maildrop = maildrop_new(p, STEAL_FD(p->maildrop_dir));
	p->door = door_new(p);
	configure(p);
	return 0;
}

static void on_listen(void *ctx, uint32_t service UNUSED, int fd)
{
	struct pickup *p = ctx;

	door_open(p->door, fd);
}

static void on_unlisten(void *ctx)
{
	struct pickup *p = ctx;

	door_close(p->door);
}

static void on_peer(void *ctx, enum role role, uint32_t instance, int fd)
{
	struct pickup *p = ctx;

	if (role == ROLE_SMTPD)
		smtpd_add(p, instance, fd);
	else if (role == ROLE_DELIVER)
		submits_peer(p->submits, fd);
	else
		(void)close(fd);
}

/* ---- the end ---- */

static bool is_idle(const struct pickup *p)
{
	for (size_t i = 0; i < LANES; i++)
		if (!lane_is_idle(&p->lanes[i]))
			return false;
	return true;
}

void pickup_check_end(struct pickup *p)
{
	/* In an event of its own: whoever calls may not be done. */
	if (p->stopping && is_idle(p))
		loop_timer_set(p->loop, &p->stop_timer, loop_now(p->loop));
}

static void on_stop_timer(void *ctx)
{
	struct pickup *p = ctx;

	daemon_end(p->daemon);
}

static void on_stop(void *ctx)
{
	struct pickup *p = ctx;

	p->stopping = true;
	p->stop_timer.fn = on_stop_timer;
	p->stop_timer.ctx = p;
	loop_timer_set(
	    p->loop, &p->stop_timer, loop_now(p->loop) + stop_patience);
	pickup_check_end(p);
}

static void on_end(void *ctx)
{
	struct pickup *p = ctx;

	fd_close(&p->maildrop_dir);
	if (!p->submits)
		return;
	for (size_t i = 0; i < LANES; i++)
		lane_end(&p->lanes[i]);
	door_free(&p->door);
	maildrop_free(&p->maildrop);
	submits_free(&p->submits);
	smtpds_end(p);
	conf_unref(&p->conf);
}

int main(int argc, char **argv)
{
	struct pickup p = { .maildrop_dir = -1 };
	const struct daemon_spec spec = {
		.role = ROLE_PICKUP,
		.ctx = &p,
		.on_conf = on_conf,
		.before_drop = before_drop,
		.after_drop = after_drop,
		.on_listen = on_listen,
		.on_unlisten = on_unlisten,
		.on_peer = on_peer,
		.on_stop = on_stop,
		.on_end = on_end,
	};

	list_init(&p.smtpds);
	return daemon_main(argc, argv, &spec);
}
