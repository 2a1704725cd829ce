/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/job.c - one job of the queue: who are its recipients, and
 * what became of each.
 *
 * The texts and codes are those of Postfix's local(8).
 */
#include "daemon/deliver/deliver.h"

#include <string.h>
#include <unistd.h>

#include "daemon/delivery_log.h"
#include "ipc/msg_job.h"
#include "mail/address.h"
#include "os/log.h"

/* A recipient that needed a worker. */
struct part {
	struct pool_item item;
	struct job_run *run;
	uint32_t rcpt;
};

struct job_run {
	struct deliver *d;
	struct job job; /* borrows from `bytes` */
	char *bytes;
	size_t nbytes;
	int blob;
	struct arena arena; /* parts, verdicts and their texts */
	struct part *parts;
	struct verdict *verdicts;
	uint64_t message; /* its number for the workers */
	uint32_t open; /* recipients without a verdict, and one for the start */
	unsigned epoch;
	usec handoff;
};

enum { ARENA_BASE = 64 * 1024, ARENA_PER_RCPT = 1024, TEXT_MAX = 4096 };

static void job_free(struct job_run *run)
{
	if (run->blob >= 0)
		(void)close(run->blob);
	arena_done(&run->arena);
	mem_free(run->bytes);
	mem_free(run);
}

/* The queue that gave the job may be gone; then another one gives it anew. */
static void report(struct job_run *run, enum job_site site)
{
	const struct job_done m = {
		.number = run->job.number,
		.site = (uint8_t)site,
		.nverdicts = run->job.envelope.nrcpts,
		.verdicts = run->verdicts,
	};
	struct deliver *d = run->d;

	if (!d->queue || run->epoch != d->outcomes.epoch)
		return;
	job_done_put(chan_begin(d->queue, JOB_DONE), &m);
	chan_end(d->queue);
}

static void end_one(struct job_run *run)
{
	struct deliver *d = run->d;

	if (--run->open > 0)
		return;
	report(run, JOB_SITE_FINE);
	d->held -= run->nbytes;
	d->njobs--;
	job_free(run);
	deliver_job_ended(d);
}

/* Verdicts */

/* Fits always: the arena is made for one text per recipient. */
static span keep_text(struct job_run *run, span text)
{
	CLEANUP(buf_done) struct buf clean = BUF_INIT(TEXT_MAX);
	span kept;

	/* A worker may say anything. */
	text = span_first(text, TEXT_MAX);
	for (size_t i = 0; i < text.len; i++)
		buf_putc(&clean,
		    (unsigned char)text.ptr[i] < ' ' ? '?' : text.ptr[i]);
	kept = arena_dup(&run->arena, buf_span(&clean));
	return kept.ptr ? kept : SPAN("(text lost)");
}

static void log_outcome(struct job_run *run, uint32_t i)
{
	struct deliver *d = run->d;
	const struct envelope *e = &run->job.envelope;
	const struct delivery_log line = {
		.program = "local",
		.syslog_name = d->c.syslog_name,
		.id = e->id,
		.rcpt = &e->rcpts[i],
		.verdict = &run->verdicts[i],
		.relay = e->rcpts[i].transport,
		.arrival = e->arrival,
		.active = run->job.active,
		.handoff = run->handoff,
		.setup = run->handoff,
		.end = loop_wall(d->loop),
		.resolution = d->c.delay_logging_resolution_limit,
	};

	delivery_log(&line);
}

static void settle(
    struct job_run *run, uint32_t i, const struct verdict *verdict)
{
	struct verdict *v = &run->verdicts[i];

	*v = (struct verdict){
		.class = verdict->class,
		.status = keep_text(run, verdict->status),
		.text = keep_text(run, verdict->text),
	};
	log_outcome(run, i);
	end_one(run);
}

static void settle_text(struct job_run *run, uint32_t i,
    enum verdict_class class, span status, span text)
{
	const struct verdict v = {
		.class = class,
		.status = status,
		.text = text,
	};

	settle(run, i, &v);
}

static void settle_named(
    struct job_run *run, uint32_t i, span status, const char *what, span name)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

	buf_printf(&text, "%s \"%.*s\"", what, PRI(name));
	settle_text(run, i, VERDICT_BOUNCED, status, buf_span(&text));
}

void job_answered(
    void *deliver, struct pool_item *item, const struct work_done *result)
{
	struct part *part = CONTAINER_OF(item, struct part, item);
	struct job_run *run = part->run;
	struct deliver *d = deliver;
	const struct rcpt *rcpt = &run->job.envelope.rcpts[part->rcpt];

	if (result->foreign)
		log_warn("local",
		    "specify \"strict_mailbox_ownership = no\" to ignore "
		    "mailbox ownership mismatch");
	if (result->verdict.class == VERDICT_SENT)
		outcomes_add(&d->outcomes, run->job.envelope.id, rcpt->addr);
	settle(run, part->rcpt, &result->verdict);
}

/* Recipients */

static void start_delivery(
    struct job_run *run, uint32_t i, span name, const struct user *user)
{
	struct deliver *d = run->d;
	const struct envelope *e = &run->job.envelope;
	struct part *part = &run->parts[i];

	part->run = run;
	part->rcpt = i;
	part->item.blob = run->blob;
	part->item.work = (struct work_item){
		.number = ++d->next_item,
		.kind = WORK_SPOOL,
		.flags = WORK_CHECK_LOOP,
		.uid = user->uid,
		.gid = user->gid,
		.user = keep_text(run, name),
		.locks = d->locks,
		.size_max = d->c.mailbox_size_limit,
		.head = d->head,
		.sender = e->sender,
		.address = e->rcpts[i].addr,
		.original = e->rcpts[i].orig,
		.delivered = e->rcpts[i].addr,
		.message = run->message,
		.blob = run->job.blob,
		.content = run->job.content,
	};
	part->item.work.path = part->item.work.user;
	pool_submit(d->pool, &part->item);
}

/* Two names must exist; without an alias their mail goes nowhere. */
static void settle_unknown(struct job_run *run, uint32_t i, span name)
{
	if (span_eq_nocase(name, SPAN("mailer-daemon")) ||
	    span_eq_nocase(name, SPAN("postmaster"))) {
		log_warn("local", "required alias not found: %.*s", PRI(name));
		settle_text(
		    run, i, VERDICT_SENT, SPAN("2.0.0"), SPAN("discarded"));
		return;
	}
	settle_named(run, i, SPAN("5.1.1"), "unknown user:", name);
}

static void find_user(struct job_run *run, uint32_t i, span name)
{
	struct deliver *d = run->d;
	struct user user;
	int r = users_find(&d->users, loop_now(d->loop), name, &user);

	if (r == USERS_OK) {
		start_delivery(run, i, name, &user);
	} else if (r == USERS_UNKNOWN) {
		settle_unknown(run, i, name);
	} else {
		log_warn("local", "error looking up passwd info for %.*s: %s",
		    PRI(name), strerror(-r));
		settle_text(run, i, VERDICT_DEFERRED, SPAN("4.0.0"),
		    SPAN("user lookup error"));
	}
}

static void start_recipient(struct job_run *run, uint32_t i)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(ADDRESS_MAX);
	struct deliver *d = run->d;
	const struct envelope *e = &run->job.envelope;
	span address = e->rcpts[i].addr;
	char id[MSGID_TEXT_MAX];
	int r;

	if (d->misconfigured) {
		settle_text(run, i, VERDICT_DEFERRED, SPAN("4.3.5"),
		    SPAN("mail system configuration error"));
		return;
	}
	if (outcomes_has(&d->outcomes, e->id, address)) {
		settle_text(run, i, VERDICT_SENT, SPAN("2.0.0"),
		    SPAN("delivered to mailbox"));
		return;
	}
	r = recipient_user(&d->rules, address, &name);
	if (r == RECIPIENT_NULL) {
		settle_named(
		    run, i, SPAN("5.1.3"), "null username in", address);
		return;
	}
	if (r == RECIPIENT_ODD)
		log_warn("local", "%.*s: address with illegal extension: %.*s",
		    PRI(msgid_text(e->id, id)), PRI(address));
	find_user(run, i, buf_span(&name));
}

/* We are about to end: another process shall do it. */
static void give_back(struct job_run *run)
{
	for (uint32_t i = 0; i < run->job.envelope.nrcpts; i++)
		run->verdicts[i] = (struct verdict){
			.class = VERDICT_DEFERRED,
			.status = SPAN("4.3.2"),
			.text = SPAN("mail system is stopping"),
		};
	report(run, JOB_SITE_AGAIN);
	job_free(run);
}

static bool decode(struct job_run *run, struct chan_msg *msg)
{
	uint32_t n;

	run->nbytes = msg->payload.len;
	run->bytes = mem_new(run->nbytes, 1);
	memcpy(run->bytes, msg->payload.ptr, run->nbytes);
	arena_init(&run->arena, ARENA_BASE + 16 * run->nbytes);
	if (!job_get(span_of(run->bytes, run->nbytes), &run->arena, &run->job))
		return false;
	n = run->job.envelope.nrcpts;
	if (n == 0 || msg->nfds != (run->job.blob ? 1 : 0))
		return false;
	if (run->job.blob)
		run->blob = STEAL_FD(msg->fds[0]);
	run->arena.max += (size_t)n * (TEXT_MAX + ARENA_PER_RCPT);
	run->parts = arena_alloc(&run->arena, n, sizeof(*run->parts));
	run->verdicts = arena_alloc(&run->arena, n, sizeof(*run->verdicts));
	return run->parts && run->verdicts;
}

bool job_start(struct deliver *d, struct chan_msg *msg)
{
	struct job_run *run = NEW(struct job_run);

	run->d = d;
	run->blob = -1;
	run->epoch = d->outcomes.epoch;
	run->handoff = loop_wall(d->loop);
	run->message = ++d->next_item;
	if (!decode(run, msg)) {
		job_free(run);
		return false;
	}
	if (d->stopping) {
		give_back(run);
		return true;
	}
	d->njobs++;
	d->held += run->nbytes;
	run->open = run->job.envelope.nrcpts + 1;
	for (uint32_t i = 0; i < run->job.envelope.nrcpts; i++)
		start_recipient(run, i);
	end_one(run);
	return true;
}
