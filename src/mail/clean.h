/* SPDX-License-Identifier: ISC */
/*
 * mail/clean.h - what happens to a message's content on its way in.
 *
 * Content streams through in wire form (CRLF, dot-stuffed, without the final
 * dot), cut anywhere:
 *
 *	clean_init(&c, conf, &message);
 *	clean_start(&c, out);                  our Received header
 *	for each chunk:
 *		clean_feed(&c, chunk, out);
 *	clean_finish(&c, out);                 for a message without body
 *	use c.hops_exceeded, clean_ident(&c), c.flags
 *	clean_done(&c);
 *
 * Where tables change addresses of the header (map_senders, map_recipients),
 * the cleaner has to ask: after each clean_feed() and clean_finish()
 *
 *	if (c.asking)
 *		look up what clean_next_question() gives;
 *		clean_answer(&c, answers, count, out);
 *
 * and nothing is fed in between. Meanwhile it holds back what it has, at most
 * ASK_AT and what is fed at once: a header that is longer asks several times.
 *
 * The header is taken apart and put together as Postfix's cleanup does; the
 * body passes as it is. Once clean_in_body() is true the caller may append
 * the chunks itself, or pass them on without a copy, after clean_note_body().
 * `out` is the caller's: he may empty it after each call.
 */
#pragma once

#include "base/wire.h"
#include "mail/received.h"
#include "mail/rewrite.h"

struct clean_conf {
	span myhostname;
	span drop_headers; /* message_drop_headers: names, by comma or blank */
	span undisclosed;  /* undisclosed_recipients_header */
	struct rewrite_conf local;  /* for local clients */
	struct rewrite_conf remote; /* origin empty: leave theirs alone */
	uint32_t header_size_limit; /* 102400 */
	uint32_t token_limit;       /* header_address_token_limit, 10240 */
	uint32_t hopcount_limit;    /* 50 */
	bool always_add_missing;    /* always_add_missing_headers */
	bool map_senders;           /* ask for addresses of senders ... */
	bool map_recipients;        /* ... of recipients */
};

/* This message; the spans live until clean_done(). */
struct clean_message {
	msgid id;
	usec arrival;   /* wall clock */
	span sender;    /* as rewritten, internal form */
	usec created;   /* the same, of the queue file; 0: on arrival */
	span full_name; /* of a local sender, or empty */
	bool local;     /* local_header_rewrite_clients matched */
	bool alone;     /* it has been here: neither rewrite nor add */
	bool keep;      /* all of it, also with too many hops: see hops */
	const struct received *received; /* NULL: the content has one */
};

enum clean_flags {
	CLEAN_SAYS_8BIT = 1,   /* Content-Transfer-Encoding: 8bit or binary */
	CLEAN_HAS_8BIT = 2,    /* bytes above 127 in the body */
	CLEAN_UTF8_HEADER = 4, /* bytes above 127 in the header */
};

struct clean {
	const struct clean_conf *conf;
	struct clean_message m;
	const struct rewrite_conf *rewrite; /* NULL: none */
	struct buf line;   /* a line that is not complete yet */
	struct buf header; /* a header that is not complete yet, LF inside */
	struct buf ident;  /* Message-Id as logged, with its <> */
	struct buf resent_ident;
	uint32_t seen; /* bits of enum header_type */
	uint32_t hops;
	uint32_t flags;   /* enum clean_flags */
	struct buf held;  /* output that waits for answers */
	struct buf asked; /* the questions: u8 class, span address */
	struct buf marks; /* struct mark: headers in `held` to be rewritten */
	uint32_t nasked;
	uint8_t state;
	bool holding;       /* output goes to `held` */
	bool asking;        /* clean_answer() is due */
	bool resent;        /* the message has Resent- headers */
	bool open_line;     /* the rest of this line is beyond the limit */
	bool hops_exceeded; /* 554 5.4.0 Error: too many hops */
	bool failed;        /* memory limits: 451 */
};

void clean_init(struct clean *c, const struct clean_conf *conf,
    const struct clean_message *m);
void clean_done(struct clean *c);

enum clean_class { CLEAN_SENDER, CLEAN_RECIPIENT };

/*
 * The questions, one after the other, from wire_from(buf_span(&c->asked)):
 * an address in external form, complete, and whose it is. False: no more.
 */
bool clean_next_question(struct wire *w, uint8_t *ret_class, span *ret_addr);
/*
 * One answer per question: the address in external form, or ptr NULL where
 * it stays as it is. Borrowed for the call.
 */
void clean_answer(
    struct clean *c, const span *answers, uint32_t count, struct buf *out);

void clean_start(struct clean *c, struct buf *out);
void clean_feed(struct clean *c, span chunk, struct buf *out);
void clean_finish(struct clean *c, struct buf *out);

bool clean_in_body(const struct clean *c);
/* Only looks for 8-bit bytes, until it has found one. */
void clean_note_body(struct clean *c, span chunk);

/* Log it as "message-id=" this. Control characters are '?'. */
span clean_ident(const struct clean *c);
/* Log it as "resent-message-id=" this, before the other one, if not empty. */
span clean_resent_ident(const struct clean *c);
