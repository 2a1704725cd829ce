/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/queue.h - the queue process, seen from inside.
 *
 *	intake.c   smtpd hands messages over          -> message, active
 *	active.c   a message in memory: from its activation to its outcome
 *	route.c    asks rules where recipients go, when that is not known
 *	jobs.c     gives jobs to relay and deliver, takes their outcomes
 *	legs.c     recipients that go on by another transport
 *	parts.c    addresses behind recipients, that failed or wait
 *	notice.c   tells the sender
 *	ctl.c      mailq, postqueue
 *	roster.c   what is known of all messages
 *
 * One loop, no locks; the spool's threads are hidden behind store/spool.h.
 */
#pragma once

#include "conf/conf.h"
#include "daemon/queue/roster.h"
#include "daemon/roles.h"
#include "ipc/chan.h"
#include "ipc/msg_job.h"
#include "ipc/msg_queue.h"
#include "ipc/msg_rules.h"
#include "mail/template.h"
#include "os/loop.h"
#include "store/sched.h"
#include "store/spool.h"

struct daemon;
struct active;

/* The parameters we act on, by their names in main.cf. */
struct queue_settings {
	span myhostname;
	span myorigin;
	span mail_name;
	bool smtputf8_enable;
	bool disable_verp_bounces;
	usec minimal_backoff_time;
	usec maximal_backoff_time;
	usec maximal_queue_lifetime;
	usec bounce_queue_lifetime;
	usec delay_warning_time;
	uint64_t queue_minfree;
	uint64_t message_size_limit;
	uint64_t bounce_size_limit;
	uint32_t qmgr_message_active_limit;
	uint32_t delay_logging_resolution_limit;
	span authorized_mailq_users;
	span authorized_flush_users;
};

struct queue {
	struct loop *loop;
	struct conf *conf;
	struct queue_settings set;
	struct templates texts; /* of notices, filled in */
	struct arena texts_arena;
	struct daemon *daemon;
	int spool_dir;
	struct spool *spool;
	struct loop_watch *spool_watch;
	struct loop_hook poll;
	struct loop_timer poll_timer;
	bool stopping; /* nothing new is started */
	struct loop_timer stop_timer;
	struct roster roster;
	struct sched *sched;

	/* intake.c */
	struct list intakes; /* struct intake: one per smtpd */
	uint64_t first_id;   /* counter of the first id we granted */
	struct loop_timer space_timer;

	/* active.c */
	struct list actives;
	struct list dirty;
	struct loop_timer dirty_timer;
	size_t nactives;
	size_t content_bytes; /* inline content held by active messages */
	struct loop_timer retry_timer;
	struct loop_timer trim_timer;
	struct loop_hook turn; /* jobs are handed out once per round */

	/* jobs.c */
	struct list workers; /* struct worker: one per relay, deliver */
	struct hmap jobs;    /* running, by number */
	uint64_t next_job;
	struct loop_timer wake_timer;

	/* route.c */
	struct list rules;   /* struct rules_peer */
	struct hmap routes;  /* open questions, by number */
	struct list unasked; /* waiting for a rules process */
	uint64_t next_ask;

	/* ctl.c */
	struct loop_watch *ctl_watch;
	int ctl_fd;
	struct list ctls; /* struct ctl: one per command connected */
};

/* How much inline content of committed messages stays in memory. */
enum { QUEUE_CONTENT_BUDGET = 96 * 1024 * 1024 };

/* The spool was given something: it looks at it at the end of this round. */
void queue_touch_spool(struct queue *q);
/* One that brings or delivers mail is gone: was it the last, at the end? */
void queue_peer_gone(struct queue *q);

/* ---- transport.c ---- */

/* What becomes of mail for a transport, by the command in master.cf. */
enum handling { BY_RELAY, BY_DELIVER, BY_DISCARD, BY_ERROR, BY_NOBODY };

enum handling transport_handling(struct queue *q, span transport);
/* The most recipients of one job of this transport. */
uint32_t transport_recipient_limit(struct queue *q, span transport);
/* On (re)load of the configuration: tell the scheduler all limits. */
void transport_configure(struct queue *q);

/* ---- jobs.c ---- */

struct qjob {
	struct sched_job sched;
	struct hnode node; /* in q->jobs while running */
	struct list link;  /* in the worker's list while running */
	struct worker *worker;
	struct active *active;
	uint64_t number;
	uint32_t nplaces;
	uint32_t places[]; /* of `active`: active.h */
};

void jobs_init(struct queue *q);
void jobs_add_worker(
    struct queue *q, enum role role, unsigned instance, int fd);
/* Queue a job for these places; it may end at once. */
void jobs_submit(struct active *a, const uint32_t *places, uint32_t n);
/* Hand out what may go, at the end of this round. */
void jobs_turn_later(struct queue *q);

/* ---- route.c ---- */

typedef void route_fn(void *ctx, uint32_t tag, const struct rules_routed *r);

void route_init(struct queue *q);
void route_add_rules(struct queue *q, unsigned instance, int fd);
struct route_what {
	span sender;
	span address;
};
/* Ask where mail from a sender to an address goes. The answer may not come
 * before a rules process lives. */
void route_ask(struct queue *q, const struct route_what *what, route_fn *fn,
    void *ctx, uint32_t tag);

/* ---- intake.c ---- */

void intake_init(struct queue *q);
void intake_add(struct queue *q, unsigned instance, int fd);
/* The spool may have ids again for those that had to wait. */
void intake_retry(struct queue *q);
/* An id for a message of our own; 0: none can be had now. */
msgid intake_new_id(struct queue *q);
/* At the end: nothing more is written into blobs; and, once the spool is
 * closed, all have heard what became of their commits. */
void intake_forget_blobs(struct queue *q);
void intake_end(struct queue *q);

/* ---- texts.c ---- */

/* On (re)load of the configuration. */
void texts_load(struct queue *q);
/* Before the drop: what is to be read at a reload. */
void texts_allow(struct queue *q, struct daemon *d);

/* ---- ctl.c ---- */

void ctl_init(struct queue *q);
void ctl_listen(struct queue *q, int fd);
void ctl_unlisten(struct queue *q);
/* At the end: all commands are gone. */
void ctl_end(struct queue *q);
