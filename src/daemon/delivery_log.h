/* SPDX-License-Identifier: ISC */
/*
 * daemon/delivery_log.h - the line that says what became of a recipient, in
 * Postfix's shape:
 *
 *	QID: to=<a>, orig_to=<o>, relay=R, conn_use=2, delay=0.12,
 *	    delays=0.05/0/0.02/0.05, dsn=2.0.0, status=sent (text)
 */
#pragma once

#include "base/time.h"
#include "mail/envelope.h"
#include "mail/verdict.h"

struct delivery_log {
	const char *program; /* "smtp", "local", "error" */
	span syslog_name;    /* of the service; empty: the usual one */
	msgid id;
	const struct rcpt *rcpt;
	const struct verdict *verdict;
	span relay;        /* "host[addr]:25", "local", "none" */
	unsigned conn_use; /* logged from 2 on */
	/* Wall clock, in this order; 0: did not happen. */
	usec arrival; /* of the message */
	usec active;  /* the queue took it up */
	usec handoff; /* the delivery process got it */
	usec setup;   /* the connection was ready */
	usec end;
	unsigned resolution; /* delay_logging_resolution_limit */
	bool verify;         /* it was not to be delivered (-bv) */
};

void delivery_log(const struct delivery_log *d);

/*
 * A delay as Postfix prints it: two significant digits, at most
 * `resolution` decimals, no trailing zeros: 0, 0.05, 1.2, 15, 123.
 */
void delivery_log_delay(struct buf *out, usec delay, unsigned resolution);
/* An address as logs show it: as it would be written in a header. */
void delivery_log_address(struct buf *out, span addr);
