/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/box.h - one mailbox file and the messages for it: whose it
 * is, with which rights it is opened and written, and the answers.
 *
 *	box_new -> box_open: BOX_OPEN ----> box_append ... -> box_settle
 *	               |---> BOX_REFUSED    box_refuse ...
 *	               `---> BOX_LOCKED     box_keep ..., box_open again later
 */
#pragma once

#include "base/hmap.h"
#include "base/list.h"
#include "daemon/deliver/copy.h"
#include "daemon/deliver/worker.h"
#include "store/mailbox.h"
#include "store/workers.h"

/* So many messages before the mailbox is let go for others to read. */
enum { BOX_MAX = 100 };

enum box_state {
	BOX_LOCKED,  /* by somebody else: items are kept */
	BOX_OPEN,    /* items are written */
	BOX_REFUSED, /* all items are answered with the trouble */
};

/* Whose rights. */
struct box_rights {
	uid_t uid;
	gid_t gid;
};

struct box {
	struct hnode node; /* for the owner of the box */
	struct list link;
	struct job flush; /* for threads; the result: */
	int flushed;
	struct worker *w;
	enum box_state state;
	enum work_do kind;
	bool is_virtual; /* texts of virtual(8) */
	/* All of the texts are in `texts`. */
	struct arena texts;
	span path; /* as in the items */
	span user;
	struct mailbox_spec spec;
	int dir; /* its own, or -1 */
	struct box_rights claim;
	struct box_rights write;
	struct mailbox mailbox;
	struct mailbox_trouble trouble;
	struct {
		uint64_t number;
		uint64_t offset;
	} written[BOX_MAX];
	size_t nwritten;
	struct list kept; /* items that wait for the lock */
	uint32_t attempts;
	usec again; /* monotonic: when to try again */
};

/* For items like this one. `ops` as in mailbox.h. */
struct box *box_new(struct worker *w, const struct work_item *item,
    const struct mailbox_ops *ops);
/* It must not be open, nor in anybody's list. Kept items are forgotten. */
void box_free(struct box *box);
/* Whether the item is for it, with the same rights and rules. */
bool box_is_for(const struct box *box, const struct work_item *item);

/* Try to lock and open it; sets the state. */
void box_open(struct box *box);
/* BOX_OPEN: write it. What fails is answered now. */
void box_append(
    struct box *box, struct copy *copy, const struct work_item *item, int blob);
/* Answer the item of that number, for that recipient, with the trouble. */
void box_refuse(struct box *box, uint64_t number, span address);
/* BOX_LOCKED: remember the item, whose content is the worker's present one. */
void box_keep(struct box *box, const struct work_item *item);
/* BOX_OPEN: append what was kept, as far as it fits; BOX_REFUSED: answer. */
void box_take_kept(struct box *box, struct copy *copy);
bool box_has_kept(const struct box *box);

/* BOX_OPEN: nobody will hear of it, undo it. */
void box_undo(struct box *box);
/* BOX_OPEN: it was flushed, with that result. Unlock, and answer. */
void box_settle(struct box *box, int flushed);
