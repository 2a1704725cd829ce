/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/verdict.c - what the rules processes have decided, put into
 * effect.
 *
 * A verdict may take its time (the restriction "sleep"): then it is kept as
 * it came and acted on later.
 */
#include "daemon/smtpd/steps.h"

#include "daemon/smtpd/forms.h"
#include "mail/address.h"
#include "os/log.h"

/* The first recipient makes it a message with a name. */
static void name_message(struct session *s, const struct rules_verdict *v)
{
	struct message *m = s->message;

	m->id = msgid_make(m->reserved, loop_wall(s->p->loop));
	m->sender = arena_dup(&s->engine.txn, v->sender);
	m->local = v->local_client && !s->engine.mail.inside.is_remote;
	form_client(s);
}

/*
 * ORCPT of mail that starts here: the address as completed, before aliases.
 * What is sent on was given to somebody else, who is named without it.
 */
static span first_orcpt(struct session *s, const struct rules_verdict *v)
{
	struct buf text = BUF_INIT(ADDRESS_MAX);
	span copy = SPAN_NONE;

	for (uint32_t i = 0; i < v->nways && !text.len; i++) {
		if (v->ways[i].kind != RULES_WAY_RCPT || !v->ways[i].orig.len)
			continue;
		buf_put(&text, SPAN("rfc822;"));
		buf_put(&text, v->ways[i].orig);
	}
	if (text.len)
		copy = arena_dup(&s->engine.cmd, buf_span(&text));
	buf_done(&text);
	return copy;
}

/*
 * One recipient, or all that an alias stands for. Only the first one of those
 * is to report success (RFC 3461 5.2.7.3 c).
 */
static bool add_rcpts(struct session *s, const struct rules_verdict *v)
{
	const struct smtp_rcpt *r = &s->engine.rcpt;
	struct message *m = s->message;
	uint32_t before = m->nrcpts;
	uint32_t last = m->nlast;
	uint8_t notify = r->notify;
	span orcpt = r->orcpt;
	span given = r->given.ptr ? r->given : r->addr;

	if (s->trusted && !orcpt.len && !r->given.ptr)
		orcpt = first_orcpt(s, v);
	for (uint32_t i = 0; i < v->nways; i++) {
		const struct rules_way *way = &v->ways[i];
		bool bcc = way->kind != RULES_WAY_RCPT;
		const struct rcpt rcpt = {
			.addr = way->recipient,
			.orig = bcc ? way->orig : given,
			.orcpt = bcc ? SPAN_NONE : orcpt,
			.notify = bcc ? RCPT_NOTIFY_NEVER : notify,
			.transport = way->transport,
			.nexthop = way->nexthop,
		};

		if (!message_add_rcpt(
		        m, &rcpt, (enum rules_way_kind)way->kind)) {
			message_drop_rcpts(m, before, last);
			return false;
		}
		if (bcc)
			continue;
		notify &= (uint8_t)~RCPT_NOTIFY_SUCCESS;
		if (r->notify && !notify)
			notify = RCPT_NOTIFY_NEVER;
	}
	return true;
}

static bool rcpt_allowed(struct session *s, const struct rules_verdict *v)
{
	if (!s->message->id)
		name_message(s, v);
	if (!add_rcpts(s, v))
		return step_answer(s, 452, step_no_storage);
	return step_grant(s);
}

static bool refused(struct session *s, const struct rules_verdict *v)
{
	form_refusal(s, v->verb, v->code, v->reply);
	switch ((enum rules_stage)s->question.stage) {
	case RULES_STAGE_CONNECT:
		step_greet(s, v->code, v->reply);
		return false;
	case RULES_STAGE_MAIL:
		return step_mail_refused(s, v->code, v->reply);
	case RULES_STAGE_END_OF_DATA:
		return step_message_over(s, v->code, v->reply);
	case RULES_STAGE_HELO:
	case RULES_STAGE_RCPT:
	case RULES_STAGE_DATA:
	case RULES_STAGE_VRFY:
	case RULES_STAGE_ETRN:
		break;
	}
	return step_answer(s, v->code, v->reply);
}

/* True: the engine goes on. */
static bool allowed(struct session *s, const struct rules_verdict *v)
{
	switch ((enum rules_stage)s->question.stage) {
	case RULES_STAGE_CONNECT:
		step_greet(s, 0, SPAN_NONE);
		return false;
	case RULES_STAGE_MAIL:
		return step_mail_allowed(s);
	case RULES_STAGE_RCPT:
		return rcpt_allowed(s, v);
	case RULES_STAGE_ETRN:
		return step_etrn_refused(s);
	case RULES_STAGE_DATA:
		return step_data_allowed(s);
	case RULES_STAGE_END_OF_DATA:
		s->message->checked = true;
		return true;
	case RULES_STAGE_HELO:
	case RULES_STAGE_VRFY:
		break;
	}
	return step_grant(s);
}

static void act(struct session *s, const struct rules_verdict *v)
{
	if (v->code ? refused(s, v) : allowed(s, v))
		session_resume(s);
}

static bool is_sane(const struct session *s, const struct rules_verdict *v)
{
	if (v->code)
		return v->code >= 400 && v->code <= 599 && v->reply.len;
	for (uint32_t i = 0; i < v->nways; i++)
		if (!v->ways[i].recipient.len || !v->ways[i].transport.len ||
		    v->ways[i].kind > RULES_WAY_BCC_LAST)
			return false;
	return s->question.stage != RULES_STAGE_RCPT || v->nways > 0;
}

static void decide(struct session *s, span payload, bool paused)
{
	struct rules_verdict v;
	struct arena scratch;

	arena_init(&scratch, FRAME_MAX);
	if (!rules_verdict_get(payload, &scratch, &v) || !is_sane(s, &v)) {
		log_warn("smtpd", "a verdict that makes no sense");
		v = (struct rules_verdict){ .code = 451,
			.verb = SPAN("reject"),
			.reply = SPAN("4.3.0 Temporary lookup failure") };
	}
	if (v.delay_ms && !paused) {
		buf_put(&s->held, payload);
		(void)session_wait_time(s, WAIT_PAUSE, v.delay_ms * USEC_MSEC);
		arena_done(&scratch);
		return;
	}
	for (uint32_t i = 0; i < v.nnotes; i++)
		form_decision(s, v.notes[i].verb, v.notes[i].reply);
	act(s, &v);
	arena_done(&scratch);
}

void step_verdict(struct session *s, span payload)
{
	decide(s, payload, false);
}

void step_pause_over(struct session *s)
{
	struct buf payload = s->held;

	buf_init(&s->held, FRAME_MAX);
	decide(s, buf_span(&payload), true);
	buf_done(&payload);
}
