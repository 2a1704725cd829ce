/* SPDX-License-Identifier: ISC */
/*
 * tool/queue_direct.h - a listing of the queue from its files, for when
 * nobody is there to be asked. Changes nothing.
 */
#pragma once

#include "ipc/msg_ctl.h"

/* Whether we are root, or who owns the queue. */
bool queue_direct_may(const char *queue_directory);

typedef void queue_direct_fn(void *ctx, struct ctl_entry *entry);

/* Deferred messages first, held ones last, each by age. 0 or a negative
 * errno: -EBUSY when the mail system has just been started. */
MUST_USE int queue_direct_list(
    const char *queue_directory, queue_direct_fn *fn, void *ctx);
