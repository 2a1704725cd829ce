/* SPDX-License-Identifier: ISC */
/*
 * mail/received.h - the trace header that we put on top (RFC 5321 4.4).
 */
#pragma once

#include "base/buf.h"
#include "base/time.h"
#include "mail/msgid.h"

struct received {
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

/* In wire form, with the final CRLF. */
void received_write(struct buf *out, const struct received *r);
/* For a message that a local user brought: "by host (Postfix, from userid
 * uid)". Uses myhostname, mail_name, id and when. */
void received_write_local(
    struct buf *out, const struct received *r, unsigned uid);
