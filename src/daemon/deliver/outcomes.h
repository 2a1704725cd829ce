/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/outcomes.h - deliveries that must not be repeated.
 *
 * Two things bring a delivery back that was made already. When the queue
 * process dies it has not recorded the last reports, and the next one sends
 * those jobs again. And when one of the addresses behind a list is deferred,
 * the whole list is tried again. So the last deliveries are remembered, and
 * the recipients do not get the message again; ids of messages never repeat.
 *
 * A queue process dies while deliveries are under way. If its successor sends
 * them before they have ended, the new ones wait for the old ones: they are
 * made only if those failed.
 */
#pragma once

#include "base/hmap.h"
#include "base/list.h"
#include "mail/msgid.h"

enum { OUTCOMES_KEPT = 32 * 1024 };

/* One delivery: a hash of its message and of all that tells it from the
 * others of that message. */
typedef uint64_t outcome_key;

struct outcome;

/* A delivery under way. All of it belongs to outcomes.c but `epoch`. */
struct outcome_run {
	struct hnode node;
	outcome_key key;
	unsigned epoch; /* of the queue process that asked for it */
	bool begun;
	struct list waiting; /* the same, for later ones: `link` */
	struct list link;
};

struct outcomes {
	unsigned epoch;      /* how many queue processes there were before */
	struct hmap running; /* struct outcome_run */
	struct hmap known;
	struct outcome *ring; /* the oldest is overwritten */
	size_t next;
};

void outcomes_init(struct outcomes *o);
void outcomes_done(struct outcomes *o);

/* A new queue process: what was delivered so far may come again. */
void outcomes_new_epoch(struct outcomes *o);
/*
 * Delivered, for the queue process of that epoch. `partly`: but it will be
 * tried again for the sake of others.
 */
void outcomes_add(
    struct outcomes *o, outcome_key key, unsigned epoch, bool partly);
/* Whether it was delivered for an earlier queue process, or partly. */
bool outcomes_has(const struct outcomes *o, outcome_key key);

/*
 * It is about to be made. False: it is under way for an earlier queue process;
 * `r` waits, and will be handed out by outcomes_end() of that one. After true,
 * outcomes_end() is due. Begun already: true.
 */
MUST_USE bool outcomes_begin(
    struct outcomes *o, struct outcome_run *r, outcome_key key);
/*
 * It has ended. Who waited for it moves to `ret_waiting`, which is initialized
 * here. Idempotent.
 */
void outcomes_end(
    struct outcomes *o, struct outcome_run *r, struct list *ret_waiting);
