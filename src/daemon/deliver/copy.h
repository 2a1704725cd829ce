/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/copy.h - a message as it stands in a mailbox: header lines on
 * top, lines ending in LF, as the item's `head` wants it.
 */
#pragma once

#include "daemon/deliver/work.h"

struct copy {
	struct buf out;   /* on its way into the file */
	struct buf chunk; /* on its way out of a blob */
};

void copy_init(struct copy *c);
/* Give the memory back; it can be used again. */
void copy_release(struct copy *c);

typedef void copy_put_fn(void *ctx, span bytes);

/*
 * Give all of it to `put`, in pieces of some hundred KiB. 0, or a negative
 * errno: the content, in `blob` unless that is -1, cannot be read.
 */
MUST_USE int copy_item(struct copy *c, const struct work_item *item, int blob,
    copy_put_fn *put, void *ctx);
