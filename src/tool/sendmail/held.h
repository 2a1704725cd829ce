/* SPDX-License-Identifier: ISC */
/*
 * tool/sendmail/held.h - a whole message that was held in records.
 */
#pragma once

#include "mail/envelope.h"
#include "tool/sendmail/sink.h"

struct held {
	span records; /* borrowed; all spans below lie in them */
	struct arena arena;
	span sender; /* internal form, as it was given */
	span full_name;
	span envid;
	uint32_t flags; /* enum envelope_flags */
	uint32_t nrcpts;
	struct rcpt *rcpts; /* `addr` and `notify` only */
};

/* False: the records are none, or there is no room for the recipients. */
MUST_USE bool held_init(struct held *h, span records);
void held_done(struct held *h);

/*
 * The content in wire form (CRLF, dots doubled, no final dot), with a From
 * line that has the sender's full name if it has none, into a file: 0 or a
 * negative errno. `from` is the sender's whole address.
 */
MUST_USE int held_write(struct held *h, span from, int fd);

/* All records but the recipients for which `done` is true. */
void held_replay(const struct held *h, const bool *done, struct sink *sink);
