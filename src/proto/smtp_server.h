/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_server.h - the server side of SMTP (RFC 5321), without I/O.
 *
 * The engine turns bytes into questions and answers into bytes. It opens no
 * socket, reads no clock, logs nothing and knows no policy. A driver runs it
 * like this:
 *
 *	smtp_server_feed(s, bytes of the peer);
 *	while ((ask = smtp_server_next(s)) != SMTP_ASK_INPUT)
 *		decide, now or later, then smtp_server_answer(s, ...);
 *	smtp_server_park(s) before those bytes go away;
 *	send s->out to the peer, buf_drop() what was sent.
 *
 * While a question is open the engine consumes no input. That is all it
 * takes to make pipelining (RFC 2920) and slow policy lookups safe.
 *
 * Message content passes through without a copy: SMTP_ASK_CHUNK shows pieces
 * of the bytes that were fed (proto/smtp_content.h).
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "proto/smtp_content.h"
#include "proto/smtp_inside.h"
#include "proto/smtp_server_conf.h"

enum smtp_state {
	SMTP_GREETED,    /* banner sent, no HELO yet */
	SMTP_READY,      /* no transaction open */
	SMTP_MAIL,       /* MAIL accepted, no recipient yet */
	SMTP_RCPT,       /* at least one recipient accepted */
	SMTP_DATA,       /* 354 sent: input is message content */
	SMTP_BDAT,       /* between two chunks of a message */
	SMTP_CHUNK,      /* input is a chunk of message content */
	SMTP_SKIP,       /* input is a chunk that nobody wants */
	SMTP_BDAT_LOST,  /* the message is lost; LAST, RSET or HELO ends it */
	SMTP_COMMITTING, /* all content seen, waiting for the answer */
	SMTP_CLOSED,
};

enum smtp_ask {
	SMTP_ASK_INPUT, /* nothing to decide: feed more bytes */
	/* These are answered with smtp_server_answer(). */
	SMTP_ASK_HELO,   /* accept this name? s->arg; if conf->ask_helo */
	SMTP_ASK_MAIL,   /* accept this sender? s->mail */
	SMTP_ASK_RCPT,   /* accept this recipient? s->rcpt */
	SMTP_ASK_VRFY,   /* the same, but there is no transaction */
	SMTP_ASK_ETRN,   /* send the mail for s->arg? */
	SMTP_ASK_DATA,   /* ready to take the content? */
	SMTP_ASK_COMMIT, /* is the message safe? the text is its queue id */
	SMTP_ASK_DELAY,  /* hold s->out for smtpd_error_sleep_time */
	SMTP_ASK_TLS,    /* flush s->out, shake hands; then yes, or the end */
	/* These are not: just go on. */
	SMTP_ASK_CHUNK,   /* store s->chunk */
	SMTP_ASK_DROPPED, /* the transaction is over, without a message */
	SMTP_ASK_NOTE,    /* something for the log: s->note, s->note_text */
	SMTP_ASK_FLUSH,   /* there is enough in s->out: send it first */
	SMTP_ASK_CLOSE,   /* flush s->out, then close; nothing follows */
};

enum smtp_note {
	SMTP_NOTE_PIPELINING,  /* spoke too early; the text is what */
	SMTP_NOTE_LONG_LINE,   /* its beginning */
	SMTP_NOTE_FLOOD,       /* a line without end: the session ends */
	SMTP_NOTE_BAD_ADDRESS, /* as the client wrote it */
	SMTP_NOTE_NOT_SMTP,    /* the line */
	SMTP_NOTE_DISCARDING,  /* EHLO keywords not announced */
	SMTP_NOTE_REJECT,      /* log as a reject; the text is the reply */
	SMTP_NOTE_BDAT_SYNTAX, /* the line */
	SMTP_NOTE_BDAT_NULL,
	SMTP_NOTE_BDAT_SIZE,
	SMTP_NOTE_BDAT_FLOOD, /* too much to skip: the session ends */
	SMTP_NOTE_SIZE,       /* message_size_limit passed */
};

/* In the order in which they are logged. */
enum smtp_command {
	SMTP_CMD_HELO,
	SMTP_CMD_EHLO,
	SMTP_CMD_XCLIENT,
	SMTP_CMD_XFORWARD,
	SMTP_CMD_STARTTLS,
	SMTP_CMD_AUTH,
	SMTP_CMD_MAIL,
	SMTP_CMD_RCPT,
	SMTP_CMD_DATA,
	SMTP_CMD_BDAT,
	SMTP_CMD_RSET,
	SMTP_CMD_NOOP,
	SMTP_CMD_VRFY,
	SMTP_CMD_ETRN,
	SMTP_CMD_QUIT,
	SMTP_CMD_UNKNOWN,
	SMTP_CMDS,
};
/* In capitals: "EHLO". */
span smtp_command_name(enum smtp_command c);

/* MAIL FROM; spans are in s->txn. */
struct smtp_mail {
	span sender;    /* internal form */
	span envid;     /* decoded, or empty */
	span auth;      /* AUTH=, or empty */
	span verp;      /* XVERP=: two characters, or empty */
	uint64_t size;  /* SIZE=, or 0 */
	bool body_8bit; /* BODY=8BITMIME */
	bool body_7bit;
	bool smtputf8;
	bool ret_full;
	bool ret_hdrs;
	struct smtp_inside inside;
};

/* RCPT TO; lives until the question is answered. */
struct smtp_rcpt {
	span addr;  /* internal form */
	span orig;  /* as written, without < > */
	span orcpt; /* "rfc822;addr", decoded, or empty */
	span given; /* conf->trusted: what it was at first; ptr NULL: addr */
	uint8_t
	    notify; /* 1 never, 2 success, 4 failure, 8 delay; 0: not said */
};

enum { SMTP_NOTES_MAX = 4 };

/* Readable by the driver; changed by the engine alone (but see out, txn). */
struct smtp_server {
	const struct smtp_server_conf *conf;
	span client;     /* "name[addr]", borrowed */
	span helo;       /* as given, made harmless; empty: none yet */
	char *helo_text; /* its memory */
	struct buf out;  /* for the peer */
	struct buf held; /* input kept across park */
	span in;         /* input not consumed yet */
	/* The transaction: dies with DROPPED (after the next call) or with
	 * the answer to COMMIT. The driver may put things into it. */
	struct arena txn;
	struct arena cmd; /* one command */
	struct smtp_mail mail;
	struct smtp_rcpt rcpt;
	span arg;
	span chunk;
	span note_text;
	span first_rcpt; /* internal form, in txn; while there are any */
	span farewell;   /* if any: the reply to whatever comes next */
	struct {
		span text;
		uint8_t note;
	} notes[SMTP_NOTES_MAX];
	struct smtp_content content;
	uint64_t chunk_size; /* of this BDAT chunk */
	uint64_t chunk_left;
	uint64_t skipped; /* bytes thrown away, to bound it */
	uint32_t nrcpts;  /* accepted */
	uint32_t overshoot;
	uint32_t errors;
	uint32_t junk;
	uint32_t delays; /* replies to be held */
	uint8_t state;   /* enum smtp_state */
	uint8_t ask;     /* enum smtp_ask: the open question, or INPUT */
	uint8_t note;    /* enum smtp_note */
	uint8_t nnotes;
	uint8_t notes_told;
	uint8_t where;     /* enum smtp_where */
	uint8_t command;   /* enum smtp_command: the one being done */
	uint8_t discarded; /* enum smtp_discarded: why content is thrown away */
	bool chunk_last;   /* this is the BDAT ... LAST one */
	bool in_held;      /* s->in lies in s->held */
	bool esmtp;        /* EHLO was used */
	bool pipelining;   /* the client spoke too early, once is enough */
	bool denied;       /* refused at connect: only QUIT goes */
	bool line_is_lost; /* skip to the end of a line that was too long */
	bool drop_now;     /* DROPPED is to be told */
	bool drop_after;   /* ... was told: free the transaction */
	bool too_many_errors; /* closed for that reason */
	bool rcpt_refused;    /* one of this transaction */
	bool was_cut;  /* conf->trusted: beyond message_size_limit, at COMMIT */
	bool tls;      /* the session is encrypted */
	bool may_verp; /* the driver's: XVERP is for this client */
	bool saw_bare_lf;
	struct {
		uint32_t ok;
		uint32_t total;
	} counts[SMTP_CMDS];
};

/* `conf` must outlive the session. */
void smtp_server_init(
    struct smtp_server *s, const struct smtp_server_conf *conf);
/* May be called twice. */
void smtp_server_done(struct smtp_server *s);

/*
 * The first thing to be said. Bytes fed before it are bytes sent too early.
 * With a code, `text` ("4.7.1 <x>: ...") goes out instead of the banner and
 * the client may only quit. `client` ("name[addr]") lives on.
 */
void smtp_server_start(
    struct smtp_server *s, span client, unsigned code, span text);

/* Before smtp_server_start(): the session is encrypted from its first byte. */
void smtp_server_wrapped(struct smtp_server *s);
/*
 * Whatever the client says next is answered with this, and it is over.
 * The text lives on. "421 4.7.1 ...".
 */
void smtp_server_dismiss(struct smtp_server *s, span reply);

/* Only when smtp_server_next() asked for input. The bytes are borrowed until
 * it asks for input again or smtp_server_park() is called. */
void smtp_server_feed(struct smtp_server *s, span bytes);
/* Keep what is not consumed: the bytes fed may go away. */
void smtp_server_park(struct smtp_server *s);

enum smtp_ask smtp_server_next(struct smtp_server *s);

/*
 * Code 0: yes. Otherwise `text` is the rest of the reply, status code first;
 * control characters in it become blanks. 421 and 521 end the session. For
 * COMMIT with code 0 `text` is the queue id.
 */
void smtp_server_answer(struct smtp_server *s, unsigned code, span text);

/* End the session from outside: this is the last reply. Whatever was asked
 * is forgotten. */
void smtp_server_abort(struct smtp_server *s, unsigned code, span text);

static inline bool smtp_server_is_closed(const struct smtp_server *s)
{
	return s->state == SMTP_CLOSED;
}
/* In a transaction: s->mail is set. */
bool smtp_server_has_mail(const struct smtp_server *s);
/* Waiting for a command, not for the rest of a line or of a message. */
bool smtp_server_is_idle(const struct smtp_server *s);

/* What the client was doing, for "lost connection after ...": "CONNECT",
 * "EHLO", "DATA (12 bytes)", "END-OF-MESSAGE". Appended. */
void smtp_server_where(const struct smtp_server *s, struct buf *out);
/* The same as one word, for "reject: RCPT from". */
span smtp_server_where_word(const struct smtp_server *s);
/* " ehlo=1 mail=0/1 commands=1/2", appended. */
void smtp_server_counts(const struct smtp_server *s, struct buf *out);
