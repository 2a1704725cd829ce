/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/steps.c - what the engine asks for, one function each.
 *
 * A step either answers, or sees to it that somebody will and lets the
 * session wait. The engine repeats a question that was not answered, so a
 * step that waited is simply run again (that is how ids, blobs and commits
 * come to their end); only verdicts of the rules processes come back another
 * way, through verdict.c.
 */
#include "daemon/smtpd/steps.h"

#include "daemon/smtpd/forms.h"
#include "daemon/smtpd/handover.h"
#include "os/log.h"

const span step_no_storage = SPAN_INIT("4.3.1 Insufficient system storage");
static const span no_queue = SPAN_INIT("4.3.0 Error: queue file write error");

bool step_answer(struct session *s, unsigned code, span text)
{
	smtp_server_answer(&s->engine, code, text);
	return true;
}

bool step_grant(struct session *s)
{
	return step_answer(s, 0, SPAN_NONE);
}

/* Say why in the log, too. */
static bool refuse(struct session *s, unsigned code, span reply)
{
	form_refusal(s, SPAN("reject"), code, reply);
	return step_answer(s, code, reply);
}

static bool ask_rules(struct session *s, enum rules_stage stage)
{
	ask_check(s, stage);
	return session_wait_for(s, WAIT_ANSWER);
}

static const struct service_settings *settings(const struct session *s)
{
	return &s->service->set;
}

/* ---- limits of a client ---- */

/* Whether this is one too many; the number is told in `ret_count`. */
static bool is_too_many(struct session *s, enum limits_event what,
    uint32_t limit, uint32_t *ret_count)
{
	if (!s->client || !limit)
		return false;
	*ret_count = limits_count(s->client, what,
	    settings(s)->anvil_rate_time_unit, loop_now(s->p->loop));
	return *ret_count > limits_share(limit, s->p->processes);
}

static bool too_many(struct session *s, unsigned code, const char *text,
    const char *warning, uint32_t n)
{
	struct buf reply = BUF_INIT(1024);

	form_warn(s, "%s: %u from %.*s for service %.*s", warning, n,
	    PRI(s->namaddr), PRI(s->service->name));
	buf_printf(&reply, "4.7.1 Error: %s from %.*s", text, PRI(s->addr));
	smtp_server_answer(&s->engine, code, buf_span(&reply));
	buf_done(&reply);
	return true;
}

/* ---- the beginning ---- */

static void refuse_connection(struct session *s, const char *what, uint32_t n)
{
	struct buf reply = BUF_INIT(1024);

	form_warn(s,
	    "Connection %s limit exceeded: %u from %.*s for "
	    "service %.*s",
	    what, n, PRI(s->namaddr), PRI(s->service->name));
	/* Not worth a handshake. */
	if (s->service->secure.wrapped) {
		session_drop(s);
		return;
	}
	buf_printf(&reply, "4.7.0 %.*s Error: too many connections from %.*s",
	    PRI(settings(s)->myhostname), PRI(s->addr));
	step_greet(s, 421, buf_span(&reply));
	buf_done(&reply);
}

/* False: it was refused. */
static bool count_connection(struct session *s)
{
	const struct service_settings *set = settings(s);
	uint32_t limit = limits_share(
	    set->smtpd_client_connection_count_limit, s->p->processes);
	uint32_t n;

	if (nets_has(s->service->unlimited, s->name, s->addr))
		return true;
	s->client = limits_open(
	    s->p->limits, s->service->name, s->addr, loop_now(s->p->loop));
	if (limit && s->client->open > limit) {
		refuse_connection(s, "concurrency", s->client->open);
		return false;
	}
	if (is_too_many(s, LIMITS_CONNECT,
	        set->smtpd_client_connection_rate_limit, &n)) {
		refuse_connection(s, "rate", n);
		return false;
	}
	return true;
}

void step_greet(struct session *s, unsigned code, span text)
{
	s->greeted = true;
	if (!s->tls && !session_read_early(s)) {
		/* Gone already: the event that waits will tell. */
		s->greeted = false;
		(void)session_wait_input(s);
		return;
	}
	smtp_server_start(&s->engine, s->namaddr, code, text);
	session_resume(s);
}

static void greet(struct session *s)
{
	if (!settings(s)->smtpd_delay_reject &&
	    settings(s)->smtpd_client_restrictions.len)
		(void)ask_rules(s, RULES_STAGE_CONNECT);
	else
		step_greet(s, 0, SPAN_NONE);
}

static void wrap(struct session *s)
{
	if (!s->service->secure.server) {
		form_warn(s,
		    "Wrapper-mode request dropped from %.*s for service "
		    "%.*s. TLS context initialization failed. For details "
		    "see earlier warnings in your logs.",
		    PRI(s->namaddr), PRI(s->service->name));
		session_drop(s);
		return;
	}
	smtp_server_wrapped(&s->engine);
	session_secure(s);
}

void step_secured(struct session *s, span farewell)
{
	/* "421 4.7.1 ...": the code goes its own way. */
	if (farewell.len)
		step_greet(s, 421, span_from(farewell, 4));
	else
		greet(s);
}

static void introduced(struct session *s)
{
	bool lenient =
	    nets_has(s->service->bare_lf_exclusions, s->name, s->addr);

	smtp_server_init(
	    &s->engine, lenient ? &s->service->lenient : &s->service->engine);
	s->engine.may_verp =
	    nets_has(s->service->verp_clients, s->name, s->addr);
	if (!count_connection(s))
		return;
	if (s->service->secure.wrapped) {
		wrap(s);
		return;
	}
	greet(s);
}

void step_named(struct session *s, const struct rules_client_is *m)
{
	s->name_status = m->name_status;
	s->reverse_status = m->reverse_status;
	if (m->warning.len)
		form_warn(s, "%.*s", PRI(m->warning));
	session_set_name(s, m->name, m->reverse_name);
	introduced(s);
}

void step_begin(struct session *s)
{
	if (s->trusted) {
		smtp_server_init(&s->engine, &s->service->inside);
		step_greet(s, 0, SPAN_NONE);
		return;
	}
	if (settings(s)->smtpd_peername_lookup) {
		ask_client(s);
		(void)session_wait_for(s, WAIT_ANSWER);
		return;
	}
	s->name_status = RULES_NAME_UNKNOWN;
	s->reverse_status = RULES_NAME_UNKNOWN;
	session_set_name(s, SPAN("unknown"), SPAN("unknown"));
	introduced(s);
}

/* ---- input and output ---- */

static bool step_input(struct session *s)
{
	const struct smtp_server *e = &s->engine;
	struct buf text = BUF_INIT(1024);

	if (!s->stopping || e->state == SMTP_DATA || e->state == SMTP_CHUNK)
		return session_wait_input(s);
	buf_printf(&text, "4.3.2 %.*s Service shutting down",
	    PRI(settings(s)->myhostname));
	smtp_server_abort(&s->engine, 421, buf_span(&text));
	buf_done(&text);
	return true;
}

static bool step_note(struct session *s)
{
	form_note(s);
	return true;
}

static bool step_delay(struct session *s)
{
	return session_wait_time(
	    s, WAIT_DELAY, s->service->sleep * s->engine.delays);
}

/* What was promised in the clear has to be sent in the clear. */
static bool step_tls(struct session *s)
{
	if (!session_flush(s))
		return false;
	session_secure(s);
	return false;
}

static bool step_close(struct session *s)
{
	if (s->engine.too_many_errors)
		form_broken(s, "too many errors");
	return session_wait_for(s, WAIT_END);
}

/* ---- commands ---- */

static bool step_helo(struct session *s)
{
	return ask_rules(s, RULES_STAGE_HELO);
}

bool step_mail_refused(struct session *s, unsigned code, span reply)
{
	message_free(&s->message);
	return step_answer(s, code, reply);
}

bool step_mail_allowed(struct session *s)
{
	if (handover_has_space(s->p->handover, s->engine.mail.size))
		return step_grant(s);
	form_refusal(s, SPAN("reject"), 452, step_no_storage);
	return step_mail_refused(s, 452, step_no_storage);
}

static bool step_mail(struct session *s)
{
	const struct service_settings *set = settings(s);
	uint32_t n;

	if (is_too_many(
	        s, LIMITS_MESSAGE, set->smtpd_client_message_rate_limit, &n))
		return too_many(s, 450, "too much mail",
		    "Message delivery request rate limit exceeded", n);
	s->message = message_new(s);
	if (!set->smtpd_delay_reject && set->smtpd_sender_restrictions.len &&
	    !s->trusted)
		return ask_rules(s, RULES_STAGE_MAIL);
	return step_mail_allowed(s);
}

/* The id is needed when the first recipient is accepted; better to have it
 * before asking than to have nothing to do with the step_answer. */
static bool has_id(struct session *s)
{
	struct message *m = s->message;
	uint64_t counter;

	if (m->id || m->reserved)
		return true;
	if (!handover_take_id(s->p->handover, &counter))
		return false;
	m->reserved = counter;
	return true;
}

static bool step_rcpt(struct session *s)
{
	uint32_t n;

	if (!has_id(s)) {
		if (s->message->waited)
			return step_answer(s, 451, no_queue);
		s->message->waited = true;
		handover_wait(s->p->handover, s);
		return session_wait_for(s, WAIT_QUEUE);
	}
	if (is_too_many(s, LIMITS_RCPT,
	        settings(s)->smtpd_client_recipient_rate_limit, &n))
		return too_many(s, 450, "too many recipients",
		    "Recipient address rate limit exceeded", n);
	return ask_rules(s, RULES_STAGE_RCPT);
}

static bool step_vrfy(struct session *s)
{
	uint32_t n;

	if (is_too_many(s, LIMITS_RCPT,
	        settings(s)->smtpd_client_recipient_rate_limit, &n))
		return too_many(s, 450, "too many recipients",
		    "Recipient address rate limit exceeded", n);
	return ask_rules(s, RULES_STAGE_VRFY);
}

/* There is no list of sites that may have their mail by asking for it
 * (fast_flush_domains): as Postfix answers for one that is not in it. */
bool step_etrn_refused(struct session *s)
{
	struct buf reply = BUF_INIT(4096);

	form_warn(s, "reject: ETRN %.*s... from %.*s",
	    PRI(span_first(s->engine.arg, 100)), PRI(s->namaddr));
	buf_printf(&reply, "<%.*s>: service unavailable", PRI(s->engine.arg));
	smtp_server_answer(&s->engine, 459, buf_span(&reply));
	buf_done(&reply);
	return true;
}

static bool step_etrn(struct session *s)
{
	if (settings(s)->smtpd_etrn_restrictions.len)
		return ask_rules(s, RULES_STAGE_ETRN);
	return step_etrn_refused(s);
}

/* ---- content ---- */

bool step_data_allowed(struct session *s)
{
	message_begin(s->message);
	return step_grant(s);
}

static bool step_data(struct session *s)
{
	if (s->p->content_bytes > SMTPD_CONTENT_HIGH)
		return refuse(s, 452, step_no_storage);
	if (settings(s)->smtpd_data_restrictions.len && !s->trusted)
		return ask_rules(s, RULES_STAGE_DATA);
	return step_data_allowed(s);
}

static bool ask_addresses(struct session *s)
{
	ask_map(s);
	return session_wait_for(s, WAIT_ANSWER);
}

static bool step_chunk(struct session *s)
{
	if (!message_chunk(s->message, s->engine.chunk))
		return session_wait_for(s, WAIT_QUEUE);
	return !message_is_asking(s->message) || ask_addresses(s);
}

/* Whoever waits for it: a chunk of content, or its end. */
void step_mapped(struct session *s, const struct rules_mapped *m)
{
	bool go_on = true;

	if (m && !m->failed)
		go_on = message_answer(s->message, m->addrs, m->count);
	else
		message_fail(s->message, QUEUE_ERROR);
	if (go_on)
		session_resume(s);
	else
		(void)session_wait_for(s, WAIT_QUEUE);
}

bool step_message_over(struct session *s, unsigned code, span text)
{
	message_free(&s->message);
	return step_answer(s, code, text);
}

/* The queue has spoken, or can no longer. */
static bool step_fate(struct session *s)
{
	char id[MSGID_TEXT_MAX];
	span text = msgid_text(s->message->id, id);

	switch ((enum queue_result)s->message->fate) {
	case QUEUE_OK:
		return step_message_over(s, 0, text);
	case QUEUE_FULL:
		return step_message_over(s, 452, step_no_storage);
	case QUEUE_ERROR:
		break;
	}
	return step_message_over(s, 451, no_queue);
}

static void return_hopper(struct session *s)
{
	char id[MSGID_TEXT_MAX];

	log_warn("cleanup", "%.*s: message rejected: hopcount exceeded",
	    PRI(msgid_text(s->message->id, id)));
	message_return(s->message, SPAN("5.4.0 too many hops"));
}

/*
 * What strangers are refused comes back to our own users in a notice: so all
 * recipients are sent where that is made.
 */
static void return_unwanted(struct session *s)
{
	struct message *m = s->message;

	if (!s->trusted)
		return;
	if (s->engine.was_cut)
		message_return(m, SPAN("5.3.4 message file too big"));
	else if (m->clean.hops >= settings(s)->hopcount_limit)
		return_hopper(s);
}

/* It was cut anywhere, also within a line. False: wait. */
static bool mend_end(struct session *s)
{
	struct message *m = s->message;

	if (!s->engine.was_cut || m->checked)
		return true;
	m->checked = true;
	return message_chunk(m, SPAN("\r\n"));
}

static bool step_commit(struct session *s)
{
	struct message *m = s->message;

	if (m->committed)
		return step_fate(s);
	if (!m->checked && !s->trusted &&
	    settings(s)->smtpd_end_of_data_restrictions.len)
		return ask_rules(s, RULES_STAGE_END_OF_DATA);
	if (!mend_end(s))
		return session_wait_for(s, WAIT_QUEUE);
	if (message_is_asking(m))
		return ask_addresses(s);
	if (!message_finish(m))
		return session_wait_for(s, WAIT_QUEUE);
	if (message_is_asking(m))
		return ask_addresses(s);
	if (m->place != PLACE_NOWHERE && m->clean.hops_exceeded)
		return step_message_over(
		    s, 554, SPAN("5.4.0 Error: too many hops"));
	if (m->place != PLACE_NOWHERE && handover_is_full(s->p->handover)) {
		handover_wait(s->p->handover, s);
		return session_wait_for(s, WAIT_QUEUE);
	}
	if (m->place != PLACE_NOWHERE) {
		form_ident(s);
		return_unwanted(s);
		handover_commit(s->p->handover, m);
	}
	if (m->place == PLACE_NOWHERE)
		return step_fate(s);
	return session_wait_for(s, WAIT_QUEUE);
}

static bool step_dropped(struct session *s)
{
	message_free(&s->message);
	return true;
}

step_fn *step_for(enum smtp_ask ask)
{
	static step_fn *const steps[] = {
		[SMTP_ASK_INPUT] = step_input,
		[SMTP_ASK_HELO] = step_helo,
		[SMTP_ASK_MAIL] = step_mail,
		[SMTP_ASK_RCPT] = step_rcpt,
		[SMTP_ASK_VRFY] = step_vrfy,
		[SMTP_ASK_ETRN] = step_etrn,
		[SMTP_ASK_DATA] = step_data,
		[SMTP_ASK_COMMIT] = step_commit,
		[SMTP_ASK_DELAY] = step_delay,
		[SMTP_ASK_TLS] = step_tls,
		[SMTP_ASK_CHUNK] = step_chunk,
		[SMTP_ASK_DROPPED] = step_dropped,
		[SMTP_ASK_NOTE] = step_note,
		[SMTP_ASK_FLUSH] = session_flush,
		[SMTP_ASK_CLOSE] = step_close,
	};

	return steps[ask];
}
