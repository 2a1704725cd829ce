/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/check.h - one CHECK question, answered: which lists apply at
 * which stage, and what an accepted recipient becomes.
 */
#pragma once

#include "daemon/rules/policy.h"
#include "ipc/msg_rules.h"

/*
 * The answer's spans lie in the arena, the policy or the question. Notes are
 * rejections that warn_if_reject made harmless; their `reply` begins with the
 * code.
 */
void check_answer(const struct policy *p, const struct world *world,
    const struct rules_check *q, struct arena *a, struct rules_verdict *ret);

/* A ROUTE question. */
void check_route(const struct policy *p, const struct rules_route *q,
    struct arena *a, struct rules_routed *ret);
