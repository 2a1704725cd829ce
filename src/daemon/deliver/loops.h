/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/loops.h - whether a message comes back to where it was.
 *
 * Each delivery adds a Delivered-To header. A message that has one with the
 * address it is about to be delivered to is in a loop.
 */
#pragma once

#include "base/buf.h"

/*
 * `head` is the beginning of the content, its whole header if possible;
 * `address` is in external form. As in Postfix, case does not matter.
 */
bool loops_has(span head, span address);
/* All values that it could find, LF between. */
void loops_list(span head, struct buf *out);
