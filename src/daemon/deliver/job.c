/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/job.c - one job of the queue: its recipients are delivered
 * each for himself, and what became of them is reported together.
 */
#include "daemon/deliver/run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/deliver/loops.h"
#include "daemon/delivery_log.h"
#include "os/error.h"
#include "os/log.h"

/*
 * The arena grows with the plans. No more of them are taken when half of it is
 * used (run_is_full()), and what the steps that were taken still need is less
 * than they took: all of it being used is a bug.
 */
#define ARENA_MAX ((size_t)1024 * 1024 * 1024)

enum {
	TEXT_MAX = 4096,
	/* For run_warn(). */
	WARNINGS_MAX = 64 * 1024,
	/* Of all parts, for the queue: half of a message (FRAME_MAX). */
	PARTS_MAX = 8 * 1024 * 1024,
};

static void job_free(struct job_run *run)
{
	if (run->blob >= 0)
		(void)close(run->blob);
	for (uint32_t i = 0; run->rcpts && i < run->job.envelope.nrcpts; i++)
		hmap_done(&run->rcpts[i].seen);
	services_unref(&run->services);
	arena_done(&run->arena);
	mem_free(run->bytes);
	mem_free(run);
}

void *run_alloc(struct job_run *run, size_t n, size_t size)
{
	void *p = arena_alloc(&run->arena, n, size);

	if (!p)
		bug("a job of more than %zu bytes", ARENA_MAX);
	return p;
}

/* Workers, programs and tables may say anything. */
span run_keep_text(struct job_run *run, span text)
{
	char *copy;

	text = span_first(text, TEXT_MAX);
	copy = run_alloc(run, text.len + 1, 1);
	for (size_t i = 0; i < text.len; i++)
		copy[i] = (unsigned char)text.ptr[i] < ' ' ? '?' : text.ptr[i];
	return span_of(copy, text.len);
}

struct verdict run_keep_verdict(
    struct job_run *run, const struct verdict *verdict)
{
	return (struct verdict){
		.class = verdict->class,
		.status = run_keep_text(run, verdict->status),
		.text = run_keep_text(run, verdict->text),
		.remote_mta = run_keep_text(run, verdict->remote_mta),
		.diagnostic = run_keep_text(run, verdict->diagnostic),
	};
}

/* What is about the message, ": what", has its id in front; not so ":include:
 * file is". */
static void put_warning(const struct job_run *run, span line)
{
	char id[MSGID_TEXT_MAX];
	span text = span_has_prefix(line, SPAN(": "))
	    ? msgid_text(run->job.envelope.id, id)
	    : SPAN_NONE;

	log_warn(run->at->program->name, "%.*s%.*s", PRI(text), PRI(line));
}

void run_warn(const struct job_run *run, span lines)
{
	lines = span_first(lines, WARNINGS_MAX);
	while (lines.len) {
		span line = span_cut(&lines, '\n');

		put_warning(run, line);
	}
}

bool run_is_full(const struct job_run *run)
{
	return run->arena.used > ARENA_MAX / 2;
}

bool run_add_part(struct job_run *run, const struct job_part *part)
{
	size_t size = sizeof(*part) + part->addr.len + part->sender.len +
	    part->verdict.text.len + part->verdict.diagnostic.len +
	    part->verdict.remote_mta.len;
	struct part_node *n;

	if (size > PARTS_MAX - run->parts_size)
		return false;
	n = run_alloc(run, 1, sizeof(*n));
	n->part = *part;
	list_append(&run->parts, &n->link);
	run->nparts++;
	run->parts_size += size;
	return true;
}

void run_hold(struct job_run *run, size_t size)
{
	run->held += size;
	run->d->held += size;
}

void run_add_pass(struct job_run *run, const struct job_pass *pass)
{
	struct pass_node *n = run_alloc(run, 1, sizeof(*n));

	n->pass = *pass;
	list_append(&run->passes, &n->link);
	run->npasses++;
}

static struct job_pass *gather_passes(struct job_run *run)
{
	struct job_pass *passes = run_alloc(run, run->npasses, sizeof(*passes));
	uint32_t n = 0;

	LIST_FOR(l, &run->passes)
	passes[n++] = CONTAINER_OF(l, struct pass_node, link)->pass;
	return passes;
}

static struct job_part *gather_parts(struct job_run *run)
{
	struct job_part *parts = run_alloc(run, run->nparts, sizeof(*parts));
	uint32_t n = 0;

	LIST_FOR(l, &run->parts)
	parts[n++] = CONTAINER_OF(l, struct part_node, link)->part;
	return parts;
}

/* The queue that gave the job may be gone; then another one gives it anew. */
static void report(struct job_run *run, enum job_site site)
{
	const struct job_done m = {
		.number = run->job.number,
		.site = (uint8_t)site,
		.nverdicts = run->job.envelope.nrcpts,
		.verdicts = run->verdicts,
		.npasses = run->npasses,
		.passes = gather_passes(run),
		.nparts = run->nparts,
		.parts = gather_parts(run),
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
	d->held -= run->held;
	d->njobs--;
	job_free(run);
	deliver_job_ended(d);
}

void run_log(
    struct job_run *run, const struct rcpt *rcpt, const struct verdict *verdict)
{
	struct deliver *d = run->d;
	const struct envelope *e = &run->job.envelope;
	const struct delivery_log line = {
		.program = run->at->program->name,
		.syslog_name = run->at->c.syslog_name,
		.id = e->id,
		.rcpt = rcpt,
		.verdict = verdict,
		.relay = e->rcpts[0].transport,
		.arrival = e->arrival,
		.active = run->job.active,
		.handoff = run->handoff,
		.setup = run->handoff,
		.end = loop_wall(d->loop),
		.resolution = run->at->c.delay_logging_resolution_limit,
		.verify = run_is_trial(run),
	};

	delivery_log(&line);
}

void run_settle(struct job_run *run, uint32_t i, const struct verdict *v)
{
	run->verdicts[i] = *v;
	end_one(run);
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
	arena_init(&run->arena, ARENA_MAX);
	if (!job_get(span_of(run->bytes, run->nbytes), &run->arena, &run->job))
		return false;
	n = run->job.envelope.nrcpts;
	if (n == 0 || msg->nfds != (run->job.blob ? 1 : 0))
		return false;
	if (run->job.blob)
		run->blob = STEAL_FD(msg->fds[0]);
	run->rcpts = run_alloc(run, n, sizeof(*run->rcpts));
	run->verdicts = run_alloc(run, n, sizeof(*run->verdicts));
	return true;
}

/* Larger than any header that we take in. */
enum { HEAD_MAX = 256 * 1024 };

static int read_head(struct job_run *run, struct buf *out)
{
	char *room = buf_room(out, HEAD_MAX);
	ssize_t n;

	do
		n = os_size(pread(run->blob, room, HEAD_MAX, 0));
	while (n == -EINTR);
	if (n < 0)
		return (int)n;
	out->len = (size_t)n;
	return 0;
}

/* Where it has been. 0 or a negative errno: then it cannot be delivered
 * either. */
static int find_seen(struct job_run *run)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(HEAD_MAX);
	CLEANUP(buf_done) struct buf seen = BUF_INIT(2 * HEAD_MAX);
	span head = run->job.content;
	int r = 0;

	if (run->blob >= 0) {
		r = read_head(run, &bytes);
		head = buf_span(&bytes);
	}
	loops_list(head, &seen);
	run->seen = arena_dup(&run->arena, buf_span(&seen));
	return r;
}

static void set_up(struct job_run *run, uint32_t i)
{
	struct rcpt_run *rr = &run->rcpts[i];

	rr->run = run;
	rr->index = i;
	rr->open = 1;
	hmap_init(&rr->seen);
	list_init(&rr->steps);
	list_init(&rr->resends);
}

static void refuse(struct job_run *run, span status, span text)
{
	const struct verdict v = {
		.class = VERDICT_DEFERRED,
		.status = status,
		.text = text,
	};

	for (uint32_t i = 0; i < run->job.envelope.nrcpts; i++) {
		run_log(run, &run->job.envelope.rcpts[i], &v);
		run_settle(run, i, &v);
	}
}

/* A service that nobody uses may be as wrong as it likes. */
static void misconfigured(struct job_run *run)
{
	log_fatal(
	    run->at->program->name, "configuration error: %s", run->at->fault);
	refuse(run, SPAN("4.3.5"), SPAN("mail system configuration error"));
}

static void start(struct job_run *run)
{
	uint32_t n = run->job.envelope.nrcpts;

	run->d->njobs++;
	run_hold(run, run->nbytes);
	run->open = n + 1;
	for (uint32_t i = 0; i < n; i++)
		set_up(run, i);
	if (run->at->fault)
		misconfigured(run);
	else if (find_seen(run) < 0)
		refuse(run, SPAN("4.3.0"), SPAN("error reading message"));
	else
		run->at->program->start(run);
	end_one(run);
}

bool job_start(struct deliver *d, struct chan_msg *msg)
{
	struct job_run *run = NEW(struct job_run);

	run->d = d;
	run->blob = -1;
	run->epoch = d->outcomes.epoch;
	run->message = ++d->next_item;
	run->handoff = loop_wall(d->loop);
	list_init(&run->passes);
	list_init(&run->parts);
	if (!decode(run, msg)) {
		job_free(run);
		return false;
	}
	run->services = services_ref(d->services);
	run->at =
	    services_find(d->services, run->job.envelope.rcpts[0].transport);
	if (d->stopping)
		give_back(run);
	else
		start(run);
	return true;
}
