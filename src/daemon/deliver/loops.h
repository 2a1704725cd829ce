/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/loops.h - where a message has been.
 *
 * Each delivery adds a Delivered-To header. A message that has one with the
 * address it is about to be delivered to is in a loop.
 */
#pragma once

#include "base/buf.h"

/*
 * The values of all of them, LF between. `head` is the beginning of the
 * content, its whole header if possible.
 */
void loops_list(span head, struct buf *out);
