/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/active.h - a message in memory, from its commit or its
 * loading to the end of this attempt.
 */
#pragma once

#include "daemon/queue/queue.h"
#include "mail/dsn.h"

/* ---- active.c ---- */

enum active_rcpt_state {
	ACTIVE_PENDING, /* to be tried */
	ACTIVE_IN_JOB,
	ACTIVE_DEFERRED, /* tried in this activation, or told to wait */
	ACTIVE_BOUNCED,  /* failed in this activation, sender not told yet */
	ACTIVE_DONE,     /* nothing more to do, ever */
};

struct active_rcpt {
	enum active_rcpt_state state;
	bool report;    /* delivered, and the sender asked to be told */
	span transport; /* as routed now */
	span nexthop;
	struct verdict verdict; /* of the last attempt; texts in the arena */
};

/* Who made a new message, to be told once it is safe (or is not). */
struct active_origin {
	void (*committed)(struct active_origin *o, enum queue_result r);
};

struct active {
	struct list link;  /* in q->actives */
	struct list dirty; /* in q->dirty while outcomes are not recorded */
	struct queue *q;
	struct message *message;      /* NULL before active_commit() */
	struct active_origin *origin; /* NULL: it is committed */
	struct arena arena;
	struct buf envelope_bytes; /* what the envelope is borrowed from */
	struct buf content_bytes;
	struct envelope envelope;
	struct active_rcpt *rcpts;
	struct list waiters;     /* for the content */
	struct spool_blob *blob; /* until the commit */
	bool has_content;        /* content_bytes holds it all */
	bool in_blob;            /* the content is in the spool's blob file */
	bool reading;            /* the spool was asked for content */
	bool holds_notice; /* telling the sender failed in this activation */
	usec activated;    /* wall clock */
	unsigned open;     /* jobs, questions, notices, reads not ended */
	char id_text[MSGID_TEXT_MAX];
};

struct active *active_new(struct queue *q, msgid id);
/*
 * Commit a new message: envelope_bytes, and content_bytes or blob, are
 * filled in. The origin hears the result, after which the message goes its
 * own way (or is gone, when it failed).
 */
void active_commit(struct active *a);
/* Decode envelope_bytes and set up the recipients. */
MUST_USE bool active_decode(struct active *a);
void active_free(struct active *a);

void active_init(struct queue *q);
struct verdict active_verdict(struct active *a, const struct verdict *v);
/* content_bytes is filled: count it. */
void active_keep_content(struct active *a);
/* Routed: log it and make jobs. */
void active_start(struct active *a);
/* Write down what became of the recipients so far (lazily durable). */
void active_record(struct active *a, usec retry);
/* All of that which waits to be gathered with more. */
void active_record_all(struct queue *q);

/* ---- load.c ---- */

void active_load_init(struct queue *q);
/* The retry heap has changed, or room for an active message was made. */
void active_arm(struct queue *q);
/* Leave a message that is not active alone until then (wall clock). */
void active_wait(struct queue *q, struct message *m, usec wall);
/* Found at the start. */
void active_found(struct queue *q, const struct spool_found *found);
/* Try these now, whatever their time; NULL: every one. Returns how many. */
uint32_t active_hurry(struct queue *q, struct message *m);

/* A recipient's attempt ended. The verdict's spans are copied. */
void active_outcome(struct active *a, uint32_t rcpt, const struct verdict *v);
/* The log line of an outcome that the queue itself decided. */
void active_log_outcome(struct active *a, uint32_t rcpt, const char *program,
    const struct verdict *v);
/* Something that was open ended (the caller counted a->open down): look
 * whether the activation is over. The message may be gone after this. */
void active_check(struct active *a);
/*
 * Bring the inline content back into memory (a->has_content says whether it
 * worked) and call back; at once if it is there.
 */
typedef void active_content_fn(struct active *a, void *ctx);
void active_need_content(struct active *a, active_content_fn *fn, void *ctx);

/* ---- notice.c ---- */

/*
 * Tell the sender about those recipients of `a` that are BOUNCED, DEFERRED,
 * or delivered with `report`. Counts a->open up; when the notice is safe the
 * recipients it named are settled, then active_check() is called. When it
 * cannot be made now, a->holds_notice is set instead.
 */
void notice_start(struct active *a, enum dsn_kind kind);
