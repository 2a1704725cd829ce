/* SPDX-License-Identifier: ISC */
/*
 * ipc/msg_room.h - is there room in a mailbox?
 *
 *	rules -> deliver   ROOM_ASK     deliver -> rules   ROOM_IS
 *
 * Asked before a recipient is accepted (smtpd_recipient_quota). Whose mailbox
 * that is, and where, is deliver's business: rules says an address and gets to
 * know no more than what the client will be told.
 */
#pragma once

#include "base/wire.h"

enum {
	ROOM_ASK = 0x900, /* struct room_ask */
	ROOM_IS,          /* struct room_is */
};

struct room_ask {
	uint64_t ask; /* the answer repeats it */
	span transport;
	span address;  /* internal form, as it would be delivered */
	uint64_t size; /* of the message, as announced; 0: not known */
};

struct room_is {
	uint64_t ask;
	bool full; /* for sure; whatever cannot be said now has room */
};

void room_ask_put(struct buf *out, const struct room_ask *m);
MUST_USE bool room_ask_get(span payload, struct room_ask *ret);
void room_is_put(struct buf *out, const struct room_is *m);
MUST_USE bool room_is_get(span payload, struct room_is *ret);
