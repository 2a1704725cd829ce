/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/biff.h - "you have new mail", to a comsat service on this
 * machine.
 */
#pragma once

#include "base/span.h"

struct biff;

/* Looks up the service: before anything is closed. */
struct biff *biff_new(void);
/* NULL is fine. */
void biff_free(struct biff **b);
/* "user@offset": where the message begins in the mailbox. Nobody minds when
 * nobody listens. */
void biff(struct biff *b, span user, uint64_t offset);
