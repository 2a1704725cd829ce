/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/service.h - what a line of master.cf asks of us, worked out
 * once per configuration. Counted: sessions keep theirs across a reload.
 */
#pragma once

#include "daemon/smtpd/nets.h"
#include "daemon/smtpd/secure.h"
#include "daemon/smtpd/smtpd.h"
#include "mail/clean.h"
#include "proto/smtp_server_conf.h"

struct service_settings {
	span myhostname, mydomain, myorigin, mail_name, syslog_name;
	span smtpd_banner;
	span smtpd_noop_commands, smtpd_forbidden_commands;
	span smtpd_discard_ehlo_keywords;
	span smtpd_forbid_bare_newline, smtpd_forbid_bare_newline_exclusions;
	span smtpd_client_event_limit_exceptions;
	span smtpd_authorized_verp_clients;
	span default_verp_delimiters, verp_delimiter_filter;
	span smtpd_client_restrictions, smtpd_helo_restrictions;
	span smtpd_sender_restrictions, smtpd_data_restrictions;
	span smtpd_end_of_data_restrictions, smtpd_etrn_restrictions;
	span message_drop_headers, undisclosed_recipients_header;
	span remote_header_rewrite_domain, receive_override_options;
	span smtputf8_autodetect_classes;
	uint64_t message_size_limit;
	uint32_t line_length_limit;
	uint32_t smtpd_recipient_limit, smtpd_recipient_overshoot_limit;
	uint32_t smtpd_junk_command_limit;
	uint32_t smtpd_soft_error_limit, smtpd_hard_error_limit;
	uint32_t smtpd_forbid_bare_newline_reject_code;
	uint32_t smtpd_min_data_rate;
	uint32_t smtpd_client_connection_count_limit;
	uint32_t smtpd_client_connection_rate_limit;
	uint32_t smtpd_client_message_rate_limit;
	uint32_t smtpd_client_recipient_rate_limit;
	uint32_t header_size_limit, header_address_token_limit;
	uint32_t hopcount_limit, duplicate_filter_limit;
	usec smtpd_timeout, smtpd_error_sleep_time, anvil_rate_time_unit;
	bool smtpd_helo_required, disable_vrfy_command, smtpd_delay_reject;
	bool smtputf8_enable, strict_smtputf8, strict_rfc821_envelopes;
	bool allow_min_user, resolve_numeric_domain;
	bool smtpd_forbid_unauth_pipelining, soft_bounce;
	bool smtpd_per_request_deadline, smtpd_peername_lookup;
	bool smtpd_client_port_logging, always_add_missing_headers;
	bool swap_bangpath, allow_percent_hack;
	bool append_at_myorigin, append_dot_mydomain;
};

/* The same for all services, since it is cleanup's in Postfix. */
struct service_mapping {
	span canonical_maps, canonical_classes;
	span sender_canonical_maps, sender_canonical_classes;
	span recipient_canonical_maps, recipient_canonical_classes;
	span masquerade_domains, masquerade_classes;
};

struct service {
	struct list link; /* in smtpd->services */
	struct smtpd *p;
	unsigned refs;
	struct conf *conf;
	uint32_t index;  /* in its own snapshot */
	uint32_t newest; /* ... and in the newest one: what rules knows */
	uint8_t type;    /* enum conf_type */
	span name;
	span syslog_name; /* empty: the usual one */
	struct service_settings set;
	struct smtp_server_conf engine;
	struct smtp_server_conf lenient; /* for those who may send bare LF */
	struct smtp_server_conf inside;  /* for processes of ours */
	struct clean_conf clean;
	struct secure secure;
	struct nets *unlimited;
	struct nets *bare_lf_exclusions;
	struct nets *verp_clients;
	usec sleep; /* smtpd_error_sleep_time */
};

/* Of the newest snapshot; a new reference. CONF_MAIN: main.cf alone, for mail
 * that is sent on. */
struct service *service_get(struct smtpd *p, uint32_t index);
struct service *service_ref(struct service *s);
/* Nulls the caller's pointer; NULL is fine. */
void service_unref(struct service **s);
/* Whether smtputf8_autodetect_classes names this kind of mail. */
bool service_detects_utf8(const struct service *s, span kind);
/* There is a new snapshot: find each service in it, by its name. */
void service_renumber(struct smtpd *p);
