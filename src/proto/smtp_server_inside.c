/* SPDX-License-Identifier: ISC */
/*
 * Sessions of our own processes (conf->trusted): mail that starts on this
 * machine, and mail that is sent on.
 *
 *	MAIL FROM:<> XFROM=ana XUID=1000 XARRIVAL=1700000000123456
 *	RCPT TO:<> XTO=bob
 *
 * Addresses are said in parameters, as xtext: what a user wrote may be no
 * address at all, and is to come back to him in a notice instead of being
 * refused here. It may be incomplete, too, and empty.
 */
#include "proto/smtp_server_internal.h"

#include "proto/xtext.h"

static const span bad = SPAN_INIT("501 5.5.4 Bad parameter");

static span text(struct arena *a, span value, span *ret)
{
	return xtext_decode(value, a, ret) ? SPAN_NONE : bad;
}

static span take_from(struct smtp_server *s, span value)
{
	return text(&s->txn, value, &s->mail.sender);
}

static span take_uid(struct smtp_server *s, span value)
{
	s->mail.inside.has_uid = true;
	return span_to_u32(value, &s->mail.inside.uid) ? SPAN_NONE : bad;
}

static span take_arrival(struct smtp_server *s, span value)
{
	return span_to_u64(value, &s->mail.inside.arrival) ? SPAN_NONE : bad;
}

static span take_received(struct smtp_server *s, span value)
{
	return span_to_u64(value, &s->mail.inside.received) ? SPAN_NONE : bad;
}

static span take_final(struct smtp_server *s, span value UNUSED)
{
	s->mail.inside.is_final = true;
	return SPAN_NONE;
}

static span take_remote(struct smtp_server *s, span value UNUSED)
{
	s->mail.inside.is_remote = true;
	return SPAN_NONE;
}

static span take_trace(struct smtp_server *s, span value UNUSED)
{
	s->mail.inside.trace = true;
	return SPAN_NONE;
}

static span take_verify(struct smtp_server *s, span value UNUSED)
{
	s->mail.inside.verify = true;
	return SPAN_NONE;
}

static span take_full_name(struct smtp_server *s, span value)
{
	return text(&s->txn, value, &s->mail.inside.full_name);
}

static span take_former_id(struct smtp_server *s, span value)
{
	return text(&s->txn, value, &s->mail.inside.former_id);
}

/* ENVID= and ORCPT= are parsed; these are as the queue has them. */
static span take_envid(struct smtp_server *s, span value)
{
	return text(&s->txn, value, &s->mail.envid);
}

static span take_name(struct smtp_server *s, span value)
{
	return text(&s->txn, value, &s->mail.inside.client_name);
}

static span take_addr(struct smtp_server *s, span value)
{
	return text(&s->txn, value, &s->mail.inside.client_addr);
}

static span take_port(struct smtp_server *s, span value)
{
	uint32_t port;

	if (!span_to_u32(value, &port) || port > UINT16_MAX)
		return bad;
	s->mail.inside.client_port = (uint16_t)port;
	return SPAN_NONE;
}

static span take_helo(struct smtp_server *s, span value)
{
	return text(&s->txn, value, &s->mail.inside.helo);
}

static span take_proto(struct smtp_server *s, span value)
{
	return text(&s->txn, value, &s->mail.inside.proto);
}

static const struct smtp_param mail_items[] = {
	{ SPAN_INIT("XFROM="), take_from },
	{ SPAN_INIT("XUID="), take_uid },
	{ SPAN_INIT("XARRIVAL="), take_arrival },
	{ SPAN_INIT("XRECEIVED="), take_received },
	{ SPAN_INIT("XFINAL"), take_final },
	{ SPAN_INIT("XREMOTE"), take_remote },
	{ SPAN_INIT("XTRACE"), take_trace },
	{ SPAN_INIT("XVERIFY"), take_verify },
	{ SPAN_INIT("XFULLNAME="), take_full_name },
	{ SPAN_INIT("XFORMERID="), take_former_id },
	{ SPAN_INIT("XENVID="), take_envid },
	{ SPAN_INIT("XNAME="), take_name },
	{ SPAN_INIT("XADDR="), take_addr },
	{ SPAN_INIT("XPORT="), take_port },
	{ SPAN_INIT("XHELO="), take_helo },
	{ SPAN_INIT("XPROTO="), take_proto },
};

const struct smtp_params smtp_inside_mail = { mail_items,
	ARRAY_LEN(mail_items) };

static span take_to(struct smtp_server *s, span value)
{
	return text(&s->cmd, value, &s->rcpt.addr);
}

static span take_given(struct smtp_server *s, span value)
{
	return text(&s->cmd, value, &s->rcpt.given);
}

static span take_orcpt(struct smtp_server *s, span value)
{
	return text(&s->cmd, value, &s->rcpt.orcpt);
}

static const struct smtp_param rcpt_items[] = {
	{ SPAN_INIT("XTO="), take_to },
	{ SPAN_INIT("XGIVEN="), take_given },
	{ SPAN_INIT("XORCPT="), take_orcpt },
};

const struct smtp_params smtp_inside_rcpt = { rcpt_items,
	ARRAY_LEN(rcpt_items) };
