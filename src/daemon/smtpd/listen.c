/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/listen.c - connections come in.
 *
 * All smtpd processes watch the same sockets, and one of them is woken for a
 * connection (EPOLLEXCLUSIVE). It takes a few at a time, so that a burst is
 * shared and those who are connected already are not kept waiting.
 */
#include "daemon/smtpd/service.h"

#include "os/file.h"
#include "os/log.h"
#include "os/sock.h"

#include <errno.h>
#include <unistd.h>

enum { AT_ONCE = 16 };

struct listener {
	struct list link;
	struct smtpd *p;
	struct service *service;
	struct loop_watch *watch;
	int fd;
};

/* No descriptors: try again when a session has ended. */
static bool is_out_of_descriptors(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM;
}

static void on_connection(void *ctx, unsigned events)
{
	struct listener *l = ctx;
	struct smtpd *p = l->p;

	(void)events;
	for (int i = 0; i < AT_ONCE && l->watch; i++) {
		char text[SOCK_TEXT_MAX];
		struct sock_addr peer;
		int fd = sock_accept(l->fd, &peer);

		if (fd == -EAGAIN)
			return;
		if (is_out_of_descriptors(fd) ||
		    p->nsessions + 1 >= p->max_sessions) {
			listen_pause(p, true);
			if (fd < 0)
				return;
		} else if (fd < 0) {
			log_warn(
			    "smtpd", "accept connection: %s", strerror(-fd));
			return;
		}
		session_new(p, l->service, fd, sock_text(&peer, text),
		    sock_port(&peer));
	}
}

void listen_add(struct smtpd *p, uint32_t service, int fd)
{
	struct listener *l = NEW(struct listener);
	int r;

	l->p = p;
	l->fd = fd;
	l->service = service_get(p, service);
	r = loop_watch(
	    p->loop, fd, LOOP_IN | LOOP_EXCLUSIVE, on_connection, l, &l->watch);
	if (r < 0)
		log_error("smtpd", "watch the socket of service %.*s: %s",
		    PRI(l->service->name), strerror(-r));
	list_append(&p->listeners, &l->link);
}

void listen_close_all(struct smtpd *p)
{
	LIST_FOR(it, &p->listeners)
	{
		struct listener *l = CONTAINER_OF(it, struct listener, link);

		list_remove(&l->link);
		loop_unwatch(&l->watch);
		fd_close(&l->fd);
		service_unref(&l->service);
		mem_free(l);
	}
}

static void on_retry(void *ctx)
{
	listen_pause(ctx, false);
}

/* A watch that is exclusive cannot be changed: it is made anew. */
void listen_pause(struct smtpd *p, bool pause)
{
	if (pause) {
		/* The end of a session resumes it, too. */
		p->accept_timer.fn = on_retry;
		p->accept_timer.ctx = p;
		loop_timer_set(
		    p->loop, &p->accept_timer, loop_now(p->loop) + USEC_SEC);
	}
	LIST_FOR(it, &p->listeners)
	{
		struct listener *l = CONTAINER_OF(it, struct listener, link);

		if (pause) {
			loop_unwatch(&l->watch);
		} else if (!l->watch &&
		    loop_watch(p->loop, l->fd, LOOP_IN | LOOP_EXCLUSIVE,
		        on_connection, l, &l->watch) < 0) {
			log_error("smtpd",
			    "service %.*s takes no more "
			    "connections",
			    PRI(l->service->name));
		}
	}
}
