/* SPDX-License-Identifier: ISC */
/*
 * mail/extension.h - user+extension: where recipient_delimiter cuts.
 */
#pragma once

#include "base/span.h"

struct extension_rules {
	span delimiters;          /* recipient_delimiter: any of these */
	span double_bounce;       /* double_bounce_sender: never cut */
	bool owner_request_whole; /* owner_request_special */
};

/* These exist wherever mail does: postmaster, mailer-daemon, and the sender
 * of what must not come back. */
bool extension_is_fixed(const struct extension_rules *r, span local);
/*
 * The user in "user+extension"; all of it when there is no extension or it
 * must stay whole. What follows in `local` is the delimiter and the rest.
 */
span extension_user(const struct extension_rules *r, span local);
