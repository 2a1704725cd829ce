/* SPDX-License-Identifier: ISC */
/*
 * mail/masquerade.h - hosts hidden behind their domain: masquerade_domains.
 */
#pragma once

#include "base/buf.h"

/*
 * `domains` are words between commas and blanks; the first that is the domain
 * of the address, or a parent of it, decides: it takes the domain's place,
 * unless it is the same, or stands with a "!". `addr` is in external form.
 * True: the new address was appended to `out`.
 */
bool masquerade(span domains, span addr, struct buf *out);
