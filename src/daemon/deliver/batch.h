/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/batch.h - the messages that wait for one mailbox, written
 * in one go: lock once, append all, flush once, unlock, answer.
 */
#pragma once

#include "daemon/deliver/work.h"
#include "ipc/sync.h"
#include "store/mailbox.h"

/* So many messages before the mailbox is let go for others to read. */
enum { BATCH_MAX = 100 };

struct batch {
	struct sync_conn *line;   /* where the answers go */
	struct sync_conn *claims; /* NULL: this process locks and opens */
	struct mailbox_spec spec;
	unsigned head_flags; /* enum mbox_flags */

	struct buf name; /* of the mailbox; empty: no batch */
	struct mailbox mailbox;
	bool is_open;
	bool is_refused; /* all of this batch get the trouble */
	struct mailbox_trouble trouble;
	uint64_t written[BATCH_MAX]; /* numbers of items to answer */
	size_t nwritten;

	struct buf out;   /* on its way into the file */
	struct buf chunk; /* on its way out of a blob */
};

/* `spec.name` and `spec.path` are set by the batch and the caller. */
void batch_init(struct batch *b);
void batch_done(struct batch *b);

/* Deliver, or put off the answer until batch_end(). `blob` or -1. */
void batch_add(struct batch *b, const struct work_item *item, int blob);
/* Everything added is answered, and the mailbox is let go. */
void batch_end(struct batch *b);
