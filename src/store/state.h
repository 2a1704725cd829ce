/* SPDX-License-Identifier: ISC */
/*
 * store/state.h - the state record: what has become of each recipient
 * so far. The newest one of a message replaces all earlier ones.
 */
#pragma once

#include "base/arena.h"
#include "mail/verdict.h"

enum state_kind {
	STATE_PENDING,  /* not tried yet */
	STATE_DEFERRED, /* tried; the verdict says why it is still here */
	STATE_BOUNCED,  /* failed; the sender was not told yet */
	STATE_DONE,
};

struct state_rcpt {
	enum state_kind kind;
	struct verdict verdict; /* of DEFERRED and BOUNCED */
};

struct state {
	uint32_t nrcpts;
	struct state_rcpt *rcpts;
};

void state_put(struct buf *out, const struct state *s);
/* Spans are borrowed; the array is in the arena. */
MUST_USE bool state_get(span bytes, struct arena *a, struct state *ret);
