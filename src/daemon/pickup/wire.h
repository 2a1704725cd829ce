/* SPDX-License-Identifier: ISC */
/*
 * daemon/pickup/wire.h - content that is about to be sent as it is.
 *
 * Content in wire form has CRLF at the end of each line, a second dot in
 * front of a line that begins with one, and no final dot. If it had one after
 * all, what follows it would be commands in a session that is trusted. So it
 * is looked at once more, wherever it comes from.
 */
#pragma once

#include "base/buf.h"

struct wire_check {
	uint8_t state;
};

void wire_check_init(struct wire_check *c);
/* The next piece. False: this is no wire form. */
MUST_USE bool wire_check(struct wire_check *c, span piece);
/* There is no more: end the last line, if it is open. */
void wire_check_end(struct wire_check *c, struct buf *out);
