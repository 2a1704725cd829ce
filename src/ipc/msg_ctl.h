/* SPDX-License-Identifier: ISC */
/*
 * ipc/msg_ctl.h - the commands' conversation with the queue process, over
 * the unix socket public/queue below the queue directory.
 *
 *	command -> queue   LIST, FLUSH, FLUSH_ID, FLUSH_SITE
 *	queue -> command   ENTRY..., END  |  END  |  DENIED
 *
 * Anybody on the machine may connect: the queue asks the kernel who it is.
 * A connection carries one request.
 */
#pragma once

#include "base/arena.h"
#include "base/time.h"
#include "base/wire.h"
#include "mail/msgid.h"

enum {
	CTL_LIST = 0x400, /* empty */
	CTL_FLUSH,        /* empty: try everything that is deferred now */
	CTL_FLUSH_ID,     /* span: queue id */
	CTL_FLUSH_SITE,   /* span: domain or [address] */
	CTL_ENTRY,        /* struct ctl_entry */
	CTL_END,          /* u32 number of messages concerned */
	CTL_DENIED,       /* span: why */
};

enum ctl_queue { CTL_INCOMING, CTL_ACTIVE, CTL_DEFERRED, CTL_HOLD };

struct ctl_rcpt {
	span addr;
	span orig;   /* before rewriting, for -j of later versions */
	span reason; /* why it is still here, or empty */
};

struct ctl_entry {
	msgid id;
	usec arrival;
	uint64_t size;
	uint8_t queue; /* enum ctl_queue */
	bool forced_expire;
	span sender;
	uint32_t nrcpts; /* the ones still to be delivered */
	struct ctl_rcpt *rcpts;
};

void ctl_entry_put(struct buf *out, const struct ctl_entry *m);
MUST_USE bool ctl_entry_get(
    span payload, struct arena *a, struct ctl_entry *ret);
