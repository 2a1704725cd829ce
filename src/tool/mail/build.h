/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/build.h - a draft becomes a message.
 */
#pragma once

#include "tool/mail/draft.h"
#include "tool/mail/recipients.h"

enum {
	/* base64 of the largest text, and some files. */
	MESSAGE_MAX = 1 << 30,
};

/* Where the Bcc field stands, which our own copy has and others do not; an
 * empty place: there is none. */
struct build_bcc {
	size_t at;
	size_t len;
};

/*
 * Header, empty line and body, with LF. `r` are the recipients with aliases
 * resolved. False: it cannot be built, as was said.
 */
MUST_USE bool build_message(struct mua *m, const struct draft *d,
    const struct recipients *r, struct buf *out, struct build_bcc *ret_bcc);
