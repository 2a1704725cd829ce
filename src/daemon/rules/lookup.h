/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/lookup.h - the tables of a policy, and addresses in them.
 */
#pragma once

#include "map/address.h"

struct policy;

/* Named as the parameters. */
struct policy_tables {
	struct table_list canonical_maps;
	struct table_list recipient_canonical_maps;
	struct table_list sender_canonical_maps;
	struct table_list sender_bcc_maps;
	struct table_list recipient_bcc_maps;
	struct table_list virtual_alias_maps;
	struct table_list local_recipient_maps; /* those we look into */
	struct table_list relay_recipient_maps;
	struct table_list virtual_mailbox_maps;
	struct table_list transport_maps;
	struct table_list relocated_maps;
	struct table_list sender_dependent_relayhost_maps;
	struct table_list sender_dependent_default_transport_maps;
};

/* As address_find(), with the policy's notion of extensions and of what is
 * local. `addr` is in internal form. */
enum map_answer lookup_address(const struct policy *p,
    const struct table_list *l, span addr, unsigned by, struct buf *value);
/* The same for tables that map: keys are in external form only. `ret_ext` as
 * in address_find(). */
enum map_answer lookup_with_extension(const struct policy *p,
    const struct table_list *l, span addr, struct buf *value, span *ret_ext);
