/* SPDX-License-Identifier: ISC */
#include "mail/received.h"

#include "mail/address.h"
#include "mail/date.h"

static void put_id(struct buf *out, msgid id)
{
	char text[MSGID_TEXT_MAX];

	buf_put(out, msgid_text(id, text));
}

static void put_date(struct buf *out, usec when)
{
	date_write(out, when);
	buf_put(out, SPAN("\r\n"));
}

void received_put_addr(struct buf *out, span addr)
{
	if (span_find(addr, ':') >= 0)
		buf_put(out, SPAN("IPv6:"));
	buf_put(out, addr);
}

static void put_client(struct buf *out, const struct received *r)
{
	buf_put(out, SPAN("Received: from "));
	buf_put(out, r->helo.len ? r->helo : r->client_name);
	buf_put(out, SPAN(" ("));
	buf_put(out, r->client_name);
	buf_put(out, SPAN(" ["));
	received_put_addr(out, r->client_addr);
	buf_put(out, SPAN("])\r\n"));
}

static void write_inside(struct buf *out, const struct received *r)
{
	buf_put(out, SPAN("Received: by "));
	buf_put(out, r->myhostname);
	buf_put(out, SPAN(" ("));
	buf_put(out, r->mail_name);
	if (r->by == RECEIVED_USER)
		buf_printf(out, ", from userid %u", r->uid);
	buf_put(out, SPAN(")\r\n\tid "));
	put_id(out, r->id);
	buf_put(out, SPAN("; "));
	put_date(out, r->when);
}

void received_write(struct buf *out, const struct received *r)
{
	if (r->by != RECEIVED_SMTP) {
		write_inside(out, r);
		return;
	}
	put_client(out, r);
	buf_put(out, r->tls);
	if (r->auth.len) {
		buf_put(out, SPAN("\t(Authenticated sender: "));
		buf_put(out, r->auth);
		buf_put(out, SPAN(")\r\n"));
	}
	buf_put(out, SPAN("\tby "));
	buf_put(out, r->myhostname);
	buf_put(out, SPAN(" ("));
	buf_put(out, r->mail_name);
	buf_put(out, SPAN(") with "));
	buf_put(out, r->with);
	buf_put(out, SPAN(" id "));
	put_id(out, r->id);
	if (r->rcpt.len) {
		buf_put(out, SPAN("\r\n\tfor <"));
		address_quote(out, r->rcpt);
		buf_put(out, SPAN(">; "));
	} else {
		buf_put(out, SPAN(";\r\n\t"));
	}
	put_date(out, r->when);
}
