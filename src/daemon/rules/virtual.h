/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/virtual.h - virtual(8): which mailbox an address has, and
 * whose it is. Tables decide all of it; there are no aliases and no users.
 */
#pragma once

#include "daemon/rules/policy.h"
#include "ipc/msg_local.h"

struct virtual;

/*
 * What a service of master.cf whose program is "virtual" goes by. `routing`
 * and `world` must outlive it, and so must the snapshot.
 */
struct virtual *virtual_new(struct conf *conf, uint32_t service,
    const struct policy *routing, const struct world *world);
/* NULL is fine. */
void virtual_free(struct virtual **v);

/*
 * The plan for a recipient: one step, LOCAL_MAILBOX or LOCAL_OUTCOME. It
 * lives as long as `q` and the arena. False: the arena is full.
 */
MUST_USE bool virtual_plan(const struct virtual *v, const struct local_ask *q,
    struct arena *a, struct local_plan *ret);
