/* SPDX-License-Identifier: ISC */
/*
 * daemon/pickup/door.c - public/pickup, where postdrop says that there is
 * mail.
 *
 * A connection says so by being made. Postfix's programs write something and
 * some wait for us to hang up, so a connection is kept until they have written;
 * what, is not looked at. Anybody on this machine may connect: when there are
 * too many the oldest has to go.
 */
#include <errno.h>
#include <unistd.h>

#include "daemon/pickup/pickup.h"
#include "os/error.h"
#include "os/file.h"
#include "os/log.h"
#include "os/sock.h"

enum {
	VISITORS_MAX = 64,
	AT_ONCE = 16,
};

struct door {
	struct pickup *pickup;
	struct loop_watch *watch; /* NULL: closed */
	int fd;
	struct list visitors;
	uint32_t nvisitors;
};

struct visitor {
	struct list link;
	struct door *door;
	struct loop_watch *watch;
	int fd;
};

static void leave(struct visitor *v)
{
	loop_unwatch(&v->watch);
	(void)close(v->fd);
	list_remove(&v->link);
	v->door->nvisitors--;
	mem_free(v);
}

static void on_words(void *ctx, unsigned events UNUSED)
{
	struct visitor *v = ctx;
	char words[512];
	ssize_t n = os_size(read(v->fd, words, sizeof(words)));

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n > 0)
		maildrop_nudge(v->door->pickup->maildrop);
	leave(v);
}

static void welcome(struct door *d, int fd)
{
	struct visitor *v = NEW(struct visitor);

	if (d->nvisitors == VISITORS_MAX)
		leave(CONTAINER_OF(d->visitors.next, struct visitor, link));
	v->door = d;
	v->fd = fd;
	d->nvisitors++;
	list_append(&d->visitors, &v->link);
	if (loop_watch(d->pickup->loop, fd, LOOP_IN, on_words, v, &v->watch) <
	    0)
		leave(v);
}

static void on_knock(void *ctx, unsigned events UNUSED)
{
	struct door *d = ctx;

	for (int i = 0; i < AT_ONCE; i++) {
		int fd = sock_accept(d->fd, NULL);

		if (fd == -EAGAIN)
			return;
		if (fd < 0) {
			/* Make room. */
			log_warn("pickup", "accept: %s", strerror(-fd));
			if (d->nvisitors)
				leave(CONTAINER_OF(
				    d->visitors.next, struct visitor, link));
			return;
		}
		maildrop_nudge(d->pickup->maildrop);
		welcome(d, fd);
	}
}

struct door *door_new(struct pickup *p)
{
	struct door *d = NEW(struct door);

	d->pickup = p;
	d->fd = -1;
	list_init(&d->visitors);
	return d;
}

void door_close(struct door *d)
{
	loop_unwatch(&d->watch);
	fd_close(&d->fd);
}

void door_open(struct door *d, int fd)
{
	int r;

	door_close(d);
	d->fd = fd;
	r = loop_watch(d->pickup->loop, fd, LOOP_IN, on_knock, d, &d->watch);
	if (r < 0)
		log_error("pickup", "watch public/pickup: %s", strerror(-r));
}

void door_free(struct door **door)
{
	struct door *d = STEAL(*door);

	if (!d)
		return;
	door_close(d);
	while (!list_is_empty(&d->visitors))
		leave(CONTAINER_OF(d->visitors.next, struct visitor, link));
	mem_free(d);
}
