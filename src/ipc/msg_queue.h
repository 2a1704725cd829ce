/* SPDX-License-Identifier: ISC */
/*
 * ipc/msg_queue.h - handing messages over for safe keeping.
 *
 *	queue -> smtpd   IDS, SPACE, BLOB, DONE
 *	smtpd -> queue   MORE_IDS, WANT_BLOB, COMMIT, DROP, EXPECT
 *
 * smtpd names a hand-over with a tag of its own choosing. Small content lies
 * in the COMMIT; for larger content smtpd asks for a blob, writes into the
 * descriptor it gets, and commits that. A COMMIT ends its tag with DONE; a
 * tag that will not be committed ends with DROP (no answer). When the
 * connection ends, all tags without DONE are as if they never were: the
 * client has not heard 250.
 */
#pragma once

#include "mail/envelope.h"

enum {
	/* IDS: u64 first counter, u32 count. Unasked at the start. */
	QUEUE_IDS = 0x200,
	QUEUE_MORE_IDS, /* empty */
	/* SPACE: u64 largest message that would be taken now. Sent at the
	 * start and when it changes. */
	QUEUE_SPACE,
	QUEUE_WANT_BLOB, /* u64 tag */
	QUEUE_BLOB,   /* u64 tag, u8 enum queue_result; one descriptor if OK */
	QUEUE_COMMIT, /* struct queue_commit */
	QUEUE_DONE,   /* u64 tag, u8 enum queue_result */
	QUEUE_DROP,   /* u64 tag */
	/* EXPECT: u32 sessions that are receiving content: a commit of each
	 * is likely soon. A hint for the group commit. */
	QUEUE_EXPECT,
};

enum queue_result {
	QUEUE_OK,    /* on stable storage */
	QUEUE_FULL,  /* no room: 452 */
	QUEUE_ERROR, /* 451 */
};

enum {
	/* More content than this goes by blob. */
	QUEUE_INLINE_MAX = 128 * 1024,
	QUEUE_IDS_BATCH = 4096,
};

struct queue_commit {
	uint64_t tag;
	bool blob;    /* the content is in this tag's blob */
	span content; /* else here */
	struct envelope envelope;
};

void queue_commit_put(struct buf *out, const struct queue_commit *m);
MUST_USE bool queue_commit_get(
    span payload, struct arena *a, struct queue_commit *ret);

struct queue_tag {
	uint64_t tag;
	uint8_t result; /* enum queue_result, where there is one */
};

/* WANT_BLOB and DROP: the tag alone. */
void queue_tag_put(struct buf *out, uint64_t tag);
MUST_USE bool queue_tag_get(span payload, uint64_t *ret_tag);
/* BLOB and DONE: tag and result. */
void queue_result_put(struct buf *out, uint64_t tag, enum queue_result r);
MUST_USE bool queue_result_get(span payload, struct queue_tag *ret);

struct queue_ids {
	uint64_t first;
	uint32_t count;
};
void queue_ids_put(struct buf *out, const struct queue_ids *m);
MUST_USE bool queue_ids_get(span payload, struct queue_ids *ret);
