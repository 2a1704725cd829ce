/* SPDX-License-Identifier: ISC */
/*
 * relay/settings.h - the parameters of one transport (a service of master.cf
 * whose command is smtp or lmtp), in the form the rest works with.
 *
 * They belong to a snapshot of the configuration; jobs and sessions hold on
 * to theirs when the next one arrives.
 */
#pragma once

#include "conf/conf.h"
#include "os/sock.h"

struct settings {
	/* As in main.cf: */
	span myhostname;
	span relayhost;
	span syslog_name;
	span smtp_helo_name;
	span smtp_tcp_port;
	span smtp_address_preference;
	span smtp_bind_address;
	span smtp_bind_address6;
	span smtp_discard_ehlo_keywords;
	span smtp_fallback_relay;
	span smtp_host_lookup;
	span smtp_dns_support_level;
	span smtp_connection_cache_destinations;
	span proxy_interfaces;
	bool disable_dns_lookups;
	bool ignore_mx_lookup_error;
	bool soft_bounce;
	bool smtp_always_send_ehlo;
	bool smtp_never_send_ehlo;
	bool smtp_balance_inet_protocols;
	bool smtp_bind_address_enforce;
	bool smtp_connection_cache_on_demand;
	bool smtp_defer_if_no_mx_address_found;
	bool smtp_quote_rfc821_envelope;
	bool smtp_randomize_addresses;
	bool smtp_skip_5xx_greeting;
	bool smtp_skip_quit_response;
	uint32_t smtp_connection_reuse_count_limit;
	uint32_t smtp_line_length_limit;
	uint32_t smtp_mx_address_limit;
	uint32_t smtp_mx_session_limit;
	uint32_t delay_logging_resolution_limit;
	usec smtp_connect_timeout;
	usec smtp_helo_timeout;
	usec smtp_mail_timeout;
	usec smtp_rcpt_timeout;
	usec smtp_data_init_timeout;
	usec smtp_data_xfer_timeout;
	usec smtp_data_done_timeout;
	usec smtp_rset_timeout;
	usec smtp_quit_timeout;
	usec smtp_connection_cache_time_limit;
	usec smtp_connection_reuse_time_limit;

	/* Made from them: */
	struct snapshot *snapshot;
	char program[32]; /* "smtp", for the log */
	bool lmtp;
	bool use_dns;
	bool use_hosts;
	bool use_v4;
	bool use_v6;
	uint8_t prefer;         /* 4, 6, or 0: neither */
	unsigned discard;       /* enum smtp_feature */
	unsigned flags;         /* enum smtp_setup_flags */
	struct sock_addr bind4; /* len 0: none */
	struct sock_addr bind6;
};

struct snapshot {
	uint32_t refs;
	uint32_t count;
	struct conf *conf;
	struct settings **services; /* made when first asked for */
};

struct snapshot *snapshot_new(struct conf *conf);
void snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot **s);

/* NULL: there is no such transport. Lives as long as the snapshot. */
const struct settings *snapshot_settings(struct snapshot *s, span transport);

/* Whether mail for this domain always keeps its sessions. */
bool settings_cache_always(const struct settings *s, span domain);
/* Whether an address is one of ours (or of a proxy in front of us). */
bool settings_is_own(const struct settings *s, const struct sock_addr *addr);
