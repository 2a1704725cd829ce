/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/room.h - asks deliver whether a mailbox has room.
 */
#pragma once

#include "daemon/daemon.h"
#include "ipc/msg_room.h"

struct room_line {
	uint64_t last;    /* number of a question */
	usec quiet_until; /* monotonic: it did not answer */
};

/*
 * True: it is full, says deliver. Waits for the answer, but not for long, and
 * not again soon after one that did not come. `what` needs no number.
 */
MUST_USE bool room_is_full(
    struct room_line *line, struct daemon *d, const struct room_ask *what);
