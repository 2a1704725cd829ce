/* SPDX-License-Identifier: ISC */
/*
 * relay/job.c - one message for some recipients, from JOB to JOB_DONE.
 *
 * A recipient is OPEN until a host (or the lack of one) decided about it.
 * A soft refusal is not the end while another host may be tried: then the
 * recipient is KEPT, with what it heard. Everything is logged where it is
 * decided, and the answer goes out when nobody is left.
 */
#include <string.h>

#include "daemon/delivery_log.h"
#include "daemon/relay/relay.h"
#include "mail/address.h"
#include "os/log.h"

enum {
	/* Texts of outcomes and addresses of hosts. */
	ARENA_MAX = 4 * 1024 * 1024,
	BYTES_MAX = FRAME_MAX,
};

span job_text(struct jobrun *j, span text)
{
	span copy = arena_dup(&j->arena, text);

	return copy.ptr ? copy : SPAN("");
}

void job_free(struct jobrun *j)
{
	struct relay *r = j->relay;

	if (j->pending)
		session_abort(j->pending);
	route_cancel(&j->route);
	list_remove(&j->link);
	if (j->dest && !list_is_empty(&j->waiting)) {
		list_remove(&j->waiting);
		j->dest->nwaiting--;
	}
	content_close(&j->content);
	arena_done(&j->arena);
	buf_done(&j->bytes);
	if (j->dest) {
		j->dest->jobs--;
		dest_check(j->dest);
	}
	snapshot_unref(&j->snapshot);
	mem_free(j);
	if (r->stopping && list_is_empty(&r->jobs))
		loop_defer(r->loop, LOOP_IPC, &r->ended);
}

static void report(struct jobrun *j, enum job_site site)
{
	struct relay *r = j->relay;
	struct job_done done = {
		.number = j->job.number,
		.site = (uint8_t)site,
		.nverdicts = j->job.envelope.nrcpts,
		.verdicts = j->verdicts,
	};

	/* Another connection never had this job. */
	if (!r->queue || j->queue != r->queue_number)
		return;
	job_done_put(chan_begin(r->queue, JOB_DONE), &done);
	chan_end(r->queue);
}

static void finish(struct jobrun *j)
{
	report(j, j->dead ? JOB_SITE_DEAD : JOB_SITE_FINE);
	job_free(j);
}

static void log_outcome(struct jobrun *j, uint32_t i, const struct session *s)
{
	usec now = loop_wall(j->relay->loop);

	delivery_log(&(struct delivery_log){
	    .program = j->set->program,
	    .syslog_name = j->set->syslog_name,
	    .id = j->job.envelope.id,
	    .rcpt = &j->job.envelope.rcpts[i],
	    .verdict = &j->verdicts[i],
	    .relay = s ? session_relay(s) : SPAN("none"),
	    .conn_use = s ? j->conn_use : 0,
	    .arrival = j->job.envelope.arrival,
	    .active = j->job.active,
	    .handoff = j->handoff,
	    .setup = j->setup ? j->setup : now,
	    .end = now,
	    .resolution = j->set->delay_logging_resolution_limit,
	    .verify = j->job.envelope.flags & ENVELOPE_VERIFY,
	});
}

/* soft_bounce: nothing is final while a configuration is being tried. */
static void soften(struct jobrun *j, struct verdict *v)
{
	char status[16] = "4";

	if (v->class != VERDICT_BOUNCED || !j->set->soft_bounce)
		return;
	v->class = VERDICT_DEFERRED;
	memcpy(status + 1, v->status.ptr + 1,
	    MIN(v->status.len - 1, sizeof(status) - 1));
	v->status = job_text(j, span_of(status, v->status.len));
}

static void decide(struct jobrun *j, uint32_t i, const struct session *s)
{
	j->rcpts[i] = JOB_RCPT_FINAL;
	j->verdicts[i].relay = s ? job_text(j, session_relay(s)) : SPAN("none");
	j->message.fates[i] = SMTP_FATE_SKIP;
	j->nopen--;
	log_outcome(j, i, s);
}

void job_end_all(
    struct jobrun *j, const struct session *s, const struct verdict *v)
{
	struct verdict verdict = *v;

	soften(j, &verdict);
	for (uint32_t i = 0; i < j->job.envelope.nrcpts; i++) {
		if (j->rcpts[i] == JOB_RCPT_FINAL)
			continue;
		if (j->rcpts[i] != JOB_RCPT_KEPT || j->why_is_newer)
			j->verdicts[i] = verdict;
		decide(j, i, s);
	}
	finish(j);
}

void job_give_back(struct jobrun *j)
{
	for (uint32_t i = 0; i < j->job.envelope.nrcpts; i++)
		if (j->rcpts[i] != JOB_RCPT_FINAL)
			j->verdicts[i] = (struct verdict){
				.class = VERDICT_DEFERRED,
				.status = SPAN("4.3.2"),
				.text = SPAN("the mail system is stopping"),
			};
	report(j, JOB_SITE_AGAIN);
	job_free(j);
}

/* Sessions */

void job_prepare(struct jobrun *j, struct session *s)
{
	struct relay *r = j->relay;

	for (uint32_t i = 0; i < j->message.nrcpts; i++)
		if (j->message.fates[i] != SMTP_FATE_SKIP)
			j->message.fates[i] = SMTP_FATE_OPEN;
	content_rewind(&j->content);
	j->session = s;
	j->lost = false;
	j->conn_use = s->client.given + 1;
	j->setup = loop_wall(r->loop);
}

static span prefixed(struct jobrun *j, span prefix, span text)
{
	struct buf b = BUF_INIT(16384);
	span copy;

	buf_put(&b, prefix);
	buf_put(&b, text);
	copy = job_text(j, buf_span(&b));
	buf_done(&b);
	return copy;
}

void job_describe(struct jobrun *j, const struct session *s, struct verdict *v)
{
	const struct smtp_outcome *o = &s->client.outcome;

	v->remote_mta = v->diagnostic = SPAN_NONE;
	if (!o->said)
		return;
	v->remote_mta = prefixed(j, SPAN("dns; "), session_host(s));
	v->diagnostic = prefixed(j, SPAN("smtp; "), o->verdict.diagnostic);
}

/* What the engine says, in memory that lasts. */
static void keep_verdict(
    struct jobrun *j, const struct session *s, struct verdict *ret)
{
	const struct smtp_outcome *o = &s->client.outcome;

	*ret = o->verdict;
	ret->status = job_text(j, o->verdict.status);
	ret->text = job_text(j, o->verdict.text);
	ret->reports = s->client.features & SMTP_FEATURE_DSN;
	job_describe(j, s, ret);
	soften(j, ret);
}

static void log_skipped(struct jobrun *j, span text)
{
	log_as(j->set->syslog_name, j->set->program, LOG_LEVEL_INFO, "%s: %.*s",
	    j->id, PRI(text));
}

void job_outcome(struct jobrun *j, struct session *s)
{
	const struct smtp_outcome *o = &s->client.outcome;
	struct verdict *v = &j->verdicts[o->rcpt];

	if (o->first)
		keep_verdict(j, s, &j->last);
	*v = j->last;
	j->lost |= o->site;
	j->why_is_newer = false;
	if (v->class == VERDICT_DEFERRED && !j->final) {
		if (o->first)
			log_skipped(j, v->text);
		j->rcpts[o->rcpt] = JOB_RCPT_KEPT;
		return;
	}
	if (o->site && v->class == VERDICT_DEFERRED && !j->complete)
		j->dead = true;
	decide(j, o->rcpt, s);
}

void job_session_done(struct jobrun *j)
{
	if (!j->lost)
		j->complete = true;
	if (!j->current)
		j->visited = j->session->addr;
	j->session = NULL;
	if (!j->nopen)
		finish(j);
	else if (j->current)
		walk_on(j);
	else
		walk_start(j);
}

void job_unsent(struct jobrun *j)
{
	j->session = NULL;
	j->setup = 0;
	dest_offer(j->dest, j);
}

/* Arrival */

/*
 * Nobody in front of us lets such an address in; if one comes nevertheless,
 * it must not cost others their session.
 */
static void end_unspeakable(struct jobrun *j)
{
	const struct envelope *e = &j->job.envelope;
	bool sender =
	    smtp_client_is_clean(e->sender) && smtp_client_is_clean(e->envid);

	for (uint32_t i = 0; i < e->nrcpts; i++) {
		if (sender && smtp_client_is_clean(e->rcpts[i].addr) &&
		    e->rcpts[i].addr.len <= ADDRESS_MAX)
			continue;
		j->verdicts[i] = (struct verdict){
			.class = VERDICT_BOUNCED,
			.status = sender ? SPAN("5.1.3") : SPAN("5.1.7"),
			.text = SPAN("bad address syntax"),
		};
		decide(j, i, NULL);
	}
}

/* RFC 6532: only looked at when the sender asked for SMTPUTF8. */
static bool has_utf8_headers(const struct jobrun *j)
{
	span rest = j->job.content;

	if (!(j->job.envelope.flags & ENVELOPE_SMTPUTF8))
		return false;
	if (!rest.ptr)
		return true;
	while (rest.len) {
		span line = span_cut(&rest, '\n');

		if (line.len <= 1)
			break;
		if (!address_is_ascii(line))
			return true;
	}
	return false;
}

static void make_message(struct jobrun *j)
{
	const struct envelope *e = &j->job.envelope;
	struct smtp_message *m = &j->message;

	m->sender = e->sender;
	m->envid = e->envid;
	m->flags = e->flags;
	m->nrcpts = e->nrcpts;
	m->rcpts = e->rcpts;
	m->size = j->content.size;
	m->content = j->content.folding ? SPAN_NONE : j->content.bytes;
	m->content_len = j->content.size;
	m->open_end = j->content.open_end;
	m->utf8_headers = has_utf8_headers(j);
}

/* False: the queue broke the rules. */
static bool decode(struct jobrun *j, struct chan_msg *msg)
{
	uint32_t n;

	buf_put(&j->bytes, msg->payload);
	if (j->bytes.failed ||
	    !job_get(buf_span(&j->bytes), &j->arena, &j->job) ||
	    msg->nfds != (j->job.blob ? 1 : 0))
		return false;
	n = j->job.envelope.nrcpts;
	j->rcpts = arena_alloc(&j->arena, n, sizeof(*j->rcpts));
	j->verdicts = arena_alloc(&j->arena, n, sizeof(*j->verdicts));
	j->message.fates = arena_alloc(&j->arena, n, sizeof(uint8_t));
	j->nopen = n;
	return j->rcpts && j->verdicts && j->message.fates;
}

static int open_content(struct jobrun *j, struct chan_msg *msg)
{
	int fd = -1;

	if (j->job.blob) {
		fd = msg->fds[0];
		msg->fds[0] = -1;
	}
	return content_open(
	    &j->content, j->job.content, fd, j->set->smtp_line_length_limit);
}

static const struct settings *find_settings(struct jobrun *j)
{
	static const struct settings unknown = { .program = "smtp",
		.delay_logging_resolution_limit = 2 };
	const struct settings *set =
	    snapshot_settings(j->snapshot, j->job.envelope.rcpts[0].transport);

	return set ? set : &unknown;
}

static struct jobrun *new_job(struct relay *r)
{
	struct jobrun *j = NEW(struct jobrun);

	j->relay = r;
	j->queue = r->queue_number;
	j->handoff = loop_wall(r->loop);
	j->snapshot = r->snapshot;
	snapshot_ref(j->snapshot);
	list_append(&r->jobs, &j->link);
	list_init(&j->waiting);
	buf_init(&j->bytes, BYTES_MAX);
	arena_init(&j->arena, ARENA_MAX);
	j->content.fd = -1;
	return j;
}

static void fail_here(struct jobrun *j, span text)
{
	job_end_all(j, NULL,
	    &(struct verdict){ .class = VERDICT_DEFERRED,
	        .status = SPAN("4.3.0"),
	        .text = text });
}

bool job_start(struct relay *r, struct chan_msg *msg)
{
	struct jobrun *j = new_job(r);

	if (!decode(j, msg)) {
		job_free(j);
		return false;
	}
	(void)msgid_text(j->job.envelope.id, j->id);
	j->set = find_settings(j);
	if (!j->set->snapshot) {
		fail_here(j, SPAN("mail transport unavailable"));
	} else if (r->stopping) {
		job_give_back(j);
	} else if (open_content(j, msg) < 0) {
		fail_here(j, SPAN("message content cannot be read"));
	} else {
		make_message(j);
		end_unspeakable(j);
		if (j->nopen)
			dest_offer(dest_find(r, j->set,
			               j->job.envelope.rcpts[0].nexthop),
			    j);
		else
			finish(j);
	}
	return true;
}
