/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_client.h - the client side of SMTP (RFC 5321) and LMTP
 * (RFC 2033), without I/O.
 *
 * The engine turns a server's bytes into events, and messages into commands.
 * It opens no socket and reads no clock. A driver runs it like this:
 *
 *	input arrived: while ((ev = smtp_client_next(c, &input)) !=
 *	                   SMTP_CLIENT_WAIT)
 *		act on the event;
 *	socket takes bytes: send what smtp_client_output(c) says, then
 *		smtp_client_sent(c, bytes);
 *	connection ended, or a step took too long: smtp_client_end(c, why),
 *		then the loop above until SMTP_CLIENT_CLOSED.
 *
 * A session carries messages one after the other. With PIPELINING the next
 * one may be given while the server still thinks about the last one
 * (RFC 2920 3.1: the content may be the first "command" of a group), so that
 * a message costs one write and one read.
 *
 * After smtp_client_give() and smtp_client_sent() there may be events too: the
 * loop above runs with empty input.
 *
 * A message with ENVELOPE_VERIFY is only tried: what RCPT is answered with is
 * the outcome, and no content is sent.
 *
 * The texts of outcomes are those of Postfix's smtp(8).
 */
#pragma once

#include "mail/envelope.h"
#include "mail/verdict.h"
#include "proto/smtp_reply.h"

/* What the server offers (EHLO), and what not to believe (setup.discard). */
enum smtp_feature {
	SMTP_FEATURE_PIPELINING = 1,
	SMTP_FEATURE_SIZE = 2,
	SMTP_FEATURE_8BITMIME = 4,
	SMTP_FEATURE_DSN = 8,
	SMTP_FEATURE_SMTPUTF8 = 16,
	SMTP_FEATURE_STATUSCODES = 32,
	SMTP_FEATURE_STARTTLS = 64,
	SMTP_FEATURE_CHUNKING = 128,
	SMTP_FEATURE_AUTH = 256,
	SMTP_FEATURE_ETRN = 512,
	SMTP_FEATURE_VRFY = 1024,
	SMTP_FEATURE_XFORWARD = 2048,
};

enum smtp_setup_flags {
	SMTP_SETUP_LMTP = 1,
	SMTP_SETUP_ALWAYS_EHLO = 2, /* else only if the greeting says ESMTP */
	SMTP_SETUP_NEVER_EHLO = 4,
	SMTP_SETUP_SKIP_5XX = 8,  /* smtp_skip_5xx_greeting */
	SMTP_SETUP_QUOTE = 16,    /* smtp_quote_rfc821_envelope */
	SMTP_SETUP_NO_LOOPS = 32, /* a server with our name is ourselves */
	SMTP_SETUP_BEST_MX = 64,  /* ... and that is a permanent error */
	SMTP_SETUP_LOWER = 128,   /* "MAIL From:", as sendmail writes it */
};

struct smtp_setup {
	unsigned flags;   /* enum smtp_setup_flags */
	unsigned discard; /* enum smtp_feature bits to ignore */
	span helo;        /* the argument of EHLO */
	span myhostname;  /* for NO_LOOPS */
	span peer;        /* "host[addr]", for the texts */
	span nexthop;     /* for the text about loops */
};

/* What the session is doing: the driver's timeouts and Postfix's words. */
enum smtp_step {
	SMTP_STEP_GREETING,
	SMTP_STEP_EHLO,
	SMTP_STEP_HELO,
	SMTP_STEP_LHLO,
	SMTP_STEP_MAIL,
	SMTP_STEP_RCPT,
	SMTP_STEP_DATA,
	SMTP_STEP_CONTENT, /* not all of the content is sent */
	SMTP_STEP_DOT,
	SMTP_STEP_RSET,
	SMTP_STEP_QUIT,
	SMTP_STEP_IDLE, /* waiting for a message */
	SMTP_STEP_CLOSED,
	SMTP_STEPS,
};

/* What the session did with a recipient. */
enum smtp_fate {
	SMTP_FATE_OPEN,
	SMTP_FATE_ACCEPTED, /* RCPT TO was answered 2xx */
	SMTP_FATE_DECIDED,  /* there was a SMTP_CLIENT_RCPT */
	SMTP_FATE_SKIP,     /* set by the driver: not to be tried */
};

/*
 * A message for some recipients, in the driver's memory, untouched there
 * until its SMTP_CLIENT_DONE or SMTP_CLIENT_UNSENT.
 */
struct smtp_message {
	span sender; /* internal form; empty: null sender */
	span envid;
	uint32_t flags; /* enum envelope_flags */
	uint32_t nrcpts;
	const struct rcpt *rcpts;
	uint8_t *fates; /* enum smtp_fate, one each; at least one is OPEN */
	/*
	 * Content in wire form: CRLF, dot-stuffed, without the final dot,
	 * handed on untouched. If `content` has ptr NULL the driver sends
	 * `content_len` bytes from elsewhere.
	 */
	span content;
	uint64_t content_len;
	bool open_end;     /* it does not end in CRLF */
	bool utf8_headers; /* needs SMTPUTF8 even if the addresses do not */
	uint64_t size;     /* for SIZE= */

	/* The engine's: */
	uint8_t send;  /* enum smtp_step: next command to make */
	uint8_t recv;  /* next reply to come */
	bool rejected; /* MAIL was */
	uint32_t send_rcpt;
	uint32_t recv_rcpt;
	uint32_t accepted; /* recipients */
};

/* What became of a recipient. Until the next smtp_client_next(). */
struct smtp_outcome {
	uint32_t rcpt; /* index */
	/* False: the same as for the recipient of the event before this. */
	bool first;
	/* The site is at fault, not the message or the recipient. */
	bool site;
	struct verdict verdict; /* without remote_mta */
	bool said;              /* by the server (else found out here) */
};

enum smtp_client_event {
	SMTP_CLIENT_WAIT,
	SMTP_CLIENT_READY,  /* the hello went well: give a message */
	SMTP_CLIENT_RCPT,   /* c->outcome, of a recipient of c->message */
	SMTP_CLIENT_DONE,   /* c->message is yours again */
	SMTP_CLIENT_UNSENT, /* the same, and nothing was tried: use another
			     * session, the fates are OPEN again */
	SMTP_CLIENT_FAILED, /* no hello: c->outcome.verdict says why */
	SMTP_CLIENT_NOTE,   /* c->note is worth a warning in the log */
	SMTP_CLIENT_CLOSED, /* close the connection; the last event */
};

enum { SMTP_CLIENT_EVENTS = 8 };

struct smtp_client_slot {
	struct smtp_message *message;
	uint8_t event;
};

struct smtp_client {
	/* To read: */
	struct smtp_message *message; /* of the last event */
	struct smtp_outcome outcome;
	span note;
	unsigned features;   /* enum smtp_feature */
	uint64_t size_limit; /* of the server; 0: unknown */
	uint32_t given;      /* messages so far */

	/* The engine's: */
	struct smtp_setup setup;
	uint8_t step;  /* of the session, when no message is under way */
	bool reusable; /* may carry another message */
	bool fresh;    /* the outcome was not handed out yet */
	bool headed;   /* the first line of the EHLO reply was seen */
	bool myself;   /* and it has our name */
	struct smtp_message *cur;  /* whose replies come in */
	struct smtp_message *next; /* sent after it */
	uint64_t content_left;     /* of cur; goes before `out` */
	uint32_t waiting;          /* lines sent or to be sent, unanswered */
	uint32_t dots;             /* LMTP: answers to the dot to come */
	uint32_t range;            /* recipients that share the outcome ... */
	uint32_t range_end;        /* ... as far as they have none yet */
	struct buf out;
	struct buf text;
	struct smtp_reply reply;
	struct smtp_client_slot slots[SMTP_CLIENT_EVENTS];
	uint8_t slot_first;
	uint8_t slot_count;
};

/* The spans in `setup` live as long as the session. */
void smtp_client_init(struct smtp_client *c, const struct smtp_setup *setup);
void smtp_client_done(struct smtp_client *c);

/*
 * SMTP_CLIENT_WAIT: all input is consumed; send the output, wait for input.
 * The input may be empty.
 */
enum smtp_client_event smtp_client_next(struct smtp_client *c, span *input);

/* Whether a message may be given now. */
bool smtp_client_has_room(const struct smtp_client *c);
void smtp_client_give(struct smtp_client *c, struct smtp_message *m);
/* Whether another message may follow the ones it has. */
bool smtp_client_is_reusable(const struct smtp_client *c);
/* Say QUIT; only when idle. SMTP_CLIENT_CLOSED follows the reply. */
void smtp_client_quit(struct smtp_client *c);

enum smtp_end {
	SMTP_END_LOST,
	SMTP_END_TIMEOUT,
	SMTP_END_LOCAL, /* the content could not be read */
};
void smtp_client_end(struct smtp_client *c, enum smtp_end why);

/*
 * What to send: first the rest of the content of c->cur, which begins at
 * `content_at` and is `content` when it was given as a span; then commands.
 */
struct smtp_client_output {
	span content;
	uint64_t content_left;
	uint64_t content_at;
	span commands;
};
struct smtp_client_output smtp_client_output(const struct smtp_client *c);
void smtp_client_sent(struct smtp_client *c, uint64_t n);

enum smtp_step smtp_client_step(const struct smtp_client *c);
/* "sending RCPT TO": after "lost connection with X while". */
span smtp_step_doing(enum smtp_step step);
/*
 * Whether an address may stand in a command: no control characters. A
 * message with another one costs the session (SMTP_END_LOCAL): look first.
 */
bool smtp_client_is_clean(span s);
/* One EHLO keyword, in any case; 0: not known. */
unsigned smtp_feature_find(span keyword);
