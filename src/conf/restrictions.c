/* SPDX-License-Identifier: ISC */
#include "conf/restrictions.h"

#define REMOVED "has been removed from Postfix; instead, specify "

static const struct old_restriction old[] = {
	/* clang-format off */
	{ "check_recipient_maps", "reject_unlisted_recipient", NULL },
	{ "check_relay_domains", NULL,
		REMOVED "\"permit_mynetworks, reject_unauth_destination\"" },
	{ "permit_mx_backup", NULL,
		"will be removed from Postfix; instead, list the domains in "
		"relay_domains" },
	{ "permit_naked_ip_address", NULL,
		REMOVED "\"permit_mynetworks\" or "
		"\"permit_sasl_authenticated\"" },
	{ "reject_invalid_hostname", "reject_invalid_helo_hostname", NULL },
	{ "reject_maps_rbl", NULL,
		REMOVED "\"reject_rbl_client domain-name\"" },
	{ "reject_non_fqdn_hostname", "reject_non_fqdn_helo_hostname", NULL },
	{ "reject_rbl", "reject_rbl_client", NULL },
	{ "reject_unknown_address", "reject_unknown_sender_domain", NULL },
	{ "reject_unknown_client", "reject_unknown_client_hostname", NULL },
	{ "reject_unknown_hostname", "reject_unknown_helo_hostname", NULL },
	/* clang-format on */
};

const struct old_restriction *restriction_find_old(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(old); i++)
		if (span_eq_nocase(name, span_str(old[i].name)))
			return &old[i];
	return NULL;
}
