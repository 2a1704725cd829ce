/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/recipient.h - from an address to the name of a user.
 */
#pragma once

#include "base/buf.h"

struct recipient_rules {
	span delimiters;    /* recipient_delimiter */
	bool owner_request; /* owner_request_special */
};

enum recipient_result {
	RECIPIENT_OK,
	RECIPIENT_NULL, /* nothing is left: no user can have that name */
	RECIPIENT_ODD,  /* OK, but an extension with a slash was dropped */
};

/*
 * Ana+lists@example.com is for the user ana. `address` is in internal form;
 * the user's name is appended to `user`.
 */
MUST_USE int recipient_user(
    const struct recipient_rules *rules, span address, struct buf *user);
