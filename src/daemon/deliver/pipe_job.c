/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/pipe_job.h"

#include <string.h>

#include "conf/value.h"
#include "daemon/deliver/command_user.h"
#include "daemon/deliver/pipe.h"
#include "daemon/deliver/run.h"
#include "mail/address.h"
#include "mail/mbox.h"
#include "os/log.h"

enum {
	ARENA_MAX = 1024 * 1024,
	TEXT_MAX = 8192,
	FAULT_MAX = 2 * PIPE_ERROR_MAX,
	QUOTED_MAX = 2 * ADDRESS_MAX + 2,
	FOLDED_MAX = 3 * QUOTED_MAX,
};

/* What a line of master.cf says, taken apart once. */
struct pipe_service {
	struct arena arena;
	struct pipe_line line;
	struct buf error;
	struct buf fault; /* the same, and where it stands */
	struct priv_user user;
	usec time_limit;
};

/* One command. */
struct pipe_run {
	struct errand errand;
	struct job_run *run;
};

void pipe_service_free(struct pipe_service **pipe)
{
	struct pipe_service *p = STEAL(*pipe);

	if (!p)
		return;
	arena_done(&p->arena);
	buf_done(&p->error);
	buf_done(&p->fault);
	mem_free(p);
}

/* ---- settings ---- */

static bool load(struct pipe_service *p, const struct service *s)
{
	struct conf *conf = s->all->conf;
	span limit = conf_transport_value(conf, s->name, SPAN("time_limit"));

	if (!pipe_parse(
	        conf_service(conf, s->index), &p->arena, &p->line, &p->error))
		return false;
	if (!conf_parse_duration(limit, 's', &p->time_limit)) {
		buf_printf(&p->error, "%.*s_time_limit: %.*s is no time",
		    PRI(s->name), PRI(limit));
		return false;
	}
	if (!conf_bool(conf, s->index, SPAN("enable_original_recipient")))
		p->line.head &= ~(unsigned)MBOX_ORIGINAL_TO;
	if (conf_bool(conf, s->index, SPAN("smtputf8_enable")))
		p->line.flags |= PIPE_UTF8;
	p->line.rules = (struct extension_rules){
		.delimiters =
		    conf_value(conf, s->index, SPAN("recipient_delimiter")),
		.double_bounce =
		    conf_value(conf, s->index, SPAN("double_bounce_sender")),
		.owner_request_whole =
		    conf_bool(conf, s->index, SPAN("owner_request_special")),
	};
	return command_user_find(
	    conf, p->line.user, p->line.group, &p->user, &p->error);
}

const char *pipe_check(struct service *s)
{
	struct pipe_service *p = NEW(struct pipe_service);

	arena_init(&p->arena, ARENA_MAX);
	buf_init(&p->error, PIPE_ERROR_MAX);
	buf_init(&p->fault, FAULT_MAX);
	s->pipe = p;
	if (load(p, s))
		return NULL;
	buf_printf(&p->fault, "master.cf line %u: service %.*s: %.*s",
	    conf_service(s->all->conf, s->index)->line, PRI(s->name),
	    PRI(buf_span(&p->error)));
	return buf_cstr(&p->fault);
}

/* ---- jobs ---- */

/* The command only passes it on: a notice of success says so. */
static void tell_relayed(
    struct job_run *run, uint32_t i, const struct verdict *v)
{
	const struct rcpt *rcpt = &run->job.envelope.rcpts[i];

	if (v->class != VERDICT_SENT ||
	    (run->at->pipe->line.flags & PIPE_FINAL) ||
	    !(rcpt->notify & RCPT_NOTIFY_SUCCESS) || run_tells(run))
		return;
	(void)!run_add_part(run,
	    &(struct job_part){
	        .rcpt = i,
	        .addr = rcpt->addr,
	        .action = SPAN("relayed"),
	        .verdict = *v,
	    });
}

static void end_all(struct job_run *run, const struct verdict *verdict)
{
	struct verdict v = run_keep_verdict(run, verdict);
	uint32_t n = run->job.envelope.nrcpts;

	/* The last one may be the end of the job. */
	for (uint32_t i = 0; i < n; i++) {
		run_log(run, &run->job.envelope.rcpts[i], &v);
		tell_relayed(run, i, &v);
		run_settle(run, i, &v);
	}
}

static void end_with(
    struct job_run *run, enum verdict_class class, span status, span text)
{
	const struct verdict v = {
		.class = class,
		.status = status,
		.text = text,
	};

	end_all(run, &v);
}

static void misconfigured(struct job_run *run)
{
	end_with(run, VERDICT_DEFERRED, SPAN("4.3.5"),
	    SPAN("mail system configuration error"));
}

/* Header lines that name a recipient need one recipient. */
static bool is_ambiguous(const struct job_run *run, const struct pipe_line *p)
{
	static const struct {
		unsigned head;
		char letter;
	} flags[] = {
		{ MBOX_DELIVERED_TO, 'D' },
		{ MBOX_ORIGINAL_TO, 'O' },
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (!(p->head & flags[i].head))
			continue;
		log_warn("pipe",
		    "pipe flag `%c' requires "
		    "%.*s_destination_recipient_limit = 1",
		    flags[i].letter, PRI(run->at->name));
		return true;
	}
	return false;
}

/* Whether a Delivered-To line has this address, in any case. */
static bool has_seen(
    const struct job_run *run, const struct pipe_line *p, span addr)
{
	CLEANUP(buf_done) struct buf quoted = BUF_INIT(QUOTED_MAX);
	CLEANUP(buf_done) struct buf want = BUF_INIT(FOLDED_MAX);
	CLEANUP(buf_done) struct buf seen = BUF_INIT(FOLDED_MAX);
	span rest = run->seen;

	address_quote(&quoted, addr);
	pipe_fold(p, buf_span(&quoted), &want);
	while (rest.len) {
		buf_clear(&seen);
		pipe_fold(p, span_cut(&rest, '\n'), &seen);
		if (!seen.failed && span_eq(buf_span(&seen), buf_span(&want)))
			return true;
	}
	return false;
}

static bool is_looping(struct job_run *run, const struct pipe_line *p)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(QUOTED_MAX);
	span addr = run->job.envelope.rcpts[0].addr;

	if (!has_seen(run, p, addr))
		return false;
	buf_put(&text, SPAN("mail forwarding loop for "));
	buf_put(&text, addr);
	end_with(run, VERDICT_BOUNCED, SPAN("5.4.6"), buf_span(&text));
	return true;
}

static void tell_trial(struct job_run *run, const struct pipe_line *p)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

	buf_put(&text, SPAN("delivers to command: "));
	buf_put(&text, p->args[0].text);
	end_with(run, VERDICT_SENT, SPAN("2.0.0"), buf_span(&text));
}

static void on_done(struct errand *errand, const struct work_done *result)
{
	struct pipe_run *pr = CONTAINER_OF(errand, struct pipe_run, errand);

	run_warn(pr->run, result->warning);
	end_all(pr->run, &result->verdict);
}

static bool fill_in(struct pipe_run *pr, const struct pipe_service *p)
{
	struct job_run *run = pr->run;
	const struct envelope *e = &run->job.envelope;
	CLEANUP(buf_done) struct buf warnings = BUF_INIT(TEXT_MAX);
	struct work_item *w = &pr->errand.item.work;
	struct pipe_argv argv;

	*w = (struct work_item){
		.number = ++run->d->next_item,
		.kind = WORK_COMMAND,
		.flags = WORK_PIPE,
		.uid = p->user.uid,
		.gid = p->user.gid,
		.user = p->line.user,
		.path = run->at->name,
		.head = p->line.head,
		.sender = pipe_sender(&p->line, e),
		.address = e->rcpts[0].addr,
		.original = e->rcpts[0].orig,
		.delivered = e->rcpts[0].addr,
		.directory = p->line.directory,
		.time_limit = p->time_limit,
		.eol = p->line.eol,
		.message = run->message,
		.blob = run->job.blob,
		.content = run->job.content,
	};
	pr->errand.item.blob = run->blob;
	pr->errand.done = on_done;
	if (pipe_expand(&p->line, e, &run->arena, &argv, &warnings) < 0)
		return false;
	w->nargv = argv.n;
	w->argv = argv.words;
	run_warn(run, buf_span(&warnings));
	return true;
}

static void tell_bad_arg(struct job_run *run, const struct pipe_line *p)
{
	if (p->bad_name)
		log_warn("pipe", "file %.*s/master.cf: service %.*s: %.*s",
		    PRI(conf_dir(run->at->all->conf)), PRI(run->at->name),
		    PRI(p->bad_arg));
	else
		log_warn("pipe", "%.*s", PRI(p->bad_arg));
	misconfigured(run);
}

static void run_command(struct job_run *run, const struct pipe_service *p)
{
	struct pipe_run *pr = run_alloc(run, 1, sizeof(*pr));

	pr->run = run;
	if (fill_in(pr, p))
		pool_submit(run->d->pool, &pr->errand.item);
	else
		misconfigured(run);
}

void pipe_start(struct job_run *run)
{
	const struct pipe_service *p = run->at->pipe;
	const struct envelope *e = &run->job.envelope;

	if (e->nrcpts > 1 && is_ambiguous(run, &p->line)) {
		misconfigured(run);
	} else if (p->line.size_max && e->size > p->line.size_max) {
		end_with(run, VERDICT_BOUNCED, SPAN("5.2.3"),
		    SPAN("message too large"));
	} else if (run_is_trial(run)) {
		tell_trial(run, &p->line);
	} else if ((p->line.head & MBOX_DELIVERED_TO) &&
	    is_looping(run, &p->line)) {
		return;
	} else if (p->line.bad_arg.len) {
		tell_bad_arg(run, &p->line);
	} else {
		run_command(run, p);
	}
}
