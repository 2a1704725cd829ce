/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/claims.h - mailboxes in a directory where only root writes.
 *
 * There the recipient can neither make the dotlock nor the mailbox. So his
 * worker asks the parent, which makes both and passes the descriptors. A
 * worker has at most one claim at a time, and only on a mailbox it has mail
 * for. When it dies the lock file stays, without its kernel lock: the next
 * claim takes it over and repairs the mailbox.
 */
#pragma once

#include "ipc/chan.h"
#include "ipc/sync.h"
#include "store/mailbox.h"

/* The worker's end. One attempt: as mailbox_claim(). */
MUST_USE int claims_ask(struct sync_conn *conn, const char *name,
    struct mailbox *m, struct mailbox_trouble *t);
void claims_give_back(struct sync_conn *conn, struct mailbox *m, bool damaged);

/* The parent's end. */
struct claims;

struct claims_calls {
	/* Whether this worker has mail for that mailbox now. */
	bool (*may_claim)(void *ctx, span name);
	/* It asked for something else: end it. */
	void (*broken)(void *ctx);
};

/* Takes fd. The spec (with its spans and directory) is the owner's. */
MUST_USE int claims_new(struct loop *l, int fd, const struct mailbox_spec *spec,
    const struct claims_calls *calls, void *ctx, struct claims **ret_claims);
/* NULL is fine. */
void claims_free(struct claims **claims);
