/* SPDX-License-Identifier: ISC */
/*
 * tool/rmail_from.h - the sender of mail that came by UUCP.
 *
 * Such a message begins with lines that say which way it came, the nearest
 * host first:
 *
 *	From piet Mon Jan  1 00:00:00 2024 remote from nearhost
 *	>From piet Mon Jan  1 00:00:00 2024 remote from farhost
 *
 * Together they are the sender: nearhost!farhost!piet. A line may have the
 * hosts before the name instead, "From host!piet date".
 */
#pragma once

#include "base/buf.h"

struct rmail_from {
	struct buf path; /* "nearhost!farhost!" */
	struct buf user;
	struct buf nearest; /* nearhost */
};

enum rmail_line {
	RMAIL_LINE_FROM,
	RMAIL_LINE_OTHER,   /* not one of them: the message */
	RMAIL_LINE_CORRUPT, /* there is no name in it */
	RMAIL_LINE_BANG,    /* no host before the '!' */
};

void rmail_from_init(struct rmail_from *f);
void rmail_from_done(struct rmail_from *f);
/* The next line, without its end. The buffers may have failed: too long. */
MUST_USE enum rmail_line rmail_from_take(struct rmail_from *f, span line);
