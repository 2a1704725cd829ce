/* SPDX-License-Identifier: ISC */
/*
 * map/mongodb_guard.c - whole, sound messages for libmongoc.
 *
 * A guard is a stream of the driver around another one, the socket or TLS. It
 * collects a message, looks through it, and only then hands it out, in the
 * pieces that are asked for. Nothing is compressed, as nobody asks for it.
 *
 * The driver also polls its streams. One that has something to hand out is
 * readable whatever its socket says.
 */
#include <mongoc/mongoc.h>

#include "map/mongodb_guard.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/clock.h"

enum {
	STREAM_TYPE = 100, /* the driver's own are below 10 */
	MAX_POLLED = 64,
	MAX_DEPTH = 100, /* what a server stores, and it is enough for us */
	/* A document may have 16 MiB, and a batch is not larger. */
	MAX_MESSAGE = 17 * 1024 * 1024,
	PIECE = 64 * 1024,
	HEAD = 16,
	OP_REPLY = 1,
	OP_MSG = 2013,
	REPLY_HEAD = 36,
	MSG_HEAD = 21,
	MAX_WAIT_MSEC = 60000,
};

struct guarded {
	mongoc_stream_t stream;
	mongoc_stream_t *outer; /* owns the inner one */
	mongoc_stream_t *inner;
	struct mongodb_guard *guard;
	struct buf in;
	size_t handed; /* of the message in `in`, when that is whole */
	bool whole;
	bool refused;
};

/* The driver's way to connect, which it exports for those who wrap it. */
extern mongoc_stream_t *mongoc_client_default_stream_initiator(
    const mongoc_uri_t *uri, const mongoc_host_list_t *host, void *user_data,
    bson_error_t *error);

static struct guarded *guarded_of(mongoc_stream_t *s)
{
	return CONTAINER_OF(s, struct guarded, stream);
}

/* --- messages --- */

static uint32_t number_at(span message, size_t at)
{
	uint32_t n;

	memcpy(&n, message.ptr + at, sizeof(n));
	return BSON_UINT32_FROM_LE(n);
}

static bool is_document(span s, unsigned depth);

/* The element is not a document, or it is a sound one. */
static bool is_inside_sound(const bson_iter_t *it, unsigned depth)
{
	const uint8_t *data = NULL;
	uint32_t len = 0;

	if (BSON_ITER_HOLDS_DOCUMENT(it))
		bson_iter_document(it, &len, &data);
	else if (BSON_ITER_HOLDS_ARRAY(it))
		bson_iter_array(it, &len, &data);
	else
		return true;
	return data && depth < MAX_DEPTH &&
	    is_document(span_of((const char *)data, len), depth + 1);
}

static bool is_document(span s, unsigned depth)
{
	bson_t document;
	bson_iter_t it;

	if (!bson_init_static(&document, (const uint8_t *)s.ptr, s.len) ||
	    !bson_iter_init(&it, &document))
		return false;
	while (bson_iter_next(&it))
		if (!is_inside_sound(&it, depth))
			return false;
	return it.err_off == 0;
}

const char *mongodb_guard_check(span message)
{
	size_t head;

	if (message.len < HEAD || number_at(message, 0) != message.len)
		return "malformed message";
	switch (number_at(message, 12)) {
	case OP_REPLY:
		head = REPLY_HEAD;
		break;
	case OP_MSG:
		head = MSG_HEAD;
		break;
	default:
		return "unknown kind of message";
	}
	if (message.len < head)
		return "malformed message";
	/* One document, no checksum, nothing more to come. */
	if (head == REPLY_HEAD ? number_at(message, 32) != 1
	                       : number_at(message, 16) || message.ptr[20])
		return "malformed message";
	return is_document(span_from(message, head), 0) ? NULL
	                                                : "malformed document";
}

static ssize_t refuse(struct guarded *g, const char *why)
{
	g->refused = true;
	g->guard->wrong = why;
	errno = EPROTO;
	return -1;
}

/* What the message still lacks, as far as is known; -1: it is refused. */
static ssize_t missing(struct guarded *g)
{
	uint32_t size;

	if (g->in.len < sizeof(size))
		return (ssize_t)(sizeof(size) - g->in.len);
	size = number_at(buf_span(&g->in), 0);
	if (size < HEAD)
		return refuse(g, "malformed message");
	if (size > MAX_MESSAGE)
		return refuse(g, "message is too long");
	return (ssize_t)size - (ssize_t)g->in.len;
}

static int32_t left_until(usec deadline)
{
	usec now = clock_monotonic();

	return now < deadline ? (int32_t)((deadline - now) / USEC_MSEC) : 0;
}

/* 1: a whole message is there. 0: the end. -1: not now, or not at all. */
static ssize_t collect(struct guarded *g, int32_t timeout)
{
	usec deadline = clock_monotonic() + (usec)timeout * USEC_MSEC;
	const char *wrong;
	ssize_t lacks;

	while ((lacks = missing(g)) > 0) {
		size_t want = MIN((size_t)lacks, (size_t)PIECE);
		char *to = buf_room(&g->in, want);
		ssize_t n;

		if (!to)
			return refuse(g, "message is too long");
		n = mongoc_stream_read(
		    g->inner, to, want, 1, left_until(deadline));
		if (n <= 0)
			return n;
		g->in.len += (size_t)n;
	}
	if (lacks < 0)
		return -1;
	wrong = mongodb_guard_check(buf_span(&g->in));
	if (wrong)
		return refuse(g, wrong);
	g->whole = true;
	g->handed = 0;
	return 1;
}

/* --- the driver's stream --- */

static ssize_t hand_out(struct guarded *g, mongoc_iovec_t *iov, size_t count)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++) {
		size_t n = MIN(iov[i].iov_len, g->in.len - g->handed);

		if (n)
			memcpy(iov[i].iov_base, g->in.data + g->handed, n);
		g->handed += n;
		total += n;
	}
	if (g->handed == g->in.len) {
		g->whole = false;
		buf_done(&g->in);
		buf_init(&g->in, MAX_MESSAGE + 1);
	}
	return (ssize_t)total;
}

static ssize_t guard_readv(mongoc_stream_t *s, mongoc_iovec_t *iov,
    size_t count, size_t min, int32_t timeout)
{
	struct guarded *g = guarded_of(s);

	if (g->refused)
		return refuse(g, g->guard->wrong);
	if (timeout < 0 || timeout > MAX_WAIT_MSEC)
		timeout = MAX_WAIT_MSEC;
	if (!g->whole) {
		ssize_t r = collect(g, timeout);

		if (r <= 0)
			return r;
	}
	if (g->in.len - g->handed < min)
		return refuse(g, "malformed message");
	return hand_out(g, iov, count);
}

static ssize_t guard_writev(
    mongoc_stream_t *s, mongoc_iovec_t *iov, size_t count, int32_t timeout)
{
	return mongoc_stream_writev(guarded_of(s)->inner, iov, count, timeout);
}

static void guard_destroy(mongoc_stream_t *s)
{
	struct guarded *g = guarded_of(s);

	mongoc_stream_destroy(g->outer);
	buf_done(&g->in);
	mem_free(g);
}

static void guard_failed(mongoc_stream_t *s)
{
	struct guarded *g = guarded_of(s);

	mongoc_stream_failed(g->outer);
	buf_done(&g->in);
	mem_free(g);
}

static int guard_close(mongoc_stream_t *s)
{
	return mongoc_stream_close(guarded_of(s)->inner);
}

static int guard_flush(mongoc_stream_t *s)
{
	return mongoc_stream_flush(guarded_of(s)->inner);
}

static int guard_setsockopt(
    mongoc_stream_t *s, int level, int name, void *value, mongoc_socklen_t len)
{
	return mongoc_stream_setsockopt(
	    guarded_of(s)->inner, level, name, value, len);
}

static mongoc_stream_t *guard_base(mongoc_stream_t *s)
{
	return guarded_of(s)->inner;
}

static bool guard_check_closed(mongoc_stream_t *s)
{
	struct guarded *g = guarded_of(s);

	return g->refused || mongoc_stream_check_closed(g->inner);
}

static bool guard_timed_out(mongoc_stream_t *s)
{
	struct guarded *g = guarded_of(s);

	return !g->refused && mongoc_stream_timed_out(g->inner);
}

static bool guard_should_retry(mongoc_stream_t *s)
{
	struct guarded *g = guarded_of(s);

	return !g->refused && mongoc_stream_should_retry(g->inner);
}

/* All are guards: the driver has no other streams of the same kind. */
static ssize_t guard_poll(
    mongoc_stream_poll_t *streams, size_t count, int32_t timeout)
{
	mongoc_stream_poll_t inner[MAX_POLLED];
	ssize_t ready = 0;

	count = MIN(count, (size_t)MAX_POLLED);
	for (size_t i = 0; i < count; i++) {
		struct guarded *g = guarded_of(streams[i].stream);

		inner[i] = streams[i];
		inner[i].stream = g->inner;
		if (g->whole || g->refused)
			timeout = 0;
	}
	if (mongoc_stream_poll(inner, count, timeout) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct guarded *g = guarded_of(streams[i].stream);

		streams[i].revents = inner[i].revents;
		if (g->whole || g->refused)
			streams[i].revents |= streams[i].events & POLLIN;
		ready += streams[i].revents != 0;
	}
	return ready;
}

static const mongoc_stream_t operations = {
	.type = STREAM_TYPE,
	.destroy = guard_destroy,
	.close = guard_close,
	.flush = guard_flush,
	.writev = guard_writev,
	.readv = guard_readv,
	.setsockopt = guard_setsockopt,
	.get_base_stream = guard_base,
	.check_closed = guard_check_closed,
	.poll = guard_poll,
	.failed = guard_failed,
	.timed_out = guard_timed_out,
	.should_retry = guard_should_retry,
};

/* The driver's own way puts a buffer on top, which loses what came of a
 * message when the rest is late: it is left out. */
static mongoc_stream_t *connect_guarded(const mongoc_uri_t *uri,
    const mongoc_host_list_t *host, void *ctx, bson_error_t *error)
{
	struct mongodb_guard *guard = ctx;
	mongoc_stream_t *outer = mongoc_client_default_stream_initiator(
	    uri, host, guard->client, error);
	mongoc_stream_t *inner;
	struct guarded *g;

	if (!outer)
		return NULL;
	inner = mongoc_stream_get_base_stream(outer);
	g = NEW(struct guarded);
	g->stream = operations;
	g->outer = outer;
	g->inner = inner ? inner : outer;
	g->guard = guard;
	buf_init(&g->in, MAX_MESSAGE + 1);
	return &g->stream;
}

/*
 * The driver counts what it does in shared memory, for a tool of its own, and
 * removes the file when the process ends: too late for one that was locked in
 * meanwhile. It goes at once.
 */
void mongodb_guard_init(void)
{
	char name[64];

	mongoc_init();
	(void)snprintf(name, sizeof(name), "/mongoc-%d", (int)getpid());
	(void)shm_unlink(name); /* there is none where the driver has none */
}

void mongodb_guard_attach(struct mongodb_guard *g, mongoc_client_t *client)
{
	*g = (struct mongodb_guard){ .client = client };
	mongoc_client_set_stream_initiator(client, connect_guarded, g);
}
