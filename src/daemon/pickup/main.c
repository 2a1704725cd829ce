/* SPDX-License-Identifier: ISC */
/*
 * daemon/pickup/main.c - life of the process. See pickup.h for the parts.
 */
#include <unistd.h>

#include "daemon/pickup/pickup.h"
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

static void on_conf(void *ctx, struct conf *conf)
{
	struct pickup *p = ctx;

	conf_ref(conf);
	conf_unref(&p->conf);
	p->conf = conf;
	if (!p->loop)
		return;
	lane_renew(&p->lanes[LANE_MAILDROP], find_service(conf));
	lane_renew(&p->lanes[LANE_RESENT], CONF_MAIN);
}

static int before_drop(void *ctx, struct daemon *d)
{
	struct pickup *p = ctx;

	p->daemon = d;
	return 0;
}

static int after_drop(void *ctx, struct daemon *d)
{
	struct pickup *p = ctx;

	p->loop = daemon_loop(d);
	for (size_t i = 0; i < LANES; i++)
		lane_init(&p->lanes[i], p);
	p->lanes[LANE_MAILDROP].service = find_service(p->conf);
	p->submits = submits_new(p);
	return 0;
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

	if (!p->submits)
		return;
	for (size_t i = 0; i < LANES; i++)
		lane_end(&p->lanes[i]);
	submits_free(&p->submits);
	smtpds_end(p);
	conf_unref(&p->conf);
}

int main(int argc, char **argv)
{
	struct pickup p = { 0 };
	const struct daemon_spec spec = {
		.role = ROLE_PICKUP,
		.ctx = &p,
		.on_conf = on_conf,
		.before_drop = before_drop,
		.after_drop = after_drop,
		.on_peer = on_peer,
		.on_stop = on_stop,
		.on_end = on_end,
	};

	list_init(&p.smtpds);
	return daemon_main(argc, argv, &spec);
}
