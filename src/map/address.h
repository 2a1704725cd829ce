/* SPDX-License-Identifier: ISC */
/*
 * map/address.h - an address looked up in tables, whole and in parts, in
 * Postfix's order:
 *
 *	user+ext@domain    user@domain    user+ext, user (domain is ours)
 *	@domain            domain         its parents
 */
#pragma once

#include "mail/extension.h"
#include "map/tables.h"

/* Which of them; in this order. */
enum address_by {
	ADDRESS_BY_FULL = 1,
	ADDRESS_BY_NOEXT = 2,
	ADDRESS_BY_LOCALPART = 4,      /* "user", if the domain is ours */
	ADDRESS_BY_LOCALPART_AT = 8,   /* "user@", the same */
	ADDRESS_BY_AT_DOMAIN = 16,     /* "@domain" */
	ADDRESS_BY_DOMAIN = 32,        /* "domain" */
	ADDRESS_BY_PARENTS = 64,       /* ... and "parent.domain" */
	ADDRESS_BY_DOT_PARENTS = 128,  /* ... or ".parent.domain" */
	ADDRESS_BY_ANY_LOCAL_AT = 256, /* "user@", whatever the domain */

	ADDRESS_BY_DEFAULT = ADDRESS_BY_FULL | ADDRESS_BY_NOEXT |
	    ADDRESS_BY_LOCALPART | ADDRESS_BY_AT_DOMAIN,
};

struct address_lookup {
	unsigned by; /* enum address_by */
	struct extension_rules extension;
	/* Whether mail for the domain is for accounts of this machine, or it
	 * is the origin: MAP_FOUND, MAP_NONE, MAP_RETRY. */
	enum map_answer (*is_local)(void *ctx, span domain);
	void *ctx;
	bool plain;  /* only as given: not in the quoted form first */
	bool quoted; /* only in the quoted form */
};

/*
 * `addr` is in internal form; keys are asked in external form first, then as
 * given when that is another. `ret_ext`, when not NULL: "+ext" if it was left
 * away to find the value, else empty; borrowed from `addr`. It can be NULL.
 */
enum map_answer address_find(const struct table_list *l,
    const struct address_lookup *how, span addr, struct buf *value,
    span *ret_ext);
