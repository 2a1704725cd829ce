/* SPDX-License-Identifier: ISC */
/*
 * store/spool_internal.h - what the parts of the spool share.
 *
 *	spool.c     the public face: checks, bookkeeping, poll
 *	log.c       heads, groups, commit: records go in
 *	segments.c  the set of segments: free ones, live bytes, preparing
 *	cleaner.c   live records out of mostly dead segments
 *	recover.c   what the directory says at the start
 *	blob.c      big content
 *	reader.c    records come back
 *
 * Below them, knowing nothing of the spool: segment.c (format), segment_io.c,
 * spool_index.c, gather.c, workers.c, crc32c.c, file_ops.c.
 *
 * Everything here belongs to the loop's thread. A job that runs elsewhere has
 * copies of what it needs, or borrows what stays put until its done().
 */
#pragma once

#include "base/hmap.h"
#include "base/list.h"
#include "store/cleaner.h"
#include "store/gather.h"
#include "store/segments.h"
#include "store/spool.h"
#include "store/spool_index.h"
#include "store/workers.h"

enum {
	SEGMENTS_RESERVE = 3, /* that messages must leave free (I12) */
	SEGMENTS_SPARE = 4,   /* prepared ahead */
	SEGMENTS_MOST = 6,    /* more free ones than this are removed */
	SEGMENTS_SLACK = 6,   /* the constant of I13, in segments */

	GROUP_ENOUGH = 1024 * 1024, /* bytes: do not wait for more */
	GROUP_MAX = SEGMENT_MAX,
	LAZY_DELAY = 70000,            /* us: states and dones wait at most */
	RETRY_DELAY = 1000000,         /* us: after an error, or no space */
	PARKED_MAX = 64 * 1024 * 1024, /* states beyond are not kept */

	MARK_AHEAD = 65536, /* msgid counters reserved at a time */
	MARK_LOW = 32768,   /* fewer left: reserve more */
};

/* --- log.c ------------------------------------------------------------ */

struct waiter {
	size_t at; /* its record's offset in the group's bytes */
	spool_done_fn *fn;
	void *ctx;
};

struct head {
	struct segment *seg;
	int fd;             /* -1: not open yet */
	uint32_t end;       /* where the next group begins */
	struct buf entries; /* of durable records: the footer to be */
	size_t planned;     /* bytes of entries, with those under way */
	unsigned groups;    /* under way */
	uint32_t torn;      /* to be noted with the first group, or 0 */
	bool is_fresh;      /* its header goes with the first group */
	bool is_closing;    /* no more groups; sealed after the last */
};

struct group {
	struct job job;
	struct list link;
	struct spool *sp;
	struct head *head; /* NULL: parked */
	uint64_t at;
	struct buf bytes;
	struct buf entries;
	struct waiter *waiters;
	size_t nwaiters;
	unsigned messages;
	bool hurry;
	uint64_t serial; /* of the hot head's groups */
	usec since;
	/* For the thread, and from it. */
	bool with_header;
	struct segment_header header;
	unsigned block;
	uint32_t slot;
	int fd;
	int result;
};

struct log {
	struct head *hot;
	struct head *cold;
	struct group *gathering;
	struct list closed; /* groups to be written before `gathering` */
	struct group *flying;
	struct group *parked; /* records that found no room */
	size_t parked_enough; /* look through it when it grows beyond */
	usec quiet_until;     /* after an error: no groups before */
	int last_error;       /* of a group */
	uint64_t serial;      /* of the newest group */
	uint64_t landed;      /* of the newest that is through */
	struct gather gather;
	unsigned arrived; /* messages since the last poll */
	bool is_full;     /* the last message was refused */
};

/* A record to be placed, in parts or as a copy. */
struct item {
	struct record record;          /* id, type, flags; seq 0: a new one */
	struct record_payload payload; /* message, state */
	uint64_t number;               /* done, mark, torn */
	span copy;                     /* or all of the record */
	spool_done_fn *fn;
	void *ctx;
};

void log_init(struct spool *sp);
void log_end(struct spool *sp);
/* A message: false when it is refused. */
MUST_USE bool log_put_message(struct spool *sp, const struct item *item);
/* Anything else: placed now or later. */
void log_put(struct spool *sp, const struct item *item);
/* "Finished", for the segment it lies in. */
void log_put_done(struct spool *sp, msgid id, bool is_big, uint64_t stamp);
void log_put_number(struct spool *sp, enum record_type type, uint64_t number);
/* Start what is due; with `all`, everything. */
void log_run(struct spool *sp, bool all);
usec log_deadline(const struct spool *sp);
/* Hurry everything placed so far; wait until log_passed() the result. */
uint64_t log_hurry(struct spool *sp);
bool log_passed(const struct spool *sp, uint64_t serial);
/* Nobody's turn will come any more: refuse those who wait for room. */
void log_refuse_parked(struct spool *sp);
/* Everything that found room is durable. */
bool log_is_idle(const struct spool *sp);
/* A head for an unsealed segment found at the start; takes the entries. */
void log_resume(struct spool *sp, struct segment *seg, struct scan *scan);
/* Seal a segment found at the start; takes the entries. */
void log_seal(struct spool *sp, struct segment *seg, struct buf *entries);
/* The newest state that is not durable yet, or an empty span. */
span log_pending_state(const struct spool *sp, msgid id);

/*
 * The cold head's groups are the cleaner's own: open one, put records in,
 * write it, and in done() call landed, look at it, and end it. NULL: there is
 * no free segment.
 */
struct group *log_cold_group(struct spool *sp);
/* False: the head is full; write or end this group and take a new one. */
MUST_USE bool log_cold_put(struct group *g, const struct item *item);
void log_cold_write(struct group *g, void (*done)(struct job *job));
/* Enter it in the footer-to-be, or close its head if it failed. */
void log_cold_landed(struct group *g);
/* Frees the group, written or not. NULL is fine. */
void log_cold_end(struct group *g);

/* --- reader.c --------------------------------------------------------- */

/* Keep the bytes of a damaged record under corrupt/. */
void save_corrupt(struct spool *sp, msgid id, const struct place *where);

/* --- recover.c -------------------------------------------------------- */

MUST_USE int recover(struct spool *sp);

/* --- blob.c ----------------------------------------------------------- */

struct blobs {
	int dir; /* -1 when there is none (read only) */
	uint64_t counter;
	bool only_named; /* the file system has no unnamed files */
};

MUST_USE int blobs_open(struct spool *sp);
void blobs_close(struct spool *sp);
/* Make the message's blob durable under its name, then append it. */
void blob_append(struct spool *sp, const struct spool_message *m,
    spool_done_fn *fn, void *ctx);
void blob_remove(struct spool *sp, msgid id);
/* At the start: what is there without a message, and the reverse. */
MUST_USE int recover_blobs(struct spool *sp);

/* --- spool.c ---------------------------------------------------------- */

struct answer {
	spool_done_fn *fn;
	void *ctx;
	int result;
};

struct spool {
	struct store store; /* first: what threads may use too */
	struct spool_config config;
	int lock;
	struct workers *workers;
	usec now;
	bool is_quiet; /* opening or closing: no housekeeping */

	struct segments segments;
	struct spool_index index;
	struct log log;
	struct cleaner cleaner;
	struct blobs blobs;

	uint64_t seq;          /* of the next record */
	uint64_t next_counter; /* of the next msgid to hand out */
	uint64_t mark;         /* durable */
	uint64_t mark_asked;   /* on its way */

	struct answer *answers;
	size_t nanswers;

	struct spool_stats stats;
};

/* Tell later, from spool_poll(). fn may be NULL. */
void spool_answer(struct spool *sp, spool_done_fn *fn, void *ctx, int result);
void spool_damaged(struct spool *sp, const struct spool_damage *d);
/* A record of a live message could not be read: tell, keep its bytes for
 * the operator, forget it. */
void spool_lost_record(
    struct spool *sp, struct known *k, const struct place *where);
/* Take a message out of the index and out of the accounts. */
void spool_forget(struct spool *sp, struct known *k);
/* A state of the message lies there from now on. */
void spool_moved(struct spool *sp, struct place *was, struct place is);
/* While quiet: wait until everything that has room is durable and all jobs
 * are done. */
void spool_settle(struct spool *sp);
