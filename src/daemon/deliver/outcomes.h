/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/outcomes.h - deliveries that the queue may not know of.
 *
 * When the queue process dies it has not recorded the last reports, and the
 * next one sends those jobs again. We remember the last deliveries, so that
 * the recipient does not get the message again; ids never repeat.
 */
#pragma once

#include "mail/msgid.h"

enum { OUTCOMES_KEPT = 4096 };

struct outcomes {
	unsigned epoch; /* how many queue processes there were before */
	size_t next;
	struct outcome {
		msgid id;
		uint64_t address; /* hash */
		unsigned epoch;
	} ring[OUTCOMES_KEPT];
};

/* A new queue process: what was delivered so far may come again. */
void outcomes_new_epoch(struct outcomes *o);
void outcomes_add(struct outcomes *o, msgid id, span address);
/* Whether this was delivered for an earlier queue process. */
bool outcomes_has(const struct outcomes *o, msgid id, span address);
