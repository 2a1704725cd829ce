/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/work.h - what the delivery parent and its workers say to
 * each other.
 *
 *	parent -> worker   SETUP, ITEM...
 *	worker -> parent   DONE...
 *
 * and on a second connection, so that the worker can wait for the answer,
 * in mail directories where only root may write:
 *
 *	worker -> parent   CLAIM, RELEASE
 *	parent -> worker   CLAIMED
 *
 * A worker runs as the recipient, who may be hostile: the parent believes
 * him only about his own mailboxes.
 */
#pragma once

#include "base/arena.h"
#include "base/time.h"
#include "mail/verdict.h"

/* The worker's descriptors. */
enum { WORK_LINE_FD = 3, WORK_CLAIM_FD = 4 };

enum {
	WORK_SETUP = 0x600, /* struct work_setup; the mail directory, unless
			     * the parent claims */
	WORK_ITEM,          /* struct work_item, one descriptor if blob */
	WORK_DONE,          /* struct work_done */
	WORK_CLAIM,         /* span: name of the mailbox */
	WORK_CLAIMED,       /* struct work_claimed; the mailbox and, if
			     * has_lock, its dotlock */
	WORK_RELEASE,       /* u8: the mailbox is damaged, leave the lock */
};

struct work_setup {
	uint32_t owner; /* of the mailboxes: the uid of the worker */
	bool claims;    /* ask the parent for locks and files */
	span path;      /* of the mail directory */
	uint32_t locks;
	uint32_t attempts;
	usec delay;
	usec stale;
	uint64_t size_max;
	bool any_owner;
	bool original_to;  /* X-Original-To */
	bool delivered_to; /* Delivered-To */
};

/* One message for one mailbox. Addresses are in internal form. */
struct work_item {
	uint64_t number;
	span name; /* the user, and the file */
	span sender;
	span address;
	span original;
	bool blob; /* the content is in the descriptor */
	span content;
};

struct work_done {
	uint64_t number;
	struct verdict verdict;
	/* The mailbox belongs to somebody else: there is a parameter for it
	 * that the log should name. */
	bool foreign;
};

struct work_claimed {
	uint8_t result; /* enum mailbox_result */
	/* MAILBOX_OK: */
	bool has_lock;
	bool left;
	uint64_t left_inode;
	uint64_t left_size;
	/* else: */
	span status;
	span reason;
};

void work_setup_put(struct buf *out, const struct work_setup *m);
MUST_USE bool work_setup_get(span payload, struct work_setup *ret);
void work_item_put(struct buf *out, const struct work_item *m);
MUST_USE bool work_item_get(span payload, struct work_item *ret);
void work_done_put(struct buf *out, const struct work_done *m);
MUST_USE bool work_done_get(span payload, struct work_done *ret);
void work_claimed_put(struct buf *out, const struct work_claimed *m);
MUST_USE bool work_claimed_get(span payload, struct work_claimed *ret);
