/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/expand.h - other addresses for an address: canonical_maps,
 * masquerade_domains and virtual_alias_maps.
 */
#pragma once

#include "daemon/rules/policy.h"

struct expansion {
	uint32_t count;
	span *addrs; /* internal form, complete; in the arena */
};

enum expand_side { EXPAND_SENDER, EXPAND_RECIPIENT };

/*
 * An address in external form as sender_ or recipient_canonical_maps,
 * canonical_maps and masquerade_domains change it, in the arena. False: not
 * now; `ret_title` is the parameter that failed.
 */
MUST_USE bool expand_external(const struct policy *p, struct arena *a,
    enum policy_class class, span *addr, span *ret_title);
/* The same for an address of the envelope, in internal form. */
MUST_USE bool expand_canonical(const struct policy *p, struct arena *a,
    enum expand_side side, span addr, span *ret);

/*
 * All addresses that the address stands for: itself when no table has it.
 * False: a table fails, or there are unreasonably many; was warned of.
 */
MUST_USE bool expand_virtual(const struct policy *p, const struct world *world,
    struct arena *a, span addr, struct expansion *ret);

/* Whether a table has the address, so that it needs no mailbox. */
enum map_answer expand_knows(
    const struct policy *p, enum expand_side side, span addr);
