/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/batch.h - the messages that wait for one mailbox, written
 * in one go: lock once, append all, flush once, unlock, answer.
 */
#pragma once

#include "daemon/deliver/worker.h"
#include "store/mailbox.h"

/* So many messages before the mailbox is let go for others to read. */
enum { BATCH_MAX = 100 };

struct batch;

/* For items of a scribe, or of a worker. `ops` as in mailbox.h. */
struct batch *batch_new(struct worker *w, const struct mailbox_ops *ops);
/* NULL is fine; there must be no open batch. */
void batch_free(struct batch **b);

/* Deliver, or put off the answer until batch_end(). `blob` or -1. */
void batch_add(struct batch *b, const struct work_item *item, int blob);
/* Everything added is answered, and the mailbox is let go. */
void batch_end(struct batch *b);
