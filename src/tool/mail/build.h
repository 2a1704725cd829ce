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

/*
 * Header, empty line and body, with LF. `r` are the recipients with aliases
 * resolved. `with_bcc`: the Bcc field is written (sendmail -t removes it; the
 * copy in `record` keeps it). False: it cannot be built, as was said.
 */
MUST_USE bool build_message(struct mua *m, const struct draft *d,
    const struct recipients *r, bool with_bcc, struct buf *out);
