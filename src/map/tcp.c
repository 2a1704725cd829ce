/* SPDX-License-Identifier: ISC */
/*
 * map/tcp.c - "tcp:host:port": tcp_table(5).
 *
 *	get KEY		->	200 VALUE | 500 no such key | 400 try later
 *
 * one line each, where %XX stands for what is no printable character.
 *
 * A server that cannot be reached is tried again after a second, up to ten
 * times; one that answers nonsense is not. The whole lookup has the time that
 * Postfix gives to each single wait.
 */
#include "map/types.h"

#include <stdio.h>
#include <time.h>

#include "map/stream.h"
#include "os/clock.h"

enum {
	MAX_TRIES = 10,
	MAX_LINE = 4096,
	MAX_REQUEST = 4 * 65536, /* a key is at most three times as long */
	MAX_TOLD = 100,          /* of a bad reply, in the log */
};

struct tcp {
	struct map map;
	struct stream *server;
	struct buf request;
	/* Not constants so that a test need not wait for a minute. */
	usec timeout;
	usec pause;
};

static struct map *tcp_open(const struct map_setup *s)
{
	struct buf target = BUF_INIT(4096);
	struct stream *server;
	struct tcp *t;

	if (s->flags & MAP_NO_UNAUTH) {
		buf_printf(s->reason,
		    "%.*s:%.*s map is not allowed for security sensitive data",
		    PRI(s->type), PRI(s->name));
		return NULL;
	}
	buf_printf(&target, "inet:%.*s", PRI(s->name));
	server = stream_new(buf_span(&target), s->reason);
	buf_done(&target);
	if (!server)
		return NULL;
	t = NEW(struct tcp);
	t->server = server;
	t->timeout = 100 * USEC_SEC;
	t->pause = USEC_SEC;
	buf_init(&t->request, MAX_REQUEST);
	return &t->map;
}

static void tcp_close(struct map *m)
{
	struct tcp *t = CONTAINER_OF(m, struct tcp, map);

	stream_unref(&t->server);
	buf_done(&t->request);
	mem_free(t);
}

/* --- the text --- */

static void put_quoted(struct buf *out, span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (ascii_is_print(c) && c != ' ' && c != '%')
			buf_putc(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

/* A NUL, quoted or not, is in no value. */
static bool put_unquoted(struct buf *out, span s)
{
	for (size_t i = 0; i < s.len; i++) {
		int c = (unsigned char)s.ptr[i];

		if (c == '%') {
			int high =
			    i + 2 < s.len ? ascii_hex_value(s.ptr[i + 1]) : -1;
			int low =
			    i + 2 < s.len ? ascii_hex_value(s.ptr[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = high * 16 + low;
			i += 2;
		}
		if (c == '\0')
			return false;
		buf_putc(out, (char)c);
	}
	return true;
}

/* "200 text" taken apart; false: it is nothing like that. */
static bool parse_reply(span line, char *ret_class, struct buf *text)
{
	if (!line.ptr || line.len < 4 || !ascii_is_space(line.ptr[3]))
		return false;
	for (size_t i = 0; i < 3; i++)
		if (!ascii_is_digit(line.ptr[i]))
			return false;
	*ret_class = line.ptr[0];
	return put_unquoted(text, span_from(line, 4));
}

/* --- the conversation --- */

static void warn_reply(struct tcp *t, const char *what, span line)
{
	struct buf text = BUF_INIT(MAX_TOLD + 1);

	stream_printable(line, MAX_TOLD, '_', &text);
	map_warn_plain(&t->map, "read TCP map reply from %.*s: %s: %.*s",
	    PRI(stream_endpoint(t->server)), what, PRI(buf_span(&text)));
	buf_done(&text);
}

static void warn_stream(struct tcp *t, bool connected, int result)
{
	span name = stream_endpoint(t->server);
	const char *why = stream_strerror(t->server, result);

	if (!connected)
		map_warn_plain(
		    &t->map, "connect to TCP map %.*s: %s", PRI(name), why);
	else if (result == STREAM_TOO_LONG)
		map_warn_plain(&t->map,
		    "read TCP map reply from %.*s: text longer than %d",
		    PRI(name), MAX_LINE);
	else
		map_warn_plain(&t->map,
		    "read TCP map reply from %.*s: unexpected EOF (%s)",
		    PRI(name), why);
}

/* One try. A server that hung up between two lookups gets another one. */
static int ask(struct tcp *t, usec deadline, span *ret_line)
{
	bool connected;
	int r;

	do {
		usec now = clock_monotonic();

		r = stream_begin(
		    t->server, deadline > now ? deadline - now : 0);
		connected = r == 0;
		if (r == 0)
			r = stream_write(t->server, buf_span(&t->request));
		if (r == 0)
			r = stream_read_line(t->server, MAX_LINE, ret_line);
		if (r != 0)
			stream_close(t->server);
	} while (r == STREAM_HUNG_UP && t->server->reused);
	if (r != 0)
		warn_stream(t, connected, r);
	return r;
}

static bool pause_before_retry(const struct tcp *t, usec deadline)
{
	const struct timespec pause = {
		.tv_sec = (time_t)(t->pause / USEC_SEC),
		.tv_nsec = (long)(t->pause % USEC_SEC) * 1000,
	};

	if (clock_monotonic() + t->pause >= deadline)
		return false;
	(void)nanosleep(&pause, NULL);
	return true;
}

static enum map_answer judge(struct tcp *t, span line, struct buf *value)
{
	char class;

	if (!parse_reply(line, &class, value)) {
		warn_reply(t, "malformed reply", line);
		return MAP_RETRY;
	}
	if (class == '2')
		return MAP_FOUND;
	if (class == '5')
		return MAP_NONE;
	if (class != '4')
		warn_reply(t, "bad status code", line);
	else
		warn_reply(t, "soft error", line);
	return MAP_RETRY;
}

static enum map_answer tcp_find(struct map *m, span key, struct buf *value)
{
	struct tcp *t = CONTAINER_OF(m, struct tcp, map);
	usec deadline = clock_monotonic() + t->timeout;
	enum map_answer answer;
	span line;
	int tries = 0;

	buf_clear(&t->request);
	buf_put(&t->request, SPAN("get "));
	put_quoted(&t->request, key);
	buf_putc(&t->request, '\n');
	if (t->request.failed)
		return MAP_NONE; /* longer than any key */
	while (ask(t, deadline, &line) != 0)
		if (++tries >= MAX_TRIES || !pause_before_retry(t, deadline))
			return MAP_RETRY;
	answer = judge(t, line, value);
	stream_end(t->server, answer == MAP_RETRY);
	return answer;
}

const struct map_type map_type_tcp = {
	.name = "tcp",
	.traits = MAP_REMOTE,
	.open = tcp_open,
	.find = tcp_find,
	.close = tcp_close,
};
