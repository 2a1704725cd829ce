/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/batch.h - the mailbox files that a process has in hand.
 *
 * Messages for one mailbox that come together are appended under one lock;
 * many mailboxes are open at a time, and are flushed together: so much costs
 * a flush, that whoever waits for one should not wait alone. Answers come
 * when the mailbox is on disk.
 *
 * A mailbox that somebody else has locked does not hold up the others: its
 * messages are put aside and tried again later.
 */
#pragma once

#include "daemon/deliver/worker.h"
#include "store/mailbox.h"

/* So many mailboxes are open at a time. */
enum { BATCH_BOXES = 256 };

struct batch;

/* `threads` to flush with, or 0; they are made when there is enough to do.
 * `ops` as in mailbox.h. */
struct batch *batch_new(
    struct worker *w, unsigned threads, const struct mailbox_ops *ops);
/* After batch_end(); what is still aside is forgotten. NULL is fine. */
void batch_free(struct batch **b);

/* Deliver, or put off the answer until batch_end(), or put the item aside.
 * `blob` or -1. */
void batch_add(struct batch *b, const struct work_item *item, int blob);
/* Everything written is on disk and answered, the mailboxes are let go. */
void batch_end(struct batch *b);

/* When batch_retry() has something to do, as a time of clock_monotonic();
 * UINT64_MAX: nothing is put aside. */
usec batch_next(const struct batch *b);
/* Try those again whose time has come; then comes a batch_end(). */
void batch_retry(struct batch *b);
