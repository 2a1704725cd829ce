/* SPDX-License-Identifier: ISC */
/*
 * Everybody's mail waits while this process waits for deliver, so a deliver
 * that is in trouble costs two seconds, once in a while.
 */
#include "daemon/rules/room.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/log.h"

static const usec patience = 2 * USEC_SEC;
static const usec pause_after = 10 * USEC_SEC;

/* 0: it has said something, or closed. */
static int wait_until(struct sync_conn *conn, usec end)
{
	struct pollfd p = { .fd = sync_fd(conn), .events = POLLIN };
	usec now = clock_monotonic();
	int r = sync_has_more(conn) ? 1 : 0;

	for (; r == 0 && now < end; now = clock_monotonic()) {
		r = os_error(poll(&p, 1, (int)((end - now) / USEC_MSEC) + 1));
		if (r == -EINTR)
			r = 0;
	}
	return r < 0 ? r : r == 0 ? -ETIMEDOUT : 0;
}

/* SYNC_OK, SYNC_END, or a negative errno. */
static int wait_for_answer(
    struct sync_conn *conn, uint64_t number, struct room_is *ret)
{
	usec end = clock_monotonic() + patience;
	int r = sync_flush(conn);

	do {
		struct sync_msg msg;

		if (r == 0)
			r = wait_until(conn, end);
		if (r == 0)
			r = sync_recv(conn, &msg);
		if (r != SYNC_OK)
			return r;
		if (msg.type != ROOM_IS || !room_is_get(msg.payload, ret))
			return -EPROTO;
		/* Those to earlier ones come too late. */
	} while (ret->ask != number);
	return SYNC_OK;
}

bool room_is_full(
    struct room_line *line, struct daemon *d, const struct room_ask *what)
{
	struct sync_conn *conn = daemon_partner(d, ROLE_DELIVER);
	struct room_ask ask = *what;
	struct room_is answer;
	int r;

	if (!conn || clock_monotonic() < line->quiet_until)
		return false;
	ask.ask = ++line->last;
	room_ask_put(sync_begin(conn, ROOM_ASK), &ask);
	sync_end(conn);
	r = wait_for_answer(conn, ask.ask, &answer);
	if (r == SYNC_OK)
		return answer.full;
	line->quiet_until = clock_monotonic() + pause_after;
	log_warn("smtpd", "cannot ask whether the mailbox of %.*s is full: %s",
	    PRI(what->address),
	    r == SYNC_END ? "the deliver process is gone" : strerror(-r));
	return false;
}
