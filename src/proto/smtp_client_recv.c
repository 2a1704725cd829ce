/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_client_recv.c - what the server said, and what it means.
 *
 * One handler per step, chosen by the table at the end. A handler notes what
 * was decided, moves the reply cursor on and leaves the rest to the pump.
 */
#include "proto/smtp_client_internal.h"

/* Outcomes */

static enum verdict_class class_of(span status)
{
	return (enum verdict_class)(status.ptr[0] - '0');
}

/* To be followed by buf_put()s to c->text and finish(). */
static void begin(struct smtp_client *c, span status)
{
	buf_clear(&c->text);
	c->outcome = (struct smtp_outcome){ .verdict.status = status };
}

static void finish(struct smtp_client *c)
{
	c->outcome.verdict.class = class_of(c->outcome.verdict.status);
	c->outcome.verdict.text = buf_span(&c->text);
}

/*
 * After some errors the server's idea of the session may differ from ours:
 * codes that make no sense here, and "syntax error" in all its forms.
 */
static void check_code(struct smtp_client *c, unsigned code)
{
	if (code < 400 || code > 599 || code == 421 || code == 555 ||
	    (code >= 500 && code < 510))
		c->reusable = false;
}

/* The start of an outcome that the server spoke. */
static void begin_said(struct smtp_client *c)
{
	span status = smtp_reply_status(&c->reply);
	bool senseless = status.ptr[0] == '2';

	begin(c, senseless ? SPAN("5.5.0") : status);
	if (senseless)
		buf_put(&c->text, SPAN("Protocol error: "));
	buf_put(&c->text, SPAN("host "));
	buf_put(&c->text, c->setup.peer);
	c->outcome.said = true;
	c->outcome.verdict.diagnostic = smtp_reply_text(&c->reply);
	check_code(c, c->reply.code);
}

static void said(struct smtp_client *c, enum smtp_step step)
{
	begin_said(c);
	buf_put(&c->text, SPAN(" said: "));
	buf_put(&c->text, smtp_reply_text(&c->reply));
	buf_put(&c->text, SPAN(" (in reply to "));
	buf_put(&c->text, smtp_step_request(step));
	buf_putc(&c->text, ')');
	finish(c);
}

static void delivered(struct smtp_client *c)
{
	begin(c, smtp_reply_status(&c->reply));
	c->outcome.said = true;
	c->outcome.verdict.diagnostic = smtp_reply_text(&c->reply);
	buf_put(&c->text, smtp_reply_text(&c->reply));
	finish(c);
}

static void broken(struct smtp_client *c, span status, span before, span after)
{
	begin(c, status);
	c->outcome.site = true;
	buf_put(&c->text, before);
	buf_put(&c->text, c->setup.peer);
	buf_put(&c->text, after);
	finish(c);
}

void smtp_client_ended(struct smtp_client *c, enum smtp_end why)
{
	span doing = smtp_step_doing(smtp_client_step(c));

	switch (why) {
	case SMTP_END_LOST:
		broken(c, SPAN("4.4.2"), SPAN("lost connection with "),
		    SPAN(" while "));
		buf_put(&c->text, doing);
		break;
	case SMTP_END_TIMEOUT:
		broken(c, SPAN("4.4.2"), SPAN("conversation with "),
		    SPAN(" timed out while "));
		buf_put(&c->text, doing);
		break;
	case SMTP_END_LOCAL:
		broken(c, SPAN("4.3.0"),
		    SPAN("local data error while talking to "), SPAN(""));
		break;
	}
	finish(c);
}

/* A message that this server cannot take is not even begun. */
bool smtp_client_refuses(struct smtp_client *c, const struct smtp_message *m)
{
	if (c->size_limit && c->size_limit < m->size) {
		begin(c, SPAN("5.3.4"));
		buf_put(&c->text, SPAN("message size "));
		buf_put_u64(&c->text, m->size);
		buf_put(&c->text, SPAN(" exceeds size limit "));
		buf_put_u64(&c->text, c->size_limit);
		buf_put(&c->text, SPAN(" of server "));
	} else if (!(c->features & SMTP_FEATURE_SMTPUTF8) &&
	    smtp_message_needs_utf8(m)) {
		begin(c, SPAN("5.6.7"));
		buf_put(&c->text,
		    SPAN("SMTPUTF8 is required, but was not "
		         "offered by host "));
	} else {
		return false;
	}
	buf_put(&c->text, c->setup.peer);
	finish(c);
	return true;
}

/* Replies to the hello */

static void refuse(struct smtp_client *c)
{
	begin_said(c);
	buf_put(&c->text, SPAN(" refused to talk to me: "));
	buf_put(&c->text, smtp_reply_text(&c->reply));
	c->outcome.site = true;
	finish(c);
	smtp_client_push(c, SMTP_CLIENT_FAILED, NULL);
	/* Not closed: the driver may be polite and say QUIT. */
	c->step = SMTP_STEP_IDLE;
	c->reusable = false;
}

static void hello(struct smtp_client *c, enum smtp_step step, span verb)
{
	c->step = (uint8_t)step;
	c->headed = false;
	buf_put(&c->out, verb);
	smtp_client_put_line(c, c->setup.helo);
}

static bool is_final(const struct smtp_client *c)
{
	return c->reply.code / 100 == 2;
}

static bool says_esmtp(span text)
{
	span word;

	while ((word = span_word(&text, " -")).len)
		if (span_eq_nocase(word, SPAN("ESMTP")))
			return true;
	return false;
}

static void on_greeting(struct smtp_client *c)
{
	unsigned flags = c->setup.flags;
	bool esmtp = (flags & SMTP_SETUP_ALWAYS_EHLO) ||
	    says_esmtp(smtp_reply_text(&c->reply));

	if (!is_final(c)) {
		if (c->reply.code / 100 == 5 && (flags & SMTP_SETUP_SKIP_5XX))
			c->reply.status[0] = '4';
		refuse(c);
	} else if (flags & SMTP_SETUP_LMTP) {
		hello(c, SMTP_STEP_LHLO, SPAN("LHLO "));
	} else if (esmtp && !(flags & SMTP_SETUP_NEVER_EHLO)) {
		hello(c, SMTP_STEP_EHLO, SPAN("EHLO "));
	} else {
		hello(c, SMTP_STEP_HELO, SPAN("HELO "));
	}
}

static void on_keyword(struct smtp_client *c, span line)
{
	unsigned feature;
	span word;
	span value;

	(void)span_word(&line, "- ");
	word = span_word(&line, "- \t=");
	if (!word.len)
		return;
	if (!c->headed) {
		c->headed = true;
		c->myself = span_eq_nocase(word, c->setup.myhostname);
		return;
	}
	feature = smtp_feature_find(word) & ~c->setup.discard;
	c->features |= feature;
	if (feature == SMTP_FEATURE_SIZE) {
		value = span_word(&line, " \t");
		if (!span_to_u64(value, &c->size_limit))
			c->size_limit = 0;
	}
}

static void loops_back(struct smtp_client *c)
{
	bool best = c->setup.flags & SMTP_SETUP_BEST_MX;

	begin(c, best ? SPAN("5.4.6") : SPAN("4.4.6"));
	buf_put(&c->text, SPAN("mail for "));
	buf_put(&c->text, c->setup.nexthop);
	buf_put(&c->text, SPAN(" loops back to myself"));
	c->outcome.site = true;
	finish(c);
	smtp_client_push(c, SMTP_CLIENT_FAILED, NULL);
	c->step = SMTP_STEP_IDLE;
	c->reusable = false;
}

static void ready(struct smtp_client *c)
{
	if (c->myself && (c->setup.flags & SMTP_SETUP_NO_LOOPS)) {
		loops_back(c);
		return;
	}
	/* Nobody who takes UTF-8 in headers cannot take it in bodies. */
	if (c->features & SMTP_FEATURE_SMTPUTF8)
		c->features |= SMTP_FEATURE_8BITMIME;
	c->step = SMTP_STEP_IDLE;
	smtp_client_push(c, SMTP_CLIENT_READY, NULL);
}

static void on_ehlo(struct smtp_client *c)
{
	if (is_final(c)) {
		ready(c);
	} else if (c->reply.code == 421) {
		refuse(c);
	} else {
		c->features = 0;
		c->size_limit = 0;
		c->myself = false;
		hello(c, SMTP_STEP_HELO, SPAN("HELO "));
	}
}

static void on_hello(struct smtp_client *c)
{
	if (is_final(c))
		ready(c);
	else
		refuse(c);
}

/* Replies within a message */

static void on_mail(struct smtp_client *c)
{
	struct smtp_message *m = c->cur;

	if (!is_final(c)) {
		/* A session that has had its time: like one that is gone. */
		if (c->reply.code == 421 && smtp_client_is_stale(c, m)) {
			smtp_client_end(c, SMTP_END_LOST);
			return;
		}
		said(c, SMTP_STEP_MAIL);
		smtp_client_decide_all(c, m);
		m->rejected = true;
	}
	m->recv = SMTP_STEP_RCPT;
}

static void on_rcpt(struct smtp_client *c)
{
	struct smtp_message *m = c->cur;
	uint32_t i = m->recv_rcpt;

	m->recv_rcpt = smtp_message_rcpt(m, i + 1);
	if (m->recv_rcpt == m->nrcpts)
		m->recv = SMTP_STEP_DATA;
	if (m->rejected)
		return;
	if (!is_final(c)) {
		said(c, SMTP_STEP_RCPT);
	} else if (m->flags & ENVELOPE_VERIFY) {
		delivered(c);
	} else {
		m->fates[i] = SMTP_FATE_ACCEPTED;
		m->accepted++;
		return;
	}
	smtp_client_decide_one(c, m, i);
}

/*
 * RFC 2920 3.1: when DATA is answered with 354 although no recipient was
 * accepted, an empty message ends the misunderstanding.
 */
static void on_data(struct smtp_client *c)
{
	struct smtp_message *m = c->cur;

	if (c->reply.code / 100 == 3) {
		m->recv = SMTP_STEP_DOT;
		c->dots = c->setup.flags & SMTP_SETUP_LMTP ? m->accepted : 1;
		c->dots = MAX(c->dots, 1U);
		m->recv_rcpt = smtp_message_accepted(m, 0);
		c->content_left = m->accepted ? m->content_len : 0;
		if (m->accepted && m->open_end)
			buf_put(&c->out, SPAN("\r\n"));
		smtp_client_put_line(c, SPAN("."));
		return;
	}
	if (m->accepted) {
		said(c, SMTP_STEP_DATA);
		smtp_client_decide_all(c, m);
	}
	smtp_client_put_rset(c, m);
}

static void on_dot(struct smtp_client *c)
{
	struct smtp_message *m = c->cur;
	bool lmtp = c->setup.flags & SMTP_SETUP_LMTP;

	if (m->accepted) {
		if (is_final(c))
			delivered(c);
		else
			said(c, SMTP_STEP_DOT);
		if (lmtp)
			smtp_client_decide_one(c, m, m->recv_rcpt);
		else
			smtp_client_decide_all(c, m);
	}
	c->dots--;
	if (c->dots)
		m->recv_rcpt = smtp_message_accepted(m, m->recv_rcpt + 1);
	else
		smtp_client_finish(c);
}

static void on_rset(struct smtp_client *c)
{
	if (!is_final(c))
		c->reusable = false;
	smtp_client_finish(c);
}

static void on_quit(struct smtp_client *c)
{
	smtp_client_close(c);
}

/*
 * A reply before its command. A server that says goodbye in the middle of
 * the content means it; everything else is a mistake or an attack, and no
 * later reply of this session could be believed.
 */
static void on_early(struct smtp_client *c)
{
	unsigned class = c->reply.code / 100;

	if (!c->cur && c->step == SMTP_STEP_IDLE) {
		smtp_client_close(c);
		return;
	}
	if (smtp_client_step(c) == SMTP_STEP_CONTENT &&
	    (class == 4 || class == 5)) {
		said(c, SMTP_STEP_DOT);
	} else {
		broken(c, SPAN("4.5.0"), SPAN("host "),
		    SPAN(" sent a reply before it was asked: "));
		buf_put(&c->text, smtp_reply_text(&c->reply));
		finish(c);
	}
	smtp_client_fail(c);
}

static void on_too_long(struct smtp_client *c)
{
	broken(
	    c, SPAN("4.5.0"), SPAN("host "), SPAN(" sent a reply without end"));
	smtp_client_fail(c);
}

static void on_garbage(struct smtp_client *c, span line)
{
	bool first = c->reusable;

	c->reusable = false;
	if (!first)
		return;
	c->note = line;
	smtp_client_push(c, SMTP_CLIENT_NOTE, c->cur);
}

/* clang-format off */
static void (*const on_reply[SMTP_STEPS])(struct smtp_client *c) = {
	[SMTP_STEP_GREETING] = on_greeting,
	[SMTP_STEP_EHLO]     = on_ehlo,
	[SMTP_STEP_HELO]     = on_hello,
	[SMTP_STEP_LHLO]     = on_hello,
	[SMTP_STEP_MAIL]     = on_mail,
	[SMTP_STEP_RCPT]     = on_rcpt,
	[SMTP_STEP_DATA]     = on_data,
	[SMTP_STEP_CONTENT]  = on_early,
	[SMTP_STEP_DOT]      = on_dot,
	[SMTP_STEP_RSET]     = on_rset,
	[SMTP_STEP_QUIT]     = on_quit,
	[SMTP_STEP_IDLE]     = on_early,
	[SMTP_STEP_CLOSED]   = on_early,
};
/* clang-format on */

/* The line that this reply would answer has not left yet. */
static bool is_early(const struct smtp_client *c)
{
	if (!c->cur && c->step == SMTP_STEP_QUIT)
		return false;
	return c->waiting <= span_count(buf_span(&c->out), '\n');
}

static void read_reply(struct smtp_client *c)
{
	enum smtp_step step = smtp_client_step(c);

	if (step == SMTP_STEP_EHLO || step == SMTP_STEP_LHLO)
		on_keyword(c, c->reply.line);
	if (is_early(c)) {
		on_early(c);
		return;
	}
	if (step != SMTP_STEP_DOT || c->dots == 1)
		c->waiting--;
	on_reply[step](c);
	smtp_client_pump(c);
}

void smtp_client_read(struct smtp_client *c, span *input)
{
	enum smtp_step step = smtp_client_step(c);

	switch (smtp_reply_take(&c->reply, input)) {
	case SMTP_REPLY_MORE:
		break;
	case SMTP_REPLY_LINE:
		if (step == SMTP_STEP_EHLO || step == SMTP_STEP_LHLO)
			on_keyword(c, c->reply.line);
		break;
	case SMTP_REPLY_DONE:
		read_reply(c);
		break;
	case SMTP_REPLY_GARBAGE:
		on_garbage(c, c->reply.line);
		break;
	case SMTP_REPLY_TOO_LONG:
		on_too_long(c);
		break;
	}
}
