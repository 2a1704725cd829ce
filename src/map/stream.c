/* SPDX-License-Identifier: ISC */
/*
 * map/stream.c - one socket, one buffer, one deadline.
 *
 * Sockets are non-blocking and each wait is a poll() for what remains until
 * the deadline, so a server that sends a byte per minute gains nothing. Only
 * the search for a host's address has its own clock, that of resolv.conf.
 */
#include "map/stream.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"
#include "os/sock.h"

enum {
	READ_SIZE = 4096,
	MAX_TARGET = 1024,
	MAX_REASON = 1024,
	/* Digits of a netstring's length: more cannot be a length. */
	MAX_DIGITS = 10,
	/* A unix socket whose queue is full cannot be waited for. */
	FULL_QUEUE_PAUSE = 10, /* milliseconds */
};

static struct list shared = LIST_INIT(shared);

/* --- targets --- */

struct endpoint {
	bool local;
	span host; /* or the path */
	span port;
};

static bool skip_transport(span *target, bool *ret_local)
{
	*ret_local = span_skip(target, SPAN("unix:")) ||
	    span_skip(target, SPAN("local:"));
	return *ret_local || span_skip(target, SPAN("inet:"));
}

/* "[host]:port", "host:port", ":port", "port". */
static const char *split_host(span s, struct endpoint *ret)
{
	ssize_t colon = span_rfind(s, ':');
	ssize_t bracket;

	ret->host = SPAN("localhost");
	ret->port = span_from(s, (size_t)(colon + 1));
	if (colon > 0)
		ret->host = span_first(s, (size_t)colon);
	if (!span_has_prefix(s, SPAN("[")))
		return ret->port.len ? NULL : "missing service information";
	bracket = span_find(s, ']');
	if (bracket < 0)
		return "missing \"]\"";
	ret->host = span_of(s.ptr + 1, (size_t)bracket - 1);
	(void)span_skip_nocase(&ret->host, SPAN("IPv6:"));
	ret->port = span_from(s, (size_t)bracket + 1);
	if (ret->port.len && !span_skip(&ret->port, SPAN(":")))
		return "garbage after \"]\"";
	if (!ret->host.len)
		return "missing host information";
	return ret->port.len ? NULL : "missing service information";
}

/* NULL, or what is wrong. */
static const char *parse_target(span target, struct endpoint *ret)
{
	struct sock_addr unused;

	*ret = (struct endpoint){ 0 };
	if (target.len > MAX_TARGET || span_find(target, '\0') >= 0)
		return "too long";
	if (!skip_transport(&target, &ret->local))
		return "need inet:host:port or unix:pathname";
	if (!ret->local)
		return split_host(target, ret);
	ret->host = target;
	return sock_path(target, &unused) ? NULL : "bad pathname";
}

/* --- the object --- */

struct stream *stream_new(span target, struct buf *reason)
{
	struct endpoint unused;
	const char *wrong = parse_target(target, &unused);
	struct stream *s;

	if (wrong) {
		buf_printf(reason, "%.*s: %s", PRI(target), wrong);
		return NULL;
	}
	s = NEW(struct stream);
	list_init(&s->link);
	s->refs = 1;
	s->fd = -1;
	s->target = mem_new(target.len + 1, 1);
	memcpy(s->target, target.ptr, target.len);
	buf_init(&s->in, SIZE_MAX); /* each reader has its limit */
	buf_init(&s->reason, MAX_REASON);
	return s;
}

struct stream *stream_share(span target, struct buf *reason)
{
	struct stream *s;

	LIST_FOR(it, &shared)
	{
		s = CONTAINER_OF(it, struct stream, link);
		if (span_eq(span_str(s->target), target)) {
			s->refs++;
			return s;
		}
	}
	s = stream_new(target, reason);
	if (s)
		list_append(&shared, &s->link);
	return s;
}

void stream_close(struct stream *s)
{
	fd_close(&s->fd);
	buf_release(&s->in);
	s->taken = 0;
}

void stream_unref(struct stream **ps)
{
	struct stream *s = STEAL(*ps);

	if (!s || --s->refs)
		return;
	list_remove(&s->link);
	stream_close(s);
	buf_done(&s->reason);
	mem_free(s->target);
	mem_free(s);
}

void stream_lifetime(struct stream *s, usec max_idle, usec max_age)
{
	s->max_idle = max_idle;
	s->max_age = max_age;
}

span stream_endpoint(const struct stream *s)
{
	span target = span_str(s->target);
	bool unused;

	(void)skip_transport(&target, &unused);
	return target;
}

/* --- waiting --- */

/* Milliseconds for poll(), rounded up; 0 when the time is over. */
static int time_left(usec deadline)
{
	usec now = clock_monotonic();
	usec left = deadline > now ? deadline - now : 0;

	return (int)MIN((left + USEC_MSEC - 1) / USEC_MSEC, (usec)INT32_MAX);
}

static int wait_for(int fd, short events, usec deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int left;
	int r;

	do {
		left = time_left(deadline);
		r = os_error(poll(&p, 1, left));
	} while (r == -EINTR || (r == 0 && left > 0));
	if (r < 0)
		return r;
	return r ? 0 : -ETIMEDOUT;
}

/* --- connecting --- */

/* -EAGAIN is what a unix socket says whose queue is full. */
static int begin_connect(const struct sock_addr *to, usec deadline)
{
	int fd = sock_connect(to, NULL);

	while (fd == -EAGAIN && time_left(deadline) > 0) {
		(void)poll(NULL, 0, FULL_QUEUE_PAUSE);
		fd = sock_connect(to, NULL);
	}
	return fd == -EAGAIN ? -ETIMEDOUT : fd;
}

static int connect_one(
    struct stream *s, const struct sock_addr *to, usec deadline)
{
	CLEANUP(fd_close) int fd = begin_connect(to, deadline);
	int r;

	if (fd < 0)
		return fd;
	r = wait_for(fd, POLLOUT, deadline);
	if (r == 0)
		r = sock_connected(fd);
	if (r < 0)
		return r;
	if (to->any.sa_family != AF_UNIX)
		sock_nodelay(fd);
	s->fd = STEAL_FD(fd);
	return 0;
}

static int connect_local(struct stream *s, span path)
{
	struct sock_addr to;

	if (!sock_path(path, &to))
		return -ENAMETOOLONG;
	return connect_one(s, &to, s->deadline);
}

/* One after the other; each gets its part of the time. */
static int connect_any(struct stream *s, const struct addrinfo *list)
{
	unsigned count = 0;
	int r = -EADDRNOTAVAIL;

	for (const struct addrinfo *a = list; a; a = a->ai_next)
		count++;
	for (const struct addrinfo *a = list; a; a = a->ai_next, count--) {
		usec now = clock_monotonic();
		usec left = s->deadline > now ? s->deadline - now : 0;
		struct sock_addr to = { .len = a->ai_addrlen };

		if (a->ai_addrlen > sizeof(to.v6))
			continue;
		memcpy(&to.any, a->ai_addr, a->ai_addrlen);
		r = connect_one(s, &to, now + left / count);
		if (r == 0)
			return 0;
	}
	return r;
}

static int connect_inet(struct stream *s, const struct endpoint *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct buf host = BUF_INIT(MAX_TARGET + 1);
	struct buf port = BUF_INIT(MAX_TARGET + 1);
	struct addrinfo *list = NULL;
	int error;
	int r;

	buf_put(&host, e->host);
	buf_put(&port, e->port);
	error = getaddrinfo(buf_cstr(&host), buf_cstr(&port), &hints, &list);
	if (error) {
		buf_printf(&s->reason, "host or service %.*s not found: %s",
		    PRI(stream_endpoint(s)), gai_strerror(error));
		r = -EADDRNOTAVAIL;
	} else {
		r = connect_any(s, list);
		freeaddrinfo(list);
	}
	buf_done(&host);
	buf_done(&port);
	return r;
}

/* The server hung up, or says something that nobody asked for. */
static bool is_stale(struct stream *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	usec now = clock_monotonic();

	if (s->max_idle && now - s->used > s->max_idle)
		return true;
	if (s->max_age && now - s->opened > s->max_age)
		return true;
	return poll(&p, 1, 0) != 0;
}

int stream_begin(struct stream *s, usec timeout)
{
	struct endpoint e;
	int r;

	buf_clear(&s->reason);
	s->deadline = clock_monotonic() + timeout;
	if (s->fd >= 0 && is_stale(s))
		stream_close(s);
	s->reused = s->fd >= 0;
	if (s->reused)
		return 0;
	if (parse_target(span_str(s->target), &e))
		return -EINVAL;
	r = e.local ? connect_local(s, e.host) : connect_inet(s, &e);
	if (r < 0 && !s->reason.len)
		buf_put(&s->reason, span_str(strerror(-r)));
	s->opened = s->used = clock_monotonic();
	return r;
}

void stream_end(struct stream *s, int result)
{
	s->used = clock_monotonic();
	if (result != 0 || s->taken < s->in.len)
		stream_close(s);
	buf_release(&s->in);
	s->taken = 0;
}

void stream_attach(struct stream *s, int fd)
{
	stream_close(s);
	s->fd = fd;
	s->opened = s->used = clock_monotonic();
}

/* --- writing and reading --- */

int stream_write(struct stream *s, span bytes)
{
	while (bytes.len) {
		ssize_t n =
		    os_size(send(s->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL));
		int r = 0;

		if (n > 0)
			bytes = span_from(bytes, (size_t)n);
		else if (n == -EAGAIN)
			r = wait_for(s->fd, POLLOUT, s->deadline);
		else if (n == -EPIPE || n == -ECONNRESET)
			return STREAM_HUNG_UP;
		else if (n != -EINTR)
			return (int)n;
		if (r < 0)
			return r;
	}
	return 0;
}

static span unread(const struct stream *s)
{
	return span_from(buf_span(&s->in), s->taken);
}

/* What the last reader returned is no longer needed. */
static void forget_taken(struct stream *s)
{
	buf_drop(&s->in, s->taken);
	s->taken = 0;
}

static int read_more(struct stream *s)
{
	ssize_t n;
	int r;

	do {
		char *room = buf_room(&s->in, READ_SIZE);

		r = wait_for(s->fd, POLLIN, s->deadline);
		if (r < 0)
			return r;
		n = os_size(recv(s->fd, room, READ_SIZE, 0));
	} while (n == -EINTR || n == -EAGAIN);
	if (n == 0 || n == -ECONNRESET)
		return STREAM_HUNG_UP;
	if (n < 0)
		return (int)n;
	s->in.len += (size_t)n;
	return 0;
}

int stream_read_line(struct stream *s, size_t max, span *ret)
{
	size_t looked = 0;

	forget_taken(s);
	for (;;) {
		span in = span_first(unread(s), max);
		ssize_t end = span_find(span_from(in, looked), '\n');
		int r;

		if (end >= 0) {
			*ret = span_first(in, looked + (size_t)end);
			s->taken += ret->len + 1;
			return 0;
		}
		if (in.len == max)
			return STREAM_TOO_LONG;
		looked = in.len;
		r = read_more(s);
		if (r != 0)
			return r;
	}
}

int stream_read_bytes(struct stream *s, size_t n, span *ret)
{
	forget_taken(s);
	while (s->in.len < n) {
		int r = read_more(s);

		if (r != 0)
			return r;
	}
	*ret = span_first(unread(s), n);
	s->taken += n;
	return 0;
}

/* Reads "123:". */
static int read_length(struct stream *s, size_t max, size_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= MAX_DIGITS; i++) {
		span c;
		int r = stream_read_bytes(s, 1, &c);

		if (r != 0)
			return r;
		if (*c.ptr == ':') {
			*ret = (size_t)n;
			return n > max ? STREAM_TOO_LONG : 0;
		}
		if (!ascii_is_digit(*c.ptr))
			return STREAM_MALFORMED;
		n = n * 10 + (uint64_t)(*c.ptr - '0');
	}
	return STREAM_TOO_LONG;
}

int stream_read_netstring(struct stream *s, size_t max, span *ret)
{
	size_t n;
	span with_comma;
	int r = read_length(s, max, &n);

	if (r == 0)
		r = stream_read_bytes(s, n + 1, &with_comma);
	if (r != 0)
		return r;
	if (with_comma.ptr[n] != ',')
		return STREAM_MALFORMED;
	*ret = span_first(with_comma, n);
	return 0;
}

const char *stream_strerror(struct stream *s, int result)
{
	static const char *const texts[] = {
		[STREAM_HUNG_UP] = "unexpected disconnect",
		[STREAM_TOO_LONG] = "input exceeds size limit",
		[STREAM_MALFORMED] = "input format error",
	};

	if (s->reason.len)
		return buf_cstr(&s->reason);
	if (result == -ETIMEDOUT)
		return "time limit exceeded";
	return result > 0 ? texts[result] : strerror(-result);
}

void stream_printable(span text, size_t max, char instead, struct buf *out)
{
	text = span_first(text, max);
	for (size_t i = 0; i < text.len; i++)
		buf_putc(
		    out, ascii_is_print(text.ptr[i]) ? text.ptr[i] : instead);
}
