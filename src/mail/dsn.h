/* SPDX-License-Identifier: ISC */
/*
 * mail/dsn.h - delivery status notifications (RFC 3461, 3464) as Postfix's
 * bounce service words them.
 *
 * The result is a message's content in wire form: our Received header first,
 * the missing headers added, ready for the queue. It goes out with the null
 * sender to the sender of the original message.
 *
 *	dsn_write_head(out, &notice);
 *	dsn_write_original(out, &notice, content)   for each span of it,
 *	    in wire form; returns false when it wants no more
 *	dsn_write_tail(out, &notice);
 */
#pragma once

#include "mail/envelope.h"
#include "mail/template.h"
#include "mail/verdict.h"

enum dsn_kind {
	DSN_FAILURE, /* Undelivered Mail Returned to Sender */
	DSN_DELAY,   /* Delayed Mail (still being retried) */
	DSN_SUCCESS, /* asked for by NOTIFY=SUCCESS */
	DSN_VERIFY,  /* asked for by "sendmail -bv" or "-v": every outcome */
};

enum dsn_flags {
	DSN_TO_POSTMASTER = 1, /* double bounce, copy: no boilerplate text */
	DSN_HEADERS_ONLY = 2,  /* RET=HDRS */
};

struct dsn_conf {
	span myhostname;
	span myorigin; /* completes MAILER-DAEMON in From; empty: not */
	span mail_name;
	uint64_t
	    bounce_size_limit; /* larger originals: headers only; 0: none */
	usec maximal_queue_lifetime;
	/* The texts, with all $names filled in. */
	const struct templates *texts;
	bool smtputf8; /* smtputf8_enable: parts are declared 8bit */
};

struct dsn_notice {
	const struct dsn_conf *conf;
	enum dsn_kind kind;
	unsigned flags; /* enum dsn_flags */
	msgid id;       /* of the notice */
	usec now;       /* wall clock */
	span to;        /* internal form */
	/* The message it is about. Recipients that asked for no such notice
	 * are left out: see dsn_count(). */
	const struct envelope *about;
	const struct verdict *verdicts; /* one per recipient of `about` */
	/* The same: "expanded"; empty: by the class. May be NULL. Of no
	 * effect with DSN_FAILURE and DSN_DELAY. */
	const span *actions;

	/* Private: where dsn_write_original() is. */
	uint8_t line_state;
};

/* How many recipients the notice would name: with 0 there is none to send. */
uint32_t dsn_count(const struct dsn_notice *n);

void dsn_write_head(struct buf *out, const struct dsn_notice *n);
/* The content of the original, in pieces cut anywhere; never called when it
 * is lost. False: it wants no more of it. */
MUST_USE bool dsn_write_original(
    struct buf *out, struct dsn_notice *n, span content);
void dsn_write_tail(struct buf *out, const struct dsn_notice *n);
