/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/runner.h - WORK_COMMAND, by a runner of the item's uid.
 */
#pragma once

#include "daemon/deliver/worker.h"

/* As a work_fn. */
void run_command(struct worker *w, const struct work_item *item, int blob);
