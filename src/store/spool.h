/* SPDX-License-Identifier: ISC */
/*
 * store/spool.h - the messages we have promised to deliver.
 *
 * A spool is a log on one directory. A message is one record that is written
 * once; what happened to its recipients since is one further record, its
 * state, which the next state replaces. Both carry a digest: a few bytes of
 * the caller's own making that come back at the start, so that a scheduler
 * is rebuilt without reading messages. The bytes mean nothing in here.
 *
 * Nothing here waits for the disk, except spool_open() and spool_close().
 * Threads of the spool's own do the writing; their results are delivered by
 * spool_poll(), in the caller's thread. With config.threads == 0 there are no
 * threads and spool_poll() does the work: for tools and tests.
 *
 *	spool_open(), then watch spool_eventfd();
 *	at the end of each round of the loop and when the descriptor is ready:
 *		wake me at: spool_poll(spool, now)
 *
 * doc/queue.md has the invariants, the formats and the crash states.
 */
#pragma once

#include "base/span.h"
#include "base/time.h"
#include "mail/msgid.h"
#include "store/file_ops.h"

struct spool;
struct spool_blob;

/* How an operation ended, beside 0 and negative errnos. */
enum spool_result {
	SPOOL_OK,
	SPOOL_FULL,    /* no room on the disk; works again later by itself */
	SPOOL_TOO_BIG, /* envelope or state larger than spool_max_record() */
	SPOOL_GONE,    /* no such message (any more) */
	SPOOL_DAMAGED, /* it is there, but the disk did not keep it whole */
};

/* A message found at the start. The spans live until the call returns. */
struct spool_found {
	msgid id;
	span digest;       /* of the message */
	span state_digest; /* of its newest state */
	bool has_state;
	bool is_big; /* content in a blob */
};

/* Something the disk did not keep. Found at the start, by the cleaner, or by
 * a read. A torn tail after a crash is no damage and is not reported. */
struct spool_damage {
	msgid id;            /* the message lost, or 0: not known */
	char file[24];       /* below the spool's directory */
	uint64_t at, length; /* bytes of it */
	const char *what;    /* "message record", "blob missing", ... */
	bool is_lost;        /* false: nothing was lost but time */
};

struct spool_calls {
	/* For each live message, in no order, during spool_open(). */
	void (*found)(void *ctx, const struct spool_found *found);
	/* When is_lost and id != 0, the message is no longer in the spool. */
	void (*damaged)(void *ctx, const struct spool_damage *damage);
};

struct spool_config {
	uint32_t segment_size; /* multiple of 4096; 0: 16 MiB */
	unsigned threads;      /* 0: none; else at least 2, one commits */
	uint64_t min_free;     /* refuse messages below this (queue_minfree) */
	usec gather_max;       /* longest wait for company; 0: 2 ms */
	bool read_only;        /* look, change nothing: no appends */
	struct spool_calls calls;
	void *ctx;
};

/*
 * Open the spool in directory `dir` (borrowed; must stay open), make it if
 * there is none, and recover. 0 or a negative errno; -EBUSY: another process
 * has it open (readers exclude only the writer).
 */
MUST_USE int spool_open(const struct file_ops *ops, int dir,
    const struct spool_config *config, struct spool **ret_spool);
/*
 * Writes and flushes what is pending, calls all outstanding callbacks, ends
 * the threads. NULL is fine.
 */
void spool_close(struct spool **spool);

/* Readable when spool_poll() has something to deliver; -1 without threads. */
int spool_eventfd(const struct spool *sp);
/*
 * Deliver results and start what is due. Returns when to be called again at
 * the latest (USEC_NEVER: not before the descriptor is readable or something
 * new was asked for). `now` is any monotonic time. Not from a callback.
 */
usec spool_poll(struct spool *sp, usec now);
/*
 * A hint for the group commit: so many more messages are likely to be
 * appended soon. Never needed for correctness, worth a lot of flushes.
 */
void spool_expect(struct spool *sp, unsigned commits);

/*
 * A range of `count` msgid counters that were never handed out on this
 * spool. False: none can be promised now; ask again after the next round.
 */
MUST_USE bool spool_grant_ids(
    struct spool *sp, uint32_t count, uint64_t *ret_first);

/* `result`: enum spool_result or a negative errno. */
typedef void spool_done_fn(void *ctx, int result);

struct spool_message {
	msgid id;    /* its counter was granted here, never used before */
	span digest; /* at most SPOOL_DIGEST_MAX */
	span envelope;
	span content;            /* empty when there is a blob */
	struct spool_blob *blob; /* the spool takes it, whatever happens */
};

struct spool_state {
	msgid id;
	span digest;
	span bytes;
};

enum { SPOOL_DIGEST_MAX = 4096 };

/* The largest envelope + content, or state, that fits in one record. */
size_t spool_max_record(const struct spool *sp);

/*
 * Make a message permanent. Bytes are copied at once. `fn` is called exactly
 * once, by spool_poll() or spool_close(), never from in here. After SPOOL_OK
 * the message survives a power failure: only then may anybody hear "250".
 * After anything else it will not be found again, except that a crash soon
 * after may bring it back (whole): the client was told to try again, too.
 */
void spool_append(struct spool *sp, const struct spool_message *m,
    spool_done_fn *fn, void *ctx);

/*
 * Replace the message's state; for messages whose append ended in SPOOL_OK.
 * Durable with the next commit, within 70 ms; in order with other calls for
 * the message. With `fn` (NULL is usual) the commit is hurried and fn told.
 * It is never refused for lack of space before the disk is really full, and
 * then kept in memory and written when there is room again.
 */
void spool_put_state(struct spool *sp, const struct spool_state *s,
    spool_done_fn *fn, void *ctx);

/*
 * The message needs nothing more: forget it. As durable as a state; a crash
 * before that brings it back with its newest durable state.
 */
void spool_finish(struct spool *sp, msgid id);

/* Content too large to be copied through memory: an unnamed file to write.
 * 0, SPOOL_FULL or a negative errno. */
MUST_USE int spool_blob_new(struct spool *sp, struct spool_blob **ret_blob);
/* To write from offset 0; borrowed, valid as long as the blob. */
int spool_blob_fd(const struct spool_blob *blob);
/* A blob that is not going to be appended. Nulls the pointer; NULL is fine. */
void spool_blob_free(struct spool *sp, struct spool_blob **blob);

/* What spool_read() brings; the spans live until the callback returns. */
struct spool_record {
	msgid id;
	span envelope;
	span content; /* empty when is_big */
	span state;   /* of the newest state */
	bool has_state;
	bool is_big;   /* the content is in a blob: spool_open_blob() */
	uint64_t size; /* of the content, wherever it is */
};

/* `record` is NULL unless result is SPOOL_OK. */
typedef void spool_read_fn(
    void *ctx, int result, const struct spool_record *record);
/* Called exactly once, later, by spool_poll() or spool_close(). */
void spool_read(struct spool *sp, msgid id, spool_read_fn *fn, void *ctx);
/* A descriptor of the blob, for reading, the caller's to close: 0,
 * SPOOL_GONE, SPOOL_DAMAGED (shorter than it was), or a negative errno. */
MUST_USE int spool_open_blob(struct spool *sp, msgid id, int *ret_fd);

bool spool_has(const struct spool *sp, msgid id);
/* Whether a message of `size` bytes would be taken now, as far as we know. */
bool spool_has_room(const struct spool *sp, uint64_t size);

struct spool_stats {
	uint64_t messages;   /* live */
	uint64_t live_bytes; /* of their records, blobs not counted */
	uint64_t disk_bytes; /* of all segments */
	uint32_t segments;
	uint32_t free_segments;
	uint64_t index_bytes;   /* memory of the index */
	uint64_t appended;      /* messages that became durable */
	uint64_t commits;       /* groups, each one write and one flush */
	uint64_t flushes;       /* all of them, housekeeping included */
	uint64_t cleaned_bytes; /* copied by the cleaner */
	uint64_t damages;
};
void spool_get_stats(const struct spool *sp, struct spool_stats *ret);
