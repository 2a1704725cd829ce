/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/route_tables.h - the tables that have a say in where an
 * address goes.
 *
 * False: a table cannot answer; `r->why` names it.
 */
#pragma once

#include "daemon/rules/resolve.h"

/* sender_dependent_default_transport_maps; `ret` is empty when they know
 * nothing of this sender. */
MUST_USE bool route_sender_transport(const struct policy *p, struct arena *a,
    span sender, struct resolved *r, span *ret);
/* sender_dependent_relayhost_maps, the same. */
MUST_USE bool route_sender_relayhost(const struct policy *p, struct arena *a,
    span sender, struct resolved *r, span *ret);
/* transport_maps: another transport, another next hop, or both. */
MUST_USE bool route_transport(
    const struct policy *p, struct arena *a, struct resolved *r);
/* relocated_maps: the recipient has moved. */
MUST_USE bool route_relocated(
    const struct policy *p, struct arena *a, struct resolved *r);
