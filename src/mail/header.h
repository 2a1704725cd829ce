/* SPDX-License-Identifier: ISC */
/*
 * mail/header.h - the header fields that mean something to a mail system.
 */
#pragma once

#include "base/span.h"

enum header_type {
	HEADER_OTHER,
	HEADER_BCC,
	HEADER_CC,
	HEADER_DATE,
	HEADER_ENCODING, /* Content-Transfer-Encoding */
	HEADER_FROM,
	HEADER_MESSAGE_ID,
	HEADER_RECEIVED,
	HEADER_RESENT_CC,
	HEADER_RESENT_DATE,
	HEADER_RESENT_FROM,
	HEADER_RESENT_MESSAGE_ID,
	HEADER_RESENT_TO,
	HEADER_TO,
};

enum header_flags {
	HEADER_HAS_SENDER = 1,    /* addresses of senders */
	HEADER_HAS_RECIPIENT = 2, /* addresses of recipients */
	HEADER_IS_RESENT = 4,
};

struct header_info {
	span name;
	uint8_t type;
	uint8_t flags;
};

/* NULL: a header that means nothing here. */
const struct header_info *header_find(span name);

/*
 * Whether a line of content (without dot-stuffing and CRLF) begins a header;
 * returns the length of its name, or 0. Blanks may stand before the colon.
 */
size_t header_name_len(span line);
