/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/work_maildir.h - WORK_MAILDIR, by the worker of the item's
 * uid, or by a filer.
 */
#pragma once

#include "daemon/deliver/worker.h"

/* As a work_fn. */
void work_maildir(struct worker *w, const struct work_item *item, int blob);
/* Nothing more waits for now: bring all one step nearer to being safe, answer
 * what is. False: there was nothing to do. */
bool work_maildir_advance(struct worker *w);
/* All of it is safe and answered. */
void work_maildir_end(struct worker *w);
/* Free what is kept in between. */
void work_maildir_free(struct worker *w);
