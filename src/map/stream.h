/* SPDX-License-Identifier: ISC */
/*
 * map/stream.h - a blocking connection to a server that answers lookups.
 *
 * For the tables that ask over a socket (tcp, socketmap, memcache, redis).
 * It connects when it is needed, stays connected, and every wait ends at a
 * deadline. What the server sends is hostile: each reader takes a limit.
 *
 *	r = stream_begin(s, timeout);
 *	if (r == 0)
 *		r = stream_write(s, request);
 *	if (r == 0)
 *		r = stream_read_line(s, max, &line);
 *	stream_end(s, r);
 *
 * All return 0, a positive enum stream_result, or a negative errno
 * (-ETIMEDOUT: the deadline has passed).
 */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "base/time.h"

enum stream_result {
	STREAM_HUNG_UP = 1, /* by the server, in the middle */
	STREAM_TOO_LONG,
	STREAM_MALFORMED, /* not a netstring */
};

struct stream {
	struct list link; /* in the list of shared ones */
	unsigned refs;
	char *target; /* "inet:host:port" */
	int fd;       /* -1: not connected */
	bool reused;  /* it was connected when this lookup began */
	usec deadline;
	usec opened, used;
	usec max_idle, max_age; /* 0: for ever */
	struct buf in;
	size_t taken; /* bytes of `in` that a reader has returned */
	struct buf reason;
};

/*
 * A client of "inet:host:port" or "unix:path" ("local:path" is the same);
 * nothing is opened yet. NULL: `reason` says what is wrong with the target.
 */
struct stream *stream_new(span target, struct buf *reason);
/* The one that somebody else has for this target, or a new one. */
struct stream *stream_share(span target, struct buf *reason);
/* Nulls the caller's pointer; the last one closes it. NULL is fine. */
void stream_unref(struct stream **s);
/*
 * Not to be used again after so long. (Nobody watches the clock between two
 * lookups: it is the next one that connects again.)
 */
void stream_lifetime(struct stream *s, usec max_idle, usec max_age);

/* "host:port" or the path, as log lines name it. */
span stream_endpoint(const struct stream *s);

/*
 * Be connected; all calls until stream_end() have so much time together. A
 * connection on which the server has spoken or hung up in the meantime is
 * replaced: what lies there is no answer to us.
 */
MUST_USE int stream_begin(struct stream *s, usec timeout);
/* The answer is complete, or not (`result` != 0): then hang up. So does it
 * when there is more than the answer. */
void stream_end(struct stream *s, int result);
void stream_close(struct stream *s);

MUST_USE int stream_write(struct stream *s, span bytes);
/*
 * The next line, without its newline; `max` counts the newline too. What
 * readers return lives until the next reader or stream_end().
 */
MUST_USE int stream_read_line(struct stream *s, size_t max, span *ret);
MUST_USE int stream_read_bytes(struct stream *s, size_t n, span *ret);
/* The content of "5:hello,". */
MUST_USE int stream_read_netstring(struct stream *s, size_t max, span *ret);

/* What happened, in words: "Connection refused", "unexpected disconnect";
 * after stream_begin() also why the host was not found. */
const char *stream_strerror(struct stream *s, int result);
/* At most `max` bytes for a log line; what is not printable ASCII becomes
 * `instead`. */
void stream_printable(span text, size_t max, char instead, struct buf *out);
/* The descriptor is connected already: for tests. */
void stream_attach(struct stream *s, int fd);
