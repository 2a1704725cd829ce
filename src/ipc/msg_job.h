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

struct job_done {
	uint64_t number;
	uint8_t site; /* enum job_site */
	uint32_t nverdicts;
	struct verdict *verdicts;
};

void job_done_put(struct buf *out, const struct job_done *m);
MUST_USE bool job_done_get(span payload, struct arena *a, struct job_done *ret);
