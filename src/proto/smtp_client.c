/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_client.c - the engine: who speaks when.
 *
 * The session:
 *
 *	GREETING --2xx--> EHLO --2xx--> IDLE <--------------+
 *	                    |            | give             | last reply of
 *	                   5xx          message ------------+ a message
 *	                    v
 *	                  HELO --2xx--> IDLE --quit--> QUIT --> CLOSED
 *
 * A message has two cursors. `send` is the next command to make, `recv` the
 * next reply to come; with PIPELINING the first runs ahead:
 *
 *	MAIL -> RCPT ... RCPT -> DATA -> (content) DOT -> end
 *	  all refused, or DATA refused:    ------> RSET -> end
 *
 * `cur` is the message whose replies come in. Once its DATA was answered
 * with 354 a second one, `next`, may be given: its MAIL, RCPT and DATA leave
 * in the write that ends the first one's content.
 *
 * Desynchronisation is what a hostile server is after: a reply taken for the
 * answer to a later command loses mail or forges an outcome. So every line
 * sent is counted in `waiting` until its reply came, and a reply is only
 * taken when the line it answers has left this process (`is_early`). The
 * content precedes the dot, so a "250" that arrives while content is still
 * to be sent never counts as acceptance.
 *
 * This file has the session, its events and its end; replies are understood
 * in smtp_client_recv.c, commands are made in smtp_client_send.c.
 */
#include "proto/smtp_client_internal.h"

/* clang-format off */
static const struct step_words {
	span doing;   /* "lost connection with X while ..." */
	span request; /* "(in reply to ...)" */
} words[SMTP_STEPS] = {
	[SMTP_STEP_GREETING] = { SPAN_INIT("receiving the initial server greeting"), SPAN_INIT("greeting") },
	[SMTP_STEP_EHLO]     = { SPAN_INIT("performing the EHLO handshake"), SPAN_INIT("EHLO command") },
	[SMTP_STEP_HELO]     = { SPAN_INIT("performing the HELO handshake"), SPAN_INIT("HELO command") },
	[SMTP_STEP_LHLO]     = { SPAN_INIT("performing the LHLO handshake"), SPAN_INIT("LHLO command") },
	[SMTP_STEP_MAIL]     = { SPAN_INIT("sending MAIL FROM"), SPAN_INIT("MAIL FROM command") },
	[SMTP_STEP_RCPT]     = { SPAN_INIT("sending RCPT TO"), SPAN_INIT("RCPT TO command") },
	[SMTP_STEP_DATA]     = { SPAN_INIT("sending DATA command"), SPAN_INIT("DATA command") },
	[SMTP_STEP_CONTENT]  = { SPAN_INIT("sending message body"), SPAN_INIT("end of DATA command") },
	[SMTP_STEP_DOT]      = { SPAN_INIT("sending end of data -- message may be sent more than once"), SPAN_INIT("end of DATA command") },
	[SMTP_STEP_RSET]     = { SPAN_INIT("sending final RSET"), SPAN_INIT("final RSET command") },
	[SMTP_STEP_QUIT]     = { SPAN_INIT("sending QUIT"), SPAN_INIT("QUIT command") },
	[SMTP_STEP_IDLE]     = { SPAN_INIT("waiting"), SPAN_INIT("nothing") },
	[SMTP_STEP_CLOSED]   = { SPAN_INIT("closing"), SPAN_INIT("nothing") },
};

static const struct keyword {
	span name;
	unsigned feature;
} keywords[] = {
	{ SPAN_INIT("PIPELINING"),          SMTP_FEATURE_PIPELINING },
	{ SPAN_INIT("SIZE"),                SMTP_FEATURE_SIZE },
	{ SPAN_INIT("8BITMIME"),            SMTP_FEATURE_8BITMIME },
	{ SPAN_INIT("DSN"),                 SMTP_FEATURE_DSN },
	{ SPAN_INIT("SMTPUTF8"),            SMTP_FEATURE_SMTPUTF8 },
	{ SPAN_INIT("ENHANCEDSTATUSCODES"), SMTP_FEATURE_STATUSCODES },
	{ SPAN_INIT("STARTTLS"),            SMTP_FEATURE_STARTTLS },
	{ SPAN_INIT("CHUNKING"),            SMTP_FEATURE_CHUNKING },
	{ SPAN_INIT("AUTH"),                SMTP_FEATURE_AUTH },
	{ SPAN_INIT("ETRN"),                SMTP_FEATURE_ETRN },
	{ SPAN_INIT("VRFY"),                SMTP_FEATURE_VRFY },
	{ SPAN_INIT("XFORWARD"),            SMTP_FEATURE_XFORWARD },
};
/* clang-format on */

span smtp_step_doing(enum smtp_step step)
{
	return words[step].doing;
}

span smtp_step_request(enum smtp_step step)
{
	return words[step].request;
}

unsigned smtp_feature_find(span keyword)
{
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if (span_eq_nocase(keyword, keywords[i].name))
			return keywords[i].feature;
	return 0;
}

void smtp_client_init(struct smtp_client *c, const struct smtp_setup *setup)
{
	*c = (struct smtp_client){
		.setup = *setup,
		.step = SMTP_STEP_GREETING,
		.reusable = true,
		.waiting = 1,
	};
	buf_init(&c->out, SMTP_CLIENT_OUT_MAX);
	buf_init(&c->text, SMTP_CLIENT_TEXT_MAX);
	smtp_reply_init(&c->reply);
}

void smtp_client_done(struct smtp_client *c)
{
	buf_done(&c->out);
	buf_done(&c->text);
	smtp_reply_done(&c->reply);
}

enum smtp_step smtp_client_step(const struct smtp_client *c)
{
	if (!c->cur)
		return c->step;
	if (c->cur->recv == SMTP_STEP_DOT && c->content_left)
		return SMTP_STEP_CONTENT;
	return c->cur->recv;
}

bool smtp_client_is_reusable(const struct smtp_client *c)
{
	return c->step == SMTP_STEP_IDLE && c->reusable;
}

/* Not before all events are taken: there is one outcome at a time. */
bool smtp_client_has_room(const struct smtp_client *c)
{
	if (!smtp_client_is_reusable(c) || c->next || c->slot_count)
		return false;
	return !c->cur ||
	    ((c->features & SMTP_FEATURE_PIPELINING) &&
	        c->cur->recv == SMTP_STEP_DOT);
}

/* Events */

void smtp_client_push(
    struct smtp_client *c, enum smtp_client_event event, struct smtp_message *m)
{
	size_t at = (c->slot_first + c->slot_count) % SMTP_CLIENT_EVENTS;

	if (c->slot_count == SMTP_CLIENT_EVENTS)
		bug("smtp_client: too many events");
	c->slots[at] = (struct smtp_client_slot){ m, (uint8_t)event };
	c->slot_count++;
}

static void pop(struct smtp_client *c)
{
	c->slot_first = (uint8_t)((c->slot_first + 1) % SMTP_CLIENT_EVENTS);
	c->slot_count--;
}

static bool next_rcpt(struct smtp_client *c, const struct smtp_message *m)
{
	for (; c->range < c->range_end; c->range++) {
		if (m->fates[c->range] >= SMTP_FATE_DECIDED)
			continue;
		m->fates[c->range] = SMTP_FATE_DECIDED;
		c->outcome.rcpt = c->range;
		c->outcome.first = c->fresh;
		c->fresh = false;
		return true;
	}
	return false;
}

static enum smtp_client_event take_event(struct smtp_client *c)
{
	while (c->slot_count) {
		struct smtp_client_slot slot = c->slots[c->slot_first];

		c->message = slot.message;
		if (slot.event != SMTP_CLIENT_RCPT) {
			pop(c);
			return slot.event;
		}
		if (next_rcpt(c, slot.message))
			return SMTP_CLIENT_RCPT;
		pop(c);
	}
	return SMTP_CLIENT_WAIT;
}

/* The outcome just made is that of recipient i. */
void smtp_client_decide_one(
    struct smtp_client *c, struct smtp_message *m, uint32_t i)
{
	c->range = i;
	c->range_end = i + 1;
	c->fresh = true;
	smtp_client_push(c, SMTP_CLIENT_RCPT, m);
}

/* ... that of all recipients that have none yet. */
void smtp_client_decide_all(struct smtp_client *c, struct smtp_message *m)
{
	smtp_client_decide_one(c, m, 0);
	c->range_end = m->nrcpts;
}

/* The end of a message, and of the session */

void smtp_client_close(struct smtp_client *c)
{
	c->step = SMTP_STEP_CLOSED;
	c->reusable = false;
	c->content_left = 0;
	buf_clear(&c->out);
	smtp_client_push(c, SMTP_CLIENT_CLOSED, NULL);
}

void smtp_client_finish(struct smtp_client *c)
{
	smtp_client_push(c, SMTP_CLIENT_DONE, c->cur);
	c->cur = c->next;
	c->next = NULL;
}

static void give_back(struct smtp_client *c, struct smtp_message *m)
{
	for (uint32_t i = 0; i < m->nrcpts; i++)
		if (m->fates[i] == SMTP_FATE_ACCEPTED)
			m->fates[i] = SMTP_FATE_OPEN;
	smtp_client_push(c, SMTP_CLIENT_UNSENT, m);
}

/*
 * Servers hang up on idle sessions; that a used one is gone says nothing
 * about a message that it never heard of.
 */
bool smtp_client_is_stale(
    const struct smtp_client *c, const struct smtp_message *m)
{
	return m->recv == SMTP_STEP_MAIL && c->given > (c->next ? 2U : 1U);
}

/* The outcome just made is that of everything under way. */
void smtp_client_fail(struct smtp_client *c)
{
	if (c->cur) {
		smtp_client_decide_all(c, c->cur);
		smtp_client_push(c, SMTP_CLIENT_DONE, c->cur);
	} else if (c->step < SMTP_STEP_IDLE && c->step != SMTP_STEP_QUIT) {
		smtp_client_push(c, SMTP_CLIENT_FAILED, NULL);
	}
	if (c->next)
		give_back(c, c->next);
	c->cur = c->next = NULL;
	smtp_client_close(c);
}

void smtp_client_end(struct smtp_client *c, enum smtp_end why)
{
	if (c->step == SMTP_STEP_CLOSED)
		return;
	if (c->cur && why == SMTP_END_LOST && smtp_client_is_stale(c, c->cur)) {
		give_back(c, c->cur);
		c->cur = NULL;
	}
	smtp_client_ended(c, why);
	smtp_client_fail(c);
}

void smtp_client_quit(struct smtp_client *c)
{
	if (c->cur || c->step == SMTP_STEP_CLOSED || c->step == SMTP_STEP_QUIT)
		return;
	c->step = SMTP_STEP_QUIT;
	c->reusable = false;
	smtp_client_put_line(c, SPAN("QUIT"));
}

enum smtp_client_event smtp_client_next(struct smtp_client *c, span *input)
{
	enum smtp_client_event event;

	while ((event = take_event(c)) == SMTP_CLIENT_WAIT) {
		if (c->step == SMTP_STEP_CLOSED)
			*input = span_from(*input, input->len);
		else if (c->out.failed)
			smtp_client_end(c, SMTP_END_LOCAL);
		else if (input->len)
			smtp_client_read(c, input);
		if (!input->len && !c->slot_count)
			return SMTP_CLIENT_WAIT;
	}
	return event;
}

void smtp_client_give(struct smtp_client *c, struct smtp_message *m)
{
	if (!smtp_client_has_room(c))
		bug("smtp_client_give: no room");
	if (smtp_client_refuses(c, m)) {
		smtp_client_decide_all(c, m);
		smtp_client_push(c, SMTP_CLIENT_DONE, m);
		return;
	}
	c->given++;
	if (c->cur)
		c->next = m;
	else
		c->cur = m;
	smtp_message_start(m);
	smtp_client_pump(c);
}

struct smtp_client_output smtp_client_output(const struct smtp_client *c)
{
	struct smtp_client_output o = { .commands = buf_span(&c->out) };

	if (!c->content_left)
		return o;
	o.content_left = c->content_left;
	o.content_at = c->cur->content_len - c->content_left;
	if (c->cur->content.ptr)
		o.content = span_from(c->cur->content, o.content_at);
	return o;
}

void smtp_client_sent(struct smtp_client *c, uint64_t n)
{
	uint64_t content = MIN(n, c->content_left);

	c->content_left -= content;
	buf_drop(&c->out, (size_t)(n - content));
	if (!c->out.len)
		smtp_client_pump(c);
}
