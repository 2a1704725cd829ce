/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/headline.h - one line of the summary, as text.
 */
#pragma once

#include "tool/mail/box.h"
#include "tool/mail/mua.h"

/* Append the line of message i, without its end. */
void headline_put(struct mua *m, uint32_t i, bool current, struct buf *out);
