/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/inside.c - sessions of our own processes.
 *
 * The pickup process makes them, as pairs of sockets, and hands one end of
 * each to us. It is not asked who it is; it may say what strangers may not
 * (proto/smtp_server_inside.c). It is no stranger, but it reads what users
 * wrote: what it says is parsed with the same care.
 */
#include "daemon/smtpd/service.h"

#include <errno.h>

#include "ipc/msg_submit.h"
#include "os/log.h"

static bool on_session(struct smtpd *p, struct chan_msg *msg)
{
	struct wire w = wire_from(msg->payload);
	uint32_t index = wire_u32(&w);
	struct service *service;

	if (!wire_is_done(&w) || msg->nfds != 1)
		return false;
	/* It may have heard of another configuration than we: its end says
	 * that it was in vain, and it tries again. */
	if (p->stopping ||
	    (index != CONF_MAIN && index >= conf_services(p->conf)) ||
	    p->nsessions + 1 >= p->max_sessions)
		return true;
	service = service_get(p, index);
	session_new_inside(p, service, STEAL_FD(msg->fds[0]));
	service_unref(&service);
	return true;
}

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct smtpd *p = ctx;

	if (msg->type == SUBMIT_SESSION && on_session(p, msg))
		return;
	log_warn("smtpd", "malformed message from the pickup process");
	chan_fail(p->pickup, -EPROTO);
}

/* Its sessions end by themselves. */
static void on_gone(void *ctx, int error UNUSED)
{
	struct smtpd *p = ctx;

	chan_free(&p->pickup);
}

void inside_peer(struct smtpd *p, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
	};
	int r;

	chan_free(&p->pickup);
	r = chan_new(p->loop, fd, &calls, p, &p->pickup);
	if (r < 0)
		log_error("smtpd", "pickup process: %s", strerror(-r));
}

void inside_end(struct smtpd *p)
{
	chan_free(&p->pickup);
}
