/* SPDX-License-Identifier: ISC */
/*
 * mail/verdict.h - what became of one recipient of one message.
 *
 * A value that travels from whoever tried to the queue, the log and the
 * notice to the sender. The spans are borrowed.
 */
#pragma once

#include "base/wire.h"

enum verdict_class {
	VERDICT_SENT = 2,
	VERDICT_DEFERRED = 4,
	VERDICT_BOUNCED = 5,
};

struct verdict {
	enum verdict_class class;
	span status; /* RFC 3463: "2.0.0" */
	span text;   /* for the log: "delivered to mailbox" */
	/* For the notice, may be empty: who said it ("dns; host"), and the
	 * remote reply ("smtp; 550 5.1.1 ..."). */
	span remote_mta;
	span diagnostic;
	/* Who tried, as the log says: "local", "host[addr]:25"; empty: not
	 * said, "none": nobody had to. */
	span relay;
	/* The next hop speaks DSN: it tells the sender of success. */
	bool reports;
};

void verdict_put(struct buf *out, const struct verdict *v);
/* False: malformed (an unknown class, a status that is no RFC 3463 code). */
MUST_USE bool verdict_get(struct wire *w, struct verdict *ret);

/* Which of two counts for both: deferred before bounced before sent. One that
 * is not there yet (class 0) counts least. */
bool verdict_is_worse(const struct verdict *v, const struct verdict *than);

/* "x.y.z" with x in 2, 4, 5 and one to three digits in y and z. */
bool verdict_is_status(span s);
