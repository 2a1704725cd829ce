/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/room.h - answers rules: is there room in the mailbox of this
 * recipient (ipc/msg_room.h)?
 *
 *	ask expand what the address stands for
 *	it is a mailbox and nothing else -> ask who would write it (fits.h)
 *
 * An answer that does not come is no reason to refuse mail, so none is sought
 * hard: whatever goes wrong, there is room.
 */
#pragma once

#include "daemon/deliver/deliver.h"

struct rooms;

struct rooms *rooms_new(struct deliver *d);
/* After the pool and expand: open questions are forgotten. NULL is fine. */
void rooms_free(struct rooms **r);
/* A rules process; takes the descriptor. */
void rooms_peer(struct rooms *r, uint32_t instance, int fd);
