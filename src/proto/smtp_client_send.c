/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_client_send.c - makes the commands of a message.
 *
 * A command never contains a control character, wherever its parts come
 * from: an address or parameter that has one is not sent, and the recipient
 * (or with the sender, the message) fails here.
 */
#include "mail/address.h"
#include "proto/smtp_client_internal.h"
#include "proto/xtext.h"

void smtp_client_put_line(struct smtp_client *c, span line)
{
	buf_put(&c->out, line);
	buf_put(&c->out, SPAN("\r\n"));
	c->waiting++;
}

void smtp_client_put_rset(struct smtp_client *c, struct smtp_message *m)
{
	smtp_client_put_line(c, SPAN("RSET"));
	m->send = SMTP_STEP_IDLE;
	m->recv = SMTP_STEP_RSET;
}

static uint32_t find_fate(
    const struct smtp_message *m, uint32_t i, bool (*is)(uint8_t fate))
{
	while (i < m->nrcpts && !is(m->fates[i]))
		i++;
	return i;
}

static bool is_tried(uint8_t fate)
{
	return fate != SMTP_FATE_SKIP;
}

static bool is_accepted(uint8_t fate)
{
	return fate == SMTP_FATE_ACCEPTED;
}

uint32_t smtp_message_rcpt(const struct smtp_message *m, uint32_t i)
{
	return find_fate(m, i, is_tried);
}

uint32_t smtp_message_accepted(const struct smtp_message *m, uint32_t i)
{
	return find_fate(m, i, is_accepted);
}

void smtp_message_start(struct smtp_message *m)
{
	m->send = m->recv = SMTP_STEP_MAIL;
	m->rejected = false;
	m->accepted = 0;
	m->send_rcpt = m->recv_rcpt = smtp_message_rcpt(m, 0);
}

bool smtp_message_needs_utf8(const struct smtp_message *m)
{
	if (!(m->flags & ENVELOPE_SMTPUTF8))
		return false;
	if (m->utf8_headers || !address_is_ascii(m->sender))
		return true;
	for (uint32_t i = 0; i < m->nrcpts; i++)
		if (is_tried(m->fates[i]) &&
		    !address_is_ascii(m->rcpts[i].addr))
			return true;
	return false;
}

/*
 * Whether the parts of a command are safe was seen to by whoever accepted
 * the message; here is the last line of defence. A failed `out` ends the
 * session at the next smtp_client_next().
 */
bool smtp_client_is_clean(span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
			return false;
	return true;
}

static void put_path(struct smtp_client *c, span verb, span addr)
{
	size_t start;

	buf_put(&c->out, verb);
	start = c->out.len;
	if ((c->setup.flags & SMTP_SETUP_QUOTE) && addr.len)
		address_quote(&c->out, addr);
	else
		buf_put(&c->out, addr);
	if (!smtp_client_is_clean(span_from(buf_span(&c->out), start)))
		c->out.failed = true;
	buf_putc(&c->out, '>');
}

static void put_mail(struct smtp_client *c, struct smtp_message *m)
{
	put_path(c,
	    c->setup.flags & SMTP_SETUP_LOWER ? SPAN("MAIL From:<")
	                                      : SPAN("MAIL FROM:<"),
	    m->sender);
	if (c->features & SMTP_FEATURE_SIZE) {
		buf_put(&c->out, SPAN(" SIZE="));
		buf_put_u64(&c->out, m->size);
	}
	if ((c->features & SMTP_FEATURE_8BITMIME) && (m->flags & ENVELOPE_8BIT))
		buf_put(&c->out, SPAN(" BODY=8BITMIME"));
	if (c->features & SMTP_FEATURE_DSN) {
		if (m->envid.len) {
			buf_put(&c->out, SPAN(" ENVID="));
			xtext_encode(&c->out, m->envid);
		}
		if (m->flags & ENVELOPE_RET_FULL)
			buf_put(&c->out, SPAN(" RET=FULL"));
		else if (m->flags & ENVELOPE_RET_HDRS)
			buf_put(&c->out, SPAN(" RET=HDRS"));
	}
	if ((c->features & SMTP_FEATURE_SMTPUTF8) &&
	    (m->flags & ENVELOPE_SMTPUTF8))
		buf_put(&c->out, SPAN(" SMTPUTF8"));
	smtp_client_put_line(c, SPAN_NONE);
	m->send = SMTP_STEP_RCPT;
}

/*
 * A type of its own ("utf-8;") would need its own encoding (RFC 6533): an
 * original recipient that is not ASCII is not passed on.
 */
static void put_orcpt(struct smtp_client *c, const struct rcpt *r)
{
	struct buf orig = BUF_INIT((size_t)2 * ADDRESS_MAX);

	if (!r->orcpt.len && !r->orig.len)
		return;
	if (!address_is_ascii(r->orcpt.len ? r->orcpt : r->orig))
		return;
	buf_put(&c->out, SPAN(" ORCPT="));
	if (r->orcpt.len) {
		xtext_encode(&c->out, r->orcpt);
		return;
	}
	buf_put(&c->out, SPAN("rfc822;"));
	address_quote(&orig, r->orig);
	xtext_encode(&c->out, buf_span(&orig));
	buf_done(&orig);
}

static void put_notify(struct buf *out, unsigned notify)
{
	static const struct {
		unsigned bit;
		span word;
	} words[] = {
		{ RCPT_NOTIFY_NEVER, SPAN_INIT("NEVER") },
		{ RCPT_NOTIFY_SUCCESS, SPAN_INIT("SUCCESS") },
		{ RCPT_NOTIFY_FAILURE, SPAN_INIT("FAILURE") },
		{ RCPT_NOTIFY_DELAY, SPAN_INIT("DELAY") },
	};
	span before = SPAN(" NOTIFY=");

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!(notify & words[i].bit))
			continue;
		buf_put(out, before);
		buf_put(out, words[i].word);
		before = SPAN(",");
	}
}

static void put_rcpt(struct smtp_client *c, struct smtp_message *m)
{
	const struct rcpt *r = &m->rcpts[m->send_rcpt];

	put_path(c,
	    c->setup.flags & SMTP_SETUP_LOWER ? SPAN("RCPT To:<")
	                                      : SPAN("RCPT TO:<"),
	    r->addr);
	if (c->features & SMTP_FEATURE_DSN) {
		put_orcpt(c, r);
		put_notify(&c->out, r->notify);
	}
	smtp_client_put_line(c, SPAN_NONE);
	m->send_rcpt = smtp_message_rcpt(m, m->send_rcpt + 1);
	if (m->send_rcpt == m->nrcpts)
		m->send = SMTP_STEP_DATA;
}

static void put_data(struct smtp_client *c, struct smtp_message *m)
{
	smtp_client_put_line(c, SPAN("DATA"));
	m->send = SMTP_STEP_IDLE;
}

/* All is answered, and nobody is left to send content to. */
static bool is_lost_cause(
    const struct smtp_client *c, const struct smtp_message *m)
{
	if (c->waiting)
		return false;
	return m->rejected || (m->send == SMTP_STEP_DATA && !m->accepted);
}

static bool may_put(const struct smtp_client *c, const struct smtp_message *m)
{
	if (!m || m->send > SMTP_STEP_DATA || c->step != SMTP_STEP_IDLE)
		return false;
	if (c->out.len >= SMTP_CLIENT_OUT_AIM || c->out.failed)
		return false;
	if (!c->waiting)
		return true;
	/* Only tried: what follows is RSET, once all have been answered. */
	if (m->send == SMTP_STEP_DATA && (m->flags & ENVELOPE_VERIFY))
		return false;
	return (c->features & SMTP_FEATURE_PIPELINING) && !m->rejected;
}

void smtp_client_pump(struct smtp_client *c)
{
	struct smtp_message *m = c->next ? c->next : c->cur;

	while (may_put(c, m)) {
		if (is_lost_cause(c, m))
			smtp_client_put_rset(c, m);
		else if (m->send == SMTP_STEP_MAIL)
			put_mail(c, m);
		else if (m->send == SMTP_STEP_RCPT)
			put_rcpt(c, m);
		else
			put_data(c, m);
	}
}
