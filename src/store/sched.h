/* SPDX-License-Identifier: ISC */
/*
 * store/sched.h - which job may go out next, and to whom.
 *
 * A site is a transport and a next hop: the thing that is slow, dead or
 * willing. Each site has a queue of jobs and a window, the number of jobs it
 * may have at once. The window opens with success and closes with failure as
 * in Postfix (its SCHEDULER_README): it starts at `initial`, a success adds
 * the positive feedback, a failure takes the negative one away, and after
 * `cohorts` windows full of failures the site is dead for `pause`.
 *
 * Sites of one transport take turns, transports take turns, so that a
 * million jobs for one site do not delay one job for another.
 *
 * Pure bookkeeping: no clock, no I/O. Times are any monotonic usec.
 */
#pragma once

#include "base/heap.h"
#include "base/hmap.h"
#include "base/list.h"
#include "base/time.h"

enum sched_divisor { SCHED_CONSTANT, SCHED_PER_WINDOW, SCHED_PER_SQRT };

/* x, x / concurrency or x / sqrt_concurrency. */
struct sched_feedback {
	double amount;
	enum sched_divisor divisor;
};

struct sched_limits {
	unsigned initial; /* first window */
	unsigned window;  /* largest window; 0: no limit at all */
	unsigned total;   /* jobs of the whole transport; 0: no limit */
	unsigned cohorts; /* 0: never dead */
	usec pause;       /* how long a dead site rests */
	usec rate_delay;  /* between two jobs of a site; 0: none */
	struct sched_feedback positive;
	struct sched_feedback negative;
};

struct sched;
struct sched_transport;

struct sched_site {
	struct hnode node;
	struct list ready;     /* link in the transport's turn list */
	struct list jobs;      /* waiting */
	struct heap_node rest; /* while it rests (dead or rate_delay) */
	struct sched_transport *transport;
	char *nexthop_text;
	span nexthop;
	unsigned busy;
	unsigned window; /* 0: dead */
	unsigned users;  /* jobs waiting or running */
	double success;
	double failure;
	double cohorts;
	char *why; /* while dead: what the last failure said */
	span why_status;
	char why_status_text[12];
};

/* Embedded in the caller's job. */
struct sched_job {
	struct list link;
	struct sched_site *site;
	bool running;
};

struct sched *sched_new(void);
void sched_free(struct sched **s);

/*
 * Limits of a transport; again at any time to change them. Jobs for a
 * transport never named get the limits given under the empty name.
 */
void sched_limits(
    struct sched *s, span transport, const struct sched_limits *l);

/*
 * Queue a job. SCHED_DEAD: it was not queued, the site rests; job->site
 * tells why (valid until the next call).
 */
enum sched_result { SCHED_QUEUED, SCHED_DEAD };
MUST_USE enum sched_result sched_add(
    struct sched *s, struct sched_job *job, span transport, span nexthop);

/* A job that may run now; it counts as running until sched_done(). */
struct sched_job *sched_next(struct sched *s, usec now);

enum sched_outcome {
	SCHED_FINE,   /* the site answered */
	SCHED_FAILED, /* the site is not well */
	SCHED_UNDONE, /* nothing was learnt */
};

/*
 * A running job ended. `why` and `status` matter for SCHED_FAILED. Returns
 * true when the site is dead from now on: the caller then takes its waiting
 * jobs with sched_take() and defers them.
 */
struct sched_end {
	enum sched_outcome outcome;
	span why;
	span status;
};
bool sched_done(struct sched *s, struct sched_job *job,
    const struct sched_end *end, usec now);

/* A running job did not start after all: first in its site's line again. */
void sched_putback(struct sched *s, struct sched_job *job);
/* Hand out nothing of this transport until sched_unblock(). */
void sched_block(struct sched *s, const struct sched_site *site);
void sched_unblock(struct sched *s);

/* The next waiting job of the site, no longer queued; NULL: no more. The
 * site stays valid until the last one was taken. */
struct sched_job *sched_take(struct sched *s, struct sched_site *site);
/* Forget a waiting job. */
void sched_cancel(struct sched *s, struct sched_job *job);

/* When sched_next() may have something that it does not have now because of
 * time alone, or USEC_NEVER. */
usec sched_wake(const struct sched *s);

/* Let every dead site be tried again (postqueue -f). */
void sched_revive(struct sched *s);

span sched_site_transport(const struct sched_site *site);
