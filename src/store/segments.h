/* SPDX-License-Identifier: ISC */
/*
 * store/segments.h - the set of segments: free ones, live bytes, preparing.
 * A part of the spool; see spool_internal.h.
 */
#pragma once

#include "base/hmap.h"
#include "base/list.h"
#include "store/segment_io.h"
#include "store/spool.h"

/* doc/queue.md 7; "preparing" has no struct yet. */
enum segment_state {
	SEG_FREE,
	SEG_HEAD,
	SEG_CLOSING,
	SEG_SEALED,
	SEG_VICTIM,
	SEG_FREEING,
	SEG_LOST, /* no header: left alone, for the operator */
};

/* So many bytes of done records in that segment name this one. */
struct named_by {
	uint64_t stamp;
	uint64_t bytes;
};

struct segment {
	struct hnode by_stamp; /* while in use */
	struct list free;      /* while free */
	uint32_t slot;
	uint32_t size;
	uint8_t state; /* enum segment_state; written by segment_become() */
	uint8_t use;   /* enum segment_use */
	uint8_t block; /* which block has its newest header ... */
	bool is_sure;  /* ... and that is durable */
	bool is_twice; /* holds records that are elsewhere too (I7) */
	bool is_stuck; /* has a record larger than today's segments take */
	uint64_t turn;
	uint64_t stamp;
	uint64_t seq;
	uint64_t live; /* bytes of records that count */
	uint32_t end;  /* of its last group */
	struct named_by *named_by;
	size_t nnamed_by;
};

struct segments {
	struct segment **slots; /* NULL where there is none */
	uint32_t nslots;
	struct hmap by_stamp;
	struct list free; /* oldest first */
	unsigned nfree;
	unsigned count;
	uint64_t used_bytes; /* of segments that are not free */
	uint64_t free_bytes;
	uint64_t live_bytes;
	uint64_t space; /* of the file system, when last looked */
	usec space_at;
	bool is_looking; /* at the space */
	bool is_preparing;
	bool is_trimming;
	bool is_starved; /* the last preparing failed: no space */
	bool changed;    /* who waits for room should try again */
	bool lighter;    /* there may be a victim */
	usec retry_at;   /* no preparing before */
};

enum room { ROOM_YES, ROOM_WAIT, ROOM_NO };

void segments_init(struct spool *sp);
void segments_done(struct spool *sp);
/* Enter a segment found at the start; takes a free number when it is new. */
struct segment *segments_add(
    struct spool *sp, uint32_t slot, const struct segment_header *h);
/* A file that nothing is known about: keep its number. */
void segments_reserve(struct spool *sp, uint32_t slot);
struct segment *segments_find(const struct spool *sp, uint32_t slot);
/* In use with this stamp, or NULL. */
struct segment *segments_named(const struct spool *sp, uint64_t stamp);
/* A free segment with a new stamp for that use, or NULL when no more than
 * `leave` are free. */
struct segment *segments_take(
    struct spool *sp, enum segment_use use, unsigned leave);
void segment_become(struct segment *seg, enum segment_state state);
/* Where its next header goes: never over the only one that is durable. */
unsigned segment_next_block(const struct segment *seg);
/* The header it should have on disk in its present use. */
struct segment_header segment_header_now(
    const struct spool *sp, const struct segment *seg);
/* Records in it began to count, or ceased to. */
void segment_weigh(struct spool *sp, struct segment *seg, int64_t bytes);
/* A done record in `holder` names `seg`. */
void segment_named(struct spool *sp, struct segment *seg,
    struct segment *holder, uint64_t bytes);
/* It is free on disk: reuse it, and nothing that named it counts. */
void segment_freed(struct spool *sp, struct segment *seg);
/* Prepare, remove, look at the space: whatever is due. */
void segments_run(struct spool *sp);
usec segments_deadline(const struct spool *sp);
/* Prepare one now, waiting for it: 0 or a negative errno. */
MUST_USE int segments_prepare_now(struct spool *sp);
/* Look at the space now. */
void segments_look_now(struct spool *sp);
/* For a message that takes `more` new segments, and a blob of that size. */
enum room segments_room(const struct spool *sp, unsigned more, uint64_t blob);
