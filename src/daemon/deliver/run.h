/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/run.h - a job in work, seen from inside.
 *
 *	job.c    the job: from its arrival to its report
 *	plan.c   a recipient: what it stands for, step by step
 *	step.c   a step: who does it, with what, and how it went
 *
 * A recipient is open as long as anything of it is: a question to expand, an
 * item with a worker, a message on its way to pickup. Whoever starts one of
 * these counts rr->open up, and calls rcpt_release() when it ended.
 */
#pragma once

#include "daemon/deliver/deliver.h"
#include "ipc/msg_job.h"

struct part_node {
	struct list link;
	struct job_part part;
};

struct pass_node {
	struct list link;
	struct job_pass pass;
};

struct job_run {
	struct deliver *d;
	struct job job; /* borrows from `bytes` */
	char *bytes;
	size_t nbytes;
	int blob;
	uint64_t message;   /* its number for the workers */
	struct arena arena; /* everything below, and all texts */
	struct services *services;
	const struct service *at;
	struct rcpt_run *rcpts;
	struct verdict *verdicts;
	span seen;          /* values of Delivered-To: msg_local.h */
	struct list passes; /* struct pass_node */
	uint32_t npasses;
	struct list parts; /* struct part_node */
	uint32_t nparts;
	size_t parts_size; /* with their texts */
	size_t held;       /* bytes of it and its plans, in d->held */
	uint32_t open; /* recipients without a verdict, and one for the start */
	unsigned epoch;
	usec handoff;
};

/* A recipient of the job. */
struct rcpt_run {
	struct job_run *run;
	uint32_t index;
	uint32_t open;
	uint32_t nsteps; /* begun */
	bool expanded;   /* an alias was: NOTIFY=SUCCESS has its answer */
	bool owned;
	bool passed;          /* some of it to other transports */
	bool cancelled;       /* mail is not sent on: something failed */
	struct hmap seen;     /* what was begun: struct seen */
	struct list steps;    /* struct step_run: those that deliver */
	struct list resends;  /* struct group */
	struct verdict worst; /* deferred before bounced before sent */
	bool is_direct;       /* `worst` is that of the only step */
};

struct step_run {
	struct errand errand;
	struct list link; /* in rr->steps */
	struct rcpt_run *rr;
	struct step_run *from; /* in whose file it stands, or NULL */
	const struct local_step *step;
	struct user user;
	span file; /* the forward file that was expanded */
	outcome_key key;
	struct outcome_run under_way;
	bool sent;
};

/* ---- job.c ---- */

/* Fits always: a text of bounded length, made printable. */
span run_keep_text(struct job_run *run, span text);
struct verdict run_keep_verdict(
    struct job_run *run, const struct verdict *verdict);
/* Memory of the job; never NULL. */
void *run_alloc(struct job_run *run, size_t n, size_t size);
/* `rcpt` is whom the log names. */
void run_log(struct job_run *run, const struct rcpt *rcpt,
    const struct verdict *verdict);
/* Lines for the log, LF between; ": text" is about the message. */
void run_warn(const struct job_run *run, span lines);
/* False: the queue cannot be told of more. */
MUST_USE bool run_add_part(struct job_run *run, const struct job_part *part);
/* So much more keeps the queue from giving us more jobs. */
void run_hold(struct job_run *run, size_t size);
/* Its plans have become so large that no more of them are taken. */
bool run_is_full(const struct job_run *run);
void run_add_pass(struct job_run *run, const struct job_pass *pass);
/* The recipient's last word. */
void run_settle(struct job_run *run, uint32_t i, const struct verdict *v);
/* A delivery is not done because nobody shall be bothered. */
static inline bool run_is_trial(const struct job_run *run)
{
	return (run->job.envelope.flags & ENVELOPE_VERIFY) != 0;
}
/* What became of each address is told to the sender. */
static inline bool run_tells(const struct job_run *run)
{
	return (run->job.envelope.flags & (ENVELOPE_VERIFY | ENVELOPE_TRACE)) !=
	    0;
}

/* ---- plan.c ---- */

/* For local and virtual: all recipients. */
void plan_start(struct job_run *run);
/* What this step's file says: it is expanded, too. */
void plan_expand_file(
    struct step_run *sr, enum local_what what, const struct work_done *found);
/* To be sent on when all else of the recipient went well. */
void plan_resend(struct step_run *sr);
void rcpt_hold(struct rcpt_run *rr);
void rcpt_release(struct rcpt_run *rr);
/* An outcome of a step, or of something that has no step (`step` NULL). */
void rcpt_outcome(struct rcpt_run *rr, const struct local_step *step,
    const struct verdict *verdict);

/* ---- step.c ---- */

void step_begin(
    struct rcpt_run *rr, struct step_run *from, const struct local_step *step);
/* The file that it named holds nothing: do what it would have done without. */
void step_go_on(struct step_run *sr);
