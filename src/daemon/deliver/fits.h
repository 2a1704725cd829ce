/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/fits.h - an item that only asks (WORK_ASKS): would a message
 * of that size fit into the mailbox, by its limit or its quota?
 */
#pragma once

#include "daemon/deliver/worker.h"

/* Answers the item: sent, or bounced with 5.2.2. What cannot be found out
 * fits; a delivery will tell. */
void fits_tell(struct worker *w, const struct work_item *item);
