/* SPDX-License-Identifier: ISC */
/*
 * ipc/msg_job.h - work for a delivery process (relay, deliver).
 *
 *	queue -> relay, deliver   JOB
 *	relay, deliver -> queue   JOB_DONE
 *
 * A job is one message for recipients that share transport and next hop.
 * Each job ends with exactly one JOB_DONE, which has a verdict for each
 * recipient of the job, in the same order. When the connection ends first,
 * the job never was: the queue gives it to somebody else.
 *
 * The delivery process logs the outcome of each recipient.
 */
#pragma once

#include "mail/envelope.h"
#include "mail/verdict.h"

enum {
	JOB = 0x300, /* struct job, one descriptor when it has a blob */
	JOB_DONE,    /* struct job_done */
};

struct job {
	uint64_t number;
	/* Envelope with the recipients of this job only; all of them have
	 * the same transport and nexthop. */
	struct envelope envelope;
	usec active;  /* wall clock: when the queue took it up (delays=a/...) */
	bool blob;    /* the content is in the descriptor, from offset 0 */
	span content; /* else here, in wire form without the final dot */
};

void job_put(struct buf *out, const struct job *m);
MUST_USE bool job_get(span payload, struct arena *a, struct job *ret);

/* What the outcome says about the next hop, for the scheduler. */
enum job_site {
	JOB_SITE_FINE,  /* it answered */
	JOB_SITE_DEAD,  /* nobody there (connection, greeting): leave it be */
	JOB_SITE_AGAIN, /* nothing was tried (the process is stopping) */
};

/*
 * A recipient, or one of the addresses behind it, that goes on by another
 * transport (mailbox_transport). The queue makes a new job of it at once, and
 * what becomes of that joins the recipient's verdict: when there are several,
 * the worst one counts, and failures are told as those of parts are.
 */
struct job_pass {
	uint32_t rcpt; /* index in the job */
	span addr;     /* where it goes: often the recipient's own */
	span orig;     /* what X-Original-To and orig_to say */
	span transport;
	span nexthop;
};

/*
 * What one of the addresses behind a recipient (an alias, ~/.forward) came to,
 * for the notice to the sender. BOUNCED and DEFERRED: always told, also when
 * the recipient's own verdict is SENT. SENT: the notice of success says
 * `action` about the recipient itself.
 */
struct job_part {
	uint32_t rcpt;
	span addr;       /* the address it was by then */
	bool has_sender; /* an owner-alias is to be told instead */
	span sender;
	span action; /* "expanded", "delivered"; empty: by the class */
	struct verdict verdict;
};

struct job_done {
	uint64_t number;
	uint8_t site; /* enum job_site */
	uint32_t nverdicts;
	struct verdict *verdicts;
	uint32_t npasses;
	struct job_pass *passes;
	uint32_t nparts;
	struct job_part *parts;
};

void job_done_put(struct buf *out, const struct job_done *m);
MUST_USE bool job_done_get(span payload, struct arena *a, struct job_done *ret);
