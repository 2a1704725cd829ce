/* SPDX-License-Identifier: ISC */
/*
 * mail/envelope.h - everything about a message that is not its content.
 *
 * One binary form serves the conversation smtpd -> queue, the record in the
 * spool and the job for a delivery process. All spans of a decoded envelope
 * are borrowed from the bytes decoded; the recipient array is in the arena.
 *
 * Spools outlive programs, so the form only grows: what has been added stands
 * behind the recipients, and is there when its bit among the flags says so
 * (envelope.c). Without it nothing was known of it.
 */
#pragma once

#include "base/arena.h"
#include "base/time.h"
#include "base/wire.h"
#include "mail/msgid.h"

enum envelope_flags {
	ENVELOPE_8BIT = 1, /* BODY=8BITMIME or 8-bit content */
	ENVELOPE_SMTPUTF8 = 2,
	ENVELOPE_RET_FULL = 4, /* DSN RET=FULL */
	ENVELOPE_RET_HDRS = 8, /* DSN RET=HDRS */
	ENVELOPE_BOUNCE = 16,  /* made here: a delivery status notice */
	/* sendmail -bv: find out what would become of it, deliver nothing. */
	ENVELOPE_VERIFY = 32,
	/* sendmail -v: tell the sender what became of it. */
	ENVELOPE_TRACE = 64,
};

enum rcpt_notify {
	RCPT_NOTIFY_NEVER = 1,
	RCPT_NOTIFY_SUCCESS = 2,
	RCPT_NOTIFY_FAILURE = 4,
	RCPT_NOTIFY_DELAY = 8,
};

/* For who is behind an alias: the alias answers for success, and further on it
 * is not asked for. */
uint8_t rcpt_notify_behind(uint8_t notify);

struct rcpt {
	span addr;      /* where it goes: user@domain, rewritten */
	span orig;      /* as the client said it (X-Original-To, orig_to) */
	span orcpt;     /* DSN ORCPT=, decoded, or empty */
	uint8_t notify; /* enum rcpt_notify bits, 0: not said */
	span transport; /* name of a service in master.cf: smtp, local, ... */
	span nexthop;   /* what is routed on: domain, [host]:port, ... */
};

struct envelope {
	msgid id;
	usec arrival;  /* wall clock */
	span sender;   /* empty: the null sender */
	uint64_t size; /* content in bytes as it is stored, header included */
	uint32_t flags;
	span envid; /* DSN ENVID=, decoded, or empty */
	span ident; /* Message-Id as logged, with its <> */
	/* Two characters: each recipient gets a sender of his own (verp.h);
	 * or empty. */
	span verp;
	/* Who brought it; empty when it came from a local command. */
	span client_name;
	span client_addr; /* 192.0.2.1, IPv6:2001:db8::1 */
	span helo;
	span proto;           /* SMTP, ESMTP, ... */
	uint16_t client_port; /* 0: none, or not known */
	uint32_t nrcpts;
	struct rcpt *rcpts;
};

enum {
	ENVELOPE_MAX_RCPTS = 1000000,
};

void envelope_put(struct buf *out, const struct envelope *e);
/* False: malformed, or the arena is full. Consumes from w. */
MUST_USE bool envelope_get(
    struct wire *w, struct arena *a, struct envelope *ret);
