/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/order.h - the order in which messages are passed through, and
 * threads that are folded away.
 */
#pragma once

#include "tool/mail/box.h"

/* As autothread and autosort want it. */
void order_at_start(struct mua *m);
/* The headers are read, once. False: it cannot be done, which was said. */
MUST_USE bool order_by(struct mua *m, enum box_order by);
/* More messages came: put them in their places. */
void order_again(struct mua *m);
/* "date", "fr"; false: there is no such order. */
MUST_USE bool order_named(span name, enum box_order *ret);
const char *order_name(enum box_order by);

/* Hide the answers below `i` that are not new; show them. */
void order_fold(struct box *b, uint32_t i);
void order_unfold(struct box *b, uint32_t i);
