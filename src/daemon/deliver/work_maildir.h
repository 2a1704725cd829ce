/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/work_maildir.h - WORK_MAILDIR, by the worker of the item's
 * uid.
 */
#pragma once

#include "daemon/deliver/worker.h"

/* As a work_fn. */
void work_maildir(struct worker *w, const struct work_item *item, int blob);
/* Nothing more waits: flush, and answer what was put off. */
void work_maildir_end(struct worker *w);
/* Free what is kept in between. */
void work_maildir_free(struct worker *w);
