/* SPDX-License-Identifier: ISC */
/*
 * store/workers.h - threads that do what a loop must not wait for.
 *
 * A job is a struct of the caller's that embeds `struct job`. run() happens
 * in a thread and touches nothing but the job and the file system; done()
 * happens in workers_collect(), in the thread of the loop. So all structures
 * have one owner at any time and need no locks.
 *
 * There are two lanes, so that commits never stand behind anything else:
 * LANE_LOG has one thread and keeps the order, LANE_FILE has the others.
 *
 * Without threads, run() happens in workers_collect() too, and done() in the
 * next one: the same order of events, no concurrency.
 */
#pragma once

#include "base/list.h"

struct job {
	struct list link;
	void (*run)(struct job *job);
	void (*done)(struct job *job);
};

enum worker_lane { LANE_LOG, LANE_FILE, LANES };

struct workers;

/* `threads`: 0, or one for LANE_LOG and the rest (at least one) for
 * LANE_FILE. 0 or a negative errno. */
MUST_USE int workers_new(unsigned threads, struct workers **ret_workers);
/* All jobs must have been collected. NULL is fine. */
void workers_free(struct workers **workers);

void workers_submit(struct workers *w, enum worker_lane lane, struct job *job);
/* Run done() of what is finished. True: there was something. */
bool workers_collect(struct workers *w);
/* Wait until workers_collect() has something; at once when nothing is under
 * way. */
void workers_wait(struct workers *w);
/* Jobs submitted and not collected. */
size_t workers_busy(const struct workers *w);
/* Readable when something is finished; -1 without threads. */
int workers_eventfd(const struct workers *w);
