/* SPDX-License-Identifier: ISC */
/*
 * store/state.h - the state record: what has become of each recipient
 * so far. The newest one of a message replaces all earlier ones.
 */
#pragma once

#include "base/arena.h"
#include "ipc/msg_ctl.h"
#include "mail/envelope.h"
#include "mail/verdict.h"

enum state_kind {
	STATE_PENDING,  /* not tried yet */
	STATE_DEFERRED, /* tried; the verdict says why it is still here */
	STATE_BOUNCED,  /* failed; the sender was not told yet */
	STATE_DONE,
};

struct state_rcpt {
	enum state_kind kind;
	/* The sender asked to hear of the outcome, and did not yet. */
	bool report;
	struct verdict verdict; /* of DEFERRED, BOUNCED, and with `report` */
	span action;            /* with `report`: "expanded"; may be empty */
};

enum state_part_flags {
	STATE_PART_TELL = 1,   /* its sender must hear that it failed */
	STATE_PART_REPORT = 2, /* as in struct state_rcpt */
};

/*
 * An address behind a recipient (an alias, ~/.forward). Those that failed
 * and have been told stay, as long as the recipient is tried again, so that
 * nobody is told twice.
 */
struct state_part {
	uint32_t rcpt;
	uint8_t flags; /* enum state_part_flags */
	bool has_sender;
	span sender; /* who is told instead of the message's sender */
	span addr;
	span action;
	struct verdict verdict;
};

struct state {
	uint32_t nrcpts;
	struct state_rcpt *rcpts;
	uint32_t nparts;
	struct state_part *parts;
};

void state_put(struct buf *out, const struct state *s);
/* Spans are borrowed; the arrays are in the arena. */
MUST_USE bool state_get(span bytes, struct arena *a, struct state *ret);

/*
 * The recipients that mailq shows: those that are not done, with the reason;
 * before them the addresses behind them that wait, which are the reason. `s`
 * with no recipients: nothing is known yet. `ret` has room for nrcpts of the
 * envelope and nparts of the state; how many are used is returned.
 */
MUST_USE uint32_t state_list(
    const struct envelope *e, const struct state *s, struct ctl_rcpt *ret);
