/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/settings.h - the parameters that decide who may send what
 * where, as they are for one service. Members are named as the parameters.
 */
#pragma once

#include "conf/conf.h"

struct settings {
	/* clang-format off */
	span myhostname, mydomain, myorigin;
	span mydestination, mynetworks, relay_domains, proxy_interfaces;
	span virtual_alias_domains, virtual_mailbox_domains;
	span local_transport, relay_transport, virtual_transport;
	span default_transport, relayhost;
	span recipient_delimiter, double_bounce_sender;
	span empty_address_recipient;
	span local_recipient_maps, alias_maps, relay_recipient_maps;
	span virtual_mailbox_maps, virtual_alias_maps;
	span canonical_maps, recipient_canonical_maps, sender_canonical_maps;
	span transport_maps, relocated_maps;
	span sender_dependent_relayhost_maps;
	span sender_dependent_default_transport_maps;
	span smtpd_sender_login_maps, smtpd_null_access_lookup_key;
	span empty_address_default_transport_maps_lookup_key;
	span empty_address_relayhost_maps_lookup_key;
	span propagate_unmatched_extensions;
	span canonical_classes, sender_canonical_classes;
	span recipient_canonical_classes;
	span masquerade_domains, masquerade_classes, masquerade_exceptions;
	span always_bcc, sender_bcc_maps, recipient_bcc_maps;
	span parent_domain_matches_subdomains;
	span local_header_rewrite_clients;
	span receive_override_options;
	span smtpd_restriction_classes;
	span smtpd_client_restrictions, smtpd_helo_restrictions;
	span smtpd_sender_restrictions, smtpd_relay_restrictions;
	span smtpd_recipient_restrictions, smtpd_data_restrictions;
	span smtpd_end_of_data_restrictions, smtpd_etrn_restrictions;

	bool swap_bangpath, allow_percent_hack;
	bool append_at_myorigin, append_dot_mydomain;
	bool resolve_dequoted_address, resolve_null_domain;
	bool resolve_numeric_domain, allow_min_user;
	bool allow_untrusted_routing, owner_request_special;
	bool show_user_unknown_table_name, soft_bounce;
	bool smtpd_delay_reject, smtpd_peername_lookup;
	bool smtpd_reject_unlisted_recipient, smtpd_reject_unlisted_sender;
	bool smtpd_relay_before_recipient_restrictions, smtpd_recipient_quota;
	bool smtpd_sasl_auth_enable, smtputf8_enable;

	uint32_t reject_code, defer_code, relay_domains_reject_code;
	uint32_t invalid_hostname_reject_code, non_fqdn_reject_code;
	uint32_t unknown_client_reject_code, plaintext_reject_code;
	uint32_t multi_recipient_bounce_reject_code;
	uint32_t unknown_local_recipient_reject_code;
	uint32_t unknown_relay_recipient_reject_code;
	uint32_t unknown_virtual_alias_reject_code;
	uint32_t unknown_virtual_mailbox_reject_code;
	uint32_t access_map_reject_code, access_map_defer_code;
	uint32_t virtual_alias_recursion_limit, virtual_alias_expansion_limit;
	uint32_t virtual_alias_address_length_limit;
	/* clang-format on */
};

/* Spans live as long as the snapshot. */
void settings_load(struct conf *conf, uint32_t service, struct settings *ret);
