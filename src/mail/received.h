/* SPDX-License-Identifier: ISC */
/*
 * mail/received.h - the trace header that we put on top (RFC 5321 4.4).
 */
#pragma once

#include "base/buf.h"
#include "base/time.h"
#include "mail/msgid.h"

/* How it came; the spans that are needed are those of the form. */
enum received_by {
	RECEIVED_SMTP,
	RECEIVED_USER,   /* "by host (Postfix, from userid 1000)" */
	RECEIVED_RESENT, /* "by host (Postfix)": by ourselves */
};

struct received {
	enum received_by by;
	uint32_t uid;     /* of the user */
	span helo;        /* empty: client_name instead */
	span client_name; /* verified, or "unknown" */
	span client_addr; /* numeric, without IPv6: in front */
	span tls;  /* whole lines ("\t(using TLSv1.3 ...)\r\n"), or empty */
	span auth; /* "Authenticated sender", or empty */
	span myhostname;
	span mail_name; /* "Postfix" */
	span with;      /* SMTP, ESMTP, ESMTPSA, ... */
	msgid id;
	span rcpt; /* internal form, when there is exactly one; else empty */
	usec when; /* wall clock */
};

/* An address as RFC 5321 writes it: "IPv6:" in front of those of IPv6. */
void received_put_addr(struct buf *out, span addr);

/* In wire form, with the final CRLF. */
void received_write(struct buf *out, const struct received *r);
