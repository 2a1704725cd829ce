/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/resolve.h - where an address goes: its class, its transport
 * and its next hop, as Postfix's trivial-rewrite decides.
 */
#pragma once

#include "daemon/rules/policy.h"

enum address_class {
	CLASS_DEFAULT,
	CLASS_LOCAL,   /* mydestination, or one of our addresses */
	CLASS_ALIAS,   /* virtual_alias_domains */
	CLASS_VIRTUAL, /* virtual_mailbox_domains */
	CLASS_RELAY,   /* relay_domains */
};

enum resolve_result {
	RESOLVE_OK = 0,
	RESOLVE_BAD = 1,  /* no address: 501 */
	RESOLVE_FAIL = 2, /* cannot be said now: 451; `why` is for the log */
};

struct resolved {
	enum address_class class;
	bool routed;    /* the local part asks for a way of its own: a%b@c */
	span recipient; /* internal form, complete */
	span domain;    /* of the recipient */
	span transport;
	span nexthop;
	span why; /* parameter, what matched */
};

/*
 * Complete the address (mail/rewrite.h, local context) and resolve it, for
 * mail from `sender`. Spans of the result lie in the arena, the policy, or
 * the address.
 */
MUST_USE enum resolve_result resolve_address(const struct policy *p,
    struct arena *a, span sender, span address, struct resolved *ret);
/* Only complete it; RESOLVE_OK or RESOLVE_FAIL. */
MUST_USE enum resolve_result resolve_rewrite(
    const struct policy *p, struct arena *a, span address, span *ret);
/* Whether mail for the domain is delivered here: mydestination, or one of our
 * addresses. */
enum matchlist_result resolve_is_local(
    const struct policy *p, span domain, const struct pattern **ret_hit);
