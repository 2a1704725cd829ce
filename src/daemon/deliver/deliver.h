/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/deliver.h - the parent: jobs of the queue become items for
 * workers, and their answers the outcome of the job.
 */
#pragma once

#include "daemon/deliver/biff.h"
#include "daemon/deliver/expand.h"
#include "daemon/deliver/outcomes.h"
#include "daemon/deliver/pool.h"
#include "daemon/deliver/resend.h"
#include "daemon/deliver/services.h"
#include "daemon/deliver/users.h"

struct deliver {
	struct daemon *daemon;
	struct loop *loop;
	struct services *services; /* of the newest configuration */
	struct users users;
	struct pool *pool;
	struct spawner *spawner; /* spawn(8) */
	struct expand *expand;
	struct resend *resend;
	struct rooms *rooms;
	struct chan *queue; /* NULL: there is none now */
	struct outcomes outcomes;
	struct biff *biff;
	uint64_t next_item;
	unsigned njobs;
	uint64_t held; /* bytes of the jobs in work, and of their plans */
	bool stopping;
	struct loop_hook finish;
	struct loop_timer lonely; /* while there is no queue */
};

/* A JOB of the queue that d->queue belongs to. False: it is malformed. */
MUST_USE bool job_start(struct deliver *d, struct chan_msg *msg);
/* Called by jobs when they end. */
void deliver_job_ended(struct deliver *d);

/* What a worker is sent for: an item, and who hears of it. */
struct errand {
	struct pool_item item;
	void (*done)(struct errand *errand, const struct work_done *result);
};
