/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/headers.h - what tables make of the addresses in a header.
 */
#pragma once

#include "daemon/rules/policy.h"
#include "ipc/msg_rules.h"

/* The answer lies in the arena, as far as that goes: a table whose results
 * are too long for it has failed, like one that cannot be read. */
void headers_answer(const struct policy *p, const struct world *world,
    const struct rules_map *q, struct arena *a, struct rules_mapped *ret);
