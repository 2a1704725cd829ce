/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/outcomes.h - deliveries that must not be repeated.
 *
 * Two things bring a delivery back that was made already. When the queue
 * process dies it has not recorded the last reports, and the next one sends
 * those jobs again. And when one of the addresses behind a list is deferred,
 * the whole list is tried again. So the last deliveries are remembered, and
 * the recipients do not get the message again; ids of messages never repeat.
 */
#pragma once

#include "base/hmap.h"
#include "mail/msgid.h"

enum { OUTCOMES_KEPT = 32 * 1024 };

/* One delivery: a hash of its message and of all that tells it from the
 * others of that message. */
typedef uint64_t outcome_key;

struct outcome;

struct outcomes {
	unsigned epoch; /* how many queue processes there were before */
	struct hmap known;
	struct outcome *ring; /* the oldest is overwritten */
	size_t next;
};

void outcomes_init(struct outcomes *o);
void outcomes_done(struct outcomes *o);

/* A new queue process: what was delivered so far may come again. */
void outcomes_new_epoch(struct outcomes *o);
/* Delivered. `partly`: but it will be tried again for the sake of others. */
void outcomes_add(struct outcomes *o, outcome_key key, bool partly);
/* Whether it was delivered for an earlier queue process, or partly. */
bool outcomes_has(const struct outcomes *o, outcome_key key);
