/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/active.h - a message in memory, from its commit or its
 * loading to the end of this attempt.
 */
#pragma once

#include "daemon/queue/queue.h"
#include "mail/dsn.h"
#include "store/state.h"

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
	bool report;    /* the sender asked to be told, and was not yet */
	uint8_t passes; /* from transport to transport */
	span transport; /* as routed now */
	span nexthop;
	struct verdict verdict; /* of the last attempt; texts in the arena */
	span action;            /* for the report; may be empty */
	uint32_t legs;          /* under way; `verdict` is the worst so far */
};

/* An address behind a recipient that goes its own way. */
struct active_leg {
	uint32_t rcpt;
	span addr;
	span orig;
	struct active_rcpt as; /* state, passes, transport and nexthop */
};

/* An address behind a recipient: store/state.h. Texts in the arena. */
struct active_part {
	struct state_part state;
	bool old;      /* of a former activation */
	bool again;    /* it failed before, and that is known */
	uint64_t hash; /* of recipient and address */
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
	struct active_part *parts;
	uint32_t nparts;
	uint32_t parts_room;
	struct active_leg *legs;
	uint32_t nlegs;
	uint32_t legs_room;
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
/* Make jobs of the recipients that are PENDING. */
void active_submit(struct active *a);
/* What the spool keeps of it, and mailq shows. Spans are borrowed; free the
 * arrays. */
struct state active_state(const struct active *a);
/* Sooner or later, together with others, write down what is known. */
void active_mark_dirty(struct active *a);
/* The sender shall hear of all outcomes: "sendmail -bv", or "-v". */
bool active_is_traced(const struct active *a);
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

/* An attempt ended. The verdict's spans are copied. */
void active_outcome(struct active *a, uint32_t place, const struct verdict *v);
/* The log line of an outcome that the queue itself decided. */
void active_log_outcome(struct active *a, uint32_t place, const char *program,
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

/* ---- legs.c ---- */

/*
 * What jobs are made of are places: the recipients, and from nrcpts on the
 * legs.
 */
struct active_rcpt *active_target(struct active *a, uint32_t place);
/* As it is routed now. */
struct rcpt active_address(const struct active *a, uint32_t place);
/* An attempt for a leg ended. */
void legs_outcome(struct active *a, uint32_t place, const struct verdict *v);
/*
 * A job ended; what goes on is PENDING. True: the process is stopping, and
 * what is left in the job is for another one: most often it has tried
 * nothing, but what it has done must not be done again.
 */
MUST_USE bool legs_report(
    struct qjob *j, enum role role, const struct job_done *m);

/* ---- parts.c ---- */

/* What a delivery process says of an address behind the recipient. */
void parts_take(struct active *a, uint32_t rcpt, const struct job_part *p);
/* What became of a leg. */
void parts_take_leg(struct active *a, const struct job_part *p);
/* A leg delivered to this address in a former attempt. */
bool parts_is_done(const struct active *a, uint32_t rcpt, span addr);
/* What the spool says. */
void parts_load(struct active *a, const struct state_part *p);
/* It tells why its recipient waits: nothing newer is known. */
bool parts_is_waiting(const struct active *a, const struct active_part *p);
/* Time is up for the recipients that are DEFERRED. */
void parts_expire(struct active *a);
/* The first one that failed without its sender (the message's, or else its
 * own) having been told; NULL: none. */
struct active_part *parts_untold(const struct active *a, bool has_sender);

/* ---- notice.c ---- */

/*
 * Tell the sender about those recipients of `a`, and addresses behind them,
 * that are BOUNCED, DEFERRED, or marked with `report`. With `owner`, tell its
 * sender about those with that sender that failed. Counts a->open up; when
 * the notice is safe what it named is settled, then active_check() is called.
 * When it cannot be made now, a->holds_notice is set instead.
 */
void notice_start(
    struct active *a, enum dsn_kind kind, const struct active_part *owner);
