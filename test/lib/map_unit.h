/* SPDX-License-Identifier: ISC */
/*
 * test/lib/map_unit.h - a host for tables under test, and a server that has
 * said everything beforehand.
 */
#pragma once

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "map/map.h"
#include "map/stream.h"

/* The warnings so far, a line each. */
struct map_unit {
	struct buf warnings;
	struct map_host host;
	/* "name=value" of main.cf, NULL at the end. */
	const char *const *params;
};

static void map_unit_warn(void *ctx, span text)
{
	struct map_unit *u = ctx;

	buf_put(&u->warnings, text);
	buf_putc(&u->warnings, '\n');
}

static span map_unit_param(void *ctx, span name)
{
	struct map_unit *u = ctx;

	for (size_t i = 0; u->params && u->params[i]; i++) {
		span value = span_str(u->params[i]);

		if (span_eq(span_cut(&value, '='), name))
			return value;
	}
	return SPAN_NONE;
}

static inline void map_unit_init(struct map_unit *u)
{
	*u = (struct map_unit){ .warnings = BUF_INIT(65536) };
	u->host = (struct map_host){
		.ctx = u, .warn = map_unit_warn, .param = map_unit_param
	};
}

static inline void map_unit_done(struct map_unit *u)
{
	buf_done(&u->warnings);
}

/* The stream is connected to a peer that has written this; its end. */
static inline int map_unit_attach(struct stream *s, span said)
{
	int ends[2];
	int size = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
		return -1;
	(void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (write(ends[1], said.ptr, said.len) < 0)
		assert(said.len == 0);
	stream_attach(s, ends[0]);
	return ends[1];
}

/* A peer that answers the first thing it hears, and hangs up. */
struct map_peer {
	pthread_t thread;
	int fd;
	span says;
	char heard[4096];
	size_t heard_len;
};

static void *map_peer_main(void *ctx)
{
	struct map_peer *p = ctx;
	ssize_t n;

	n = recv(p->fd, p->heard, sizeof(p->heard), 0);
	p->heard_len = n > 0 ? (size_t)n : 0;
	n = send(p->fd, p->says.ptr, p->says.len, MSG_NOSIGNAL);
	assert(n == (ssize_t)p->says.len);
	close(p->fd);
	return NULL;
}

static inline void map_peer_start(
    struct map_peer *p, struct stream *s, span says)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		bug("no socketpair");
	*p = (struct map_peer){ .fd = ends[1], .says = says };
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	stream_attach(s, ends[0]);
	if (pthread_create(&p->thread, NULL, map_peer_main, p))
		bug("no thread");
}

/* Waits for its end; what it heard. */
static inline span map_peer_join(struct map_peer *p)
{
	(void)pthread_join(p->thread, NULL);
	return span_of(p->heard, p->heard_len);
}
