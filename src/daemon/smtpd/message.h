/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/message.h - a transaction, from MAIL to the answer to its end
 * of data.
 *
 * The content is cleaned while it streams in (mail/clean.h). A small message
 * stays in memory until it is handed over in one piece; a large one is
 * written to a blob of the queue's as it comes, in pieces of BLOB_PIECE. What
 * is not written is bounded: while a blob is being waited for, message_chunk()
 * asks the session to wait.
 *
 * Trouble with the queue or with memory does not stop the client: the content
 * is read to its end, thrown away, and the fate is told then.
 */
#pragma once

#include "base/hmap.h"
#include "ipc/msg_queue.h"
#include "ipc/msg_rules.h"
#include "mail/clean.h"

struct session;
struct smtpd;

enum message_place {
	PLACE_MEMORY,
	PLACE_ASKED, /* for a blob */
	PLACE_BLOB,
	PLACE_NOWHERE, /* lost: message->fate */
};

struct message {
	struct hnode node; /* handover.c: by tag, while the queue knows it */
	struct session *session; /* NULL: it has gone, the commit goes on */
	struct smtpd *p;
	uint64_t tag;
	msgid id;          /* 0: none yet */
	uint64_t reserved; /* a counter for it */
	usec arrival;
	span sender;        /* as rewritten; in the transaction's arena */
	struct rcpt *rcpts; /* the same */
	uint32_t nrcpts;
	uint32_t room;
	uint32_t nlast;   /* of them, at the end: always_bcc */
	struct hmap dups; /* of rcpts, up to duplicate_filter_limit */
	struct received received;
	struct clean clean;
	struct buf content; /* not written yet, or all of it */
	uint64_t size;      /* of the cleaned content */
	size_t counted;     /* in smtpd->content_bytes */
	int blob;
	uint8_t place; /* enum message_place */
	uint8_t fate;  /* enum queue_result */
	bool known;    /* to the queue: it has the tag */
	bool local;    /* rewrite headers as for our own users */
	bool receiving;
	bool waited;    /* for an id */
	bool checked;   /* smtpd_end_of_data_restrictions are done */
	bool committed; /* COMMIT was sent */
};

struct message *message_new(struct session *s);
/* Tells the queue, if that knows of it. NULL is fine. */
void message_free(struct message **m);

/*
 * One more recipient, with its route; RULES_WAY_BCC_LAST: behind all others,
 * now and later. One that is there already, with the same original address
 * and wishes, is not added again. False: there is no room.
 */
MUST_USE bool message_add_rcpt(
    struct message *m, const struct rcpt *rcpt, enum rules_way_kind kind);

/* Those beyond the first `nrcpts`, `nlast` of them, were a mistake. */
void message_drop_rcpts(struct message *m, uint32_t nrcpts, uint32_t nlast);

/* No recipient gets it: the sender hears why. `why` lives on. */
void message_return(struct message *m, span why);

/* The content begins. */
void message_begin(struct message *m);
/* False: wait until handover.c resumes the session. */
MUST_USE bool message_chunk(struct message *m, span chunk);
/* There is no more of it; false as above. */
MUST_USE bool message_finish(struct message *m);
/* After each of these: the addresses of the header have to be asked for
 * before anything else is done. */
bool message_is_asking(const struct message *m);
/* They are known (mail/clean.h); false as above. */
MUST_USE bool message_answer(
    struct message *m, const span *addrs, uint32_t count);
/* Nothing will come of it. */
void message_fail(struct message *m, enum queue_result fate);
/* COMMIT is on its way: what it says need not be kept. */
void message_sent(struct message *m);
/* The blob that was asked for is there. */
void message_blob(struct message *m, int fd);
