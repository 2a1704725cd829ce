/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/deliver.h - the parent: jobs of the queue become items for
 * workers, and their answers the outcome of the job.
 */
#pragma once

#include "conf/conf.h"
#include "daemon/deliver/outcomes.h"
#include "daemon/deliver/pool.h"
#include "daemon/deliver/recipient.h"
#include "daemon/deliver/users.h"
#include "ipc/chan.h"

struct deliver_conf {
	span mail_spool_directory;
	span mailbox_delivery_lock;
	uint32_t deliver_lock_attempts;
	usec deliver_lock_delay;
	usec stale_lock_time;
	uint64_t mailbox_size_limit;
	uint64_t message_size_limit;
	bool strict_mailbox_ownership;
	bool enable_original_recipient;
	span prepend_delivered_header;
	span recipient_delimiter;
	bool owner_request_special;
	usec max_idle;
	uint32_t default_process_limit;
	uint32_t delay_logging_resolution_limit;
	span syslog_name;
};

struct deliver {
	struct daemon *daemon;
	struct loop *loop;
	struct conf *conf; /* the snapshot that `c` borrows from */
	struct deliver_conf c;
	struct recipient_rules rules;
	/* The configuration cannot be: everything is deferred. */
	bool misconfigured;
	unsigned locks; /* mailbox_delivery_lock */
	unsigned head;  /* enum mbox_flags */
	struct users users;
	struct pool *pool;
	struct spawner *spawner; /* spawn(8) */
	struct chan *queue;      /* NULL: there is none now */
	struct outcomes outcomes;
	uint64_t next_item;
	unsigned njobs;
	uint64_t held; /* bytes of the jobs in work */
	bool stopping;
	struct loop_hook finish;
};

/* A JOB of the queue that d->queue belongs to. False: it is malformed. */
MUST_USE bool job_start(struct deliver *d, struct chan_msg *msg);
/* An answer of a worker, about an item of a job. */
void job_answered(
    void *deliver, struct pool_item *item, const struct work_done *result);
/* Called by jobs when they end. */
void deliver_job_ended(struct deliver *d);
