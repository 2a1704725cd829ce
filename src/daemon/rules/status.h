/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/status.h - enhanced status codes (RFC 3463) of replies.
 */
#pragma once

#include "base/span.h"

/* "5.1.2 text" into its parts; without a status, the preset. */
span status_split(span text, span preset, span *ret_text);

enum status_of { STATUS_OF_SENDER, STATUS_OF_RECIPIENT, STATUS_OF_OTHER };

/*
 * A status about an address (X.1.*), when something else than such an address
 * is rejected, becomes the nearest one.
 */
span status_for(span status, enum status_of what);
