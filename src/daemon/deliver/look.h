/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/look.h - what comes before each delivery: is the home
 * directory there, is there a ~/.forward; and files that are read for the
 * parent.
 */
#pragma once

#include "daemon/deliver/worker.h"

/* True: go on with the item. False: it is answered. */
bool look_first(struct worker *w, const struct work_item *item);

/* WORK_READ */
void look_read(struct worker *w, const struct work_item *item, int blob);
/* WORK_LOOK: look_first() found no forward file. */
void look_nothing(struct worker *w, const struct work_item *item, int blob);
