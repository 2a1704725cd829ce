/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/item.h - a step of a plan, as work for a process.
 */
#pragma once

#include "daemon/deliver/services.h"
#include "daemon/deliver/work.h"
#include "ipc/msg_local.h"

enum work_do item_kind(const struct local_step *s);

/* Who it is for; nothing of the message, nor where it goes. `look`: for
 * forward files first. */
struct work_item item_for(
    const struct local_step *s, const struct user *user, bool look);
/* Where it goes, and how: of the kind that it has. */
void item_aim(
    struct work_item *w, const struct service *at, const struct local_step *s);
