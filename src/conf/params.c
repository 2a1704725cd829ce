/* SPDX-License-Identifier: ISC */
#include "conf/params.h"

#include <stdlib.h>

/* clang-format off */
/* Kinds. */
#define STR  PARAM_STR
#define RAW  PARAM_RAW
#define BOOL PARAM_BOOL
#define INT  PARAM_INT
#define LONG PARAM_LONG
#define TIME PARAM_TIME

/* Ranges. */
#define ANY           0, 0
#define AT_LEAST(n)   n, 0
#define BETWEEN(a, b) a, b

/* Statuses. */
#define ACTS PARAM_ACTS, NULL
/* ... without effect, because it is not needed here: */
#define OUR_QUEUE PARAM_IDLE, "the queue is a log, not files in directories"
#define OUR_PROCS PARAM_IDLE, "our processes serve many clients each and stay"
#define OUR_IPC   PARAM_IDLE, "our processes talk over channels made by master"
#define OUR_NAMES PARAM_IDLE, "our processes do not look for services by name"
#define OUR_DATA  PARAM_IDLE, "no process keeps files there"
#define OUR_LOG   PARAM_IDLE, "master hands the log to every process"
#define OUR_LINES PARAM_IDLE, "a stray CR or LF is always replaced"
#define OUR_PACE  PARAM_IDLE, "a client waits for the disk in any case"
#define OUR_PID   PARAM_IDLE, "the lock of master is pid/master.pid"
#define OUR_SCHED PARAM_IDLE, "the scheduler gives every message its turn"
#define OUR_DEBUG PARAM_IDLE, "a debugger is attached to the process id that " \
	"the log shows"
#define OUR_BDB   PARAM_IDLE, "hash and btree tables work without Berkeley DB"
#define OUR_PROXY PARAM_IDLE, "tables behind proxy: are opened directly"
#define OUR_CACHES PARAM_IDLE, "address_verify_map and postscreen_cache_map " \
	"name their types themselves"
#define OUR_EOH   PARAM_IDLE, "an empty line is always put in"
#define OUR_WORDS PARAM_IDLE, "there is one wording of log lines"
#define OUR_DNS   PARAM_IDLE, "libunbound decides how answers are kept and " \
	"validated"
#define OUR_IDS   PARAM_IDLE, "queue ids have one form, and are not used again"
#define OUR_MIME  PARAM_IDLE, "message content is passed on as it came"
#define OUR_USERS PARAM_IDLE, "our commands have no privileges to guard"
#define OUR_LOCKS PARAM_IDLE, "mailbox_delivery_lock says how to lock"
#define OUR_TESTS PARAM_IDLE, "it is for tests of Postfix itself"
#define OUR_TICKETS PARAM_IDLE, "clients keep their TLS sessions themselves, " \
	"in tickets"
#define OUR_RANDOM PARAM_IDLE, "OpenSSL asks the kernel for random bytes"
#define OUR_TLS_END PARAM_IDLE, "we never wait for a client's TLS shutdown"
#define TLS_AUTO  PARAM_IDLE, "Postfix 3.6 ignores it too; see " \
	"tls_eecdh_auto_curves"
#define TLS_OLD   PARAM_IDLE, "there are no export ciphers any more"
#define PACKAGING PARAM_IDLE, "only scripts that install packages read it"
/* ... without effect, so take care: what is missing, and what to do. */
#define NO_TLS     PARAM_MISSING, "TLS is not part of this version; " \
	"use networks that you trust, or a TLS proxy in front"
#define NO_SASL    PARAM_MISSING, "SASL is not part of this version; " \
	"list your clients in mynetworks"
#define NO_MILTER  PARAM_MISSING, "milters are not part of this version; " \
	"let the mail pass a host that runs them"
#define NO_FILTER  PARAM_MISSING, "content filters are not part of this " \
	"version; let the mail pass a host that filters"
#define NO_CHECKS  PARAM_MISSING, "header and body checks are not part of " \
	"this version; let the mail pass a host that filters"
#define NO_REWRITE PARAM_MISSING, "this kind of address rewriting is not " \
	"part of this version; let the sender's program or the next hop do it"
#define NO_MAPS    PARAM_MISSING, "this version does not ask it; what it " \
	"would change stays as it is"
#define NO_VERIFY  PARAM_MISSING, "address verification is not part of this " \
	"version; list valid recipients in relay_recipient_maps"
#define NO_SCREEN  PARAM_MISSING, "postscreen is not part of this version; " \
	"let smtpd listen"
#define NO_UTF8    PARAM_MISSING, "SMTPUTF8 is not part of this version; " \
	"use the ASCII form of domains"
#define NO_RATES   PARAM_MISSING, "this rate is not counted in this version; " \
	"set smtpd_client_connection_rate_limit"
#define NO_PREFIX  PARAM_MISSING, "events are counted per address in this " \
	"version; list busy networks in smtpd_client_event_limit_exceptions"
#define NO_LOCAL   PARAM_MISSING, "local delivery of this version knows " \
	"mailbox files only; see mail_spool_directory"
#define NO_POLICY  PARAM_MISSING, "policy services are not part of this " \
	"version; write restrictions in main.cf"
#define NO_DNSBL   PARAM_MISSING, "DNS lists are not part of this version; " \
	"let the next hop ask them"
#define NO_DNS     PARAM_MISSING, "names that clients give are not looked up " \
	"in this version; let the next hop do it"
#define NO_MX      PARAM_MISSING, "permit_mx_backup is not part of this " \
	"version; list the domains in relay_domains"
#define NO_BEST_MX PARAM_MISSING, "mail for a domain that points to us " \
	"bounces; list the domain in mydestination or relay_domains"
#define NO_NOTICES PARAM_MISSING, "notices to the postmaster are not part of " \
	"this version; watch the log"
#define NO_CLEARED PARAM_MISSING, "no notice follows a delay that is over; " \
	"senders may ask for one with NOTIFY=SUCCESS"
#define NO_THREADS PARAM_MISSING, "bounces begin a thread of their own; find " \
	"the message by the queue id that they name"
#define NO_XCLIENT PARAM_MISSING, "XCLIENT, XFORWARD and the proxy protocol " \
	"are not part of this version; let clients connect directly"
#define NO_HIDING  PARAM_MISSING, "the Received header always names the " \
	"client; let the next hop remove it"
#define NO_QMQP    PARAM_MISSING, "QMQP is not part of this version; use SMTP"
#define NO_MULTI   PARAM_MISSING, "instances are not managed together in " \
	"this version; run \"postfix -c DIR\" for each"
#define NO_FULLNAME PARAM_MISSING, "a From header that we make has the bare " \
	"address; let the sender's program write the header"
#define NO_DEFER   PARAM_MISSING, "transports are not stopped by name in this " \
	"version; let their master.cf lines run the program \"error\" or \"retry\""
#define NO_CONVERT PARAM_MISSING, "message content is not converted in this " \
	"version; let the sender's program encode it"
#define NO_PIX     PARAM_MISSING, "work-arounds for old firewalls are not part " \
	"of this version; switch their SMTP inspection off"
#define NO_SRV     PARAM_MISSING, "SRV records are not asked for in this " \
	"version; write host and port of the next hop"
#define NO_DEADLINE PARAM_MISSING, "the smtp_..._timeout parameters limit " \
	"each step; shorten them"
#define NO_RESOLVER PARAM_MISSING, "write resolver options into resolv.conf"
#define NO_WINDOW  PARAM_MISSING, "set net.ipv4.tcp_rmem and tcp_wmem with " \
	"sysctl"
#define NO_PEERS   PARAM_MISSING, "single peers are not traced; record the " \
	"session with tcpdump"
#define NO_RETRY   PARAM_MISSING, "mail of a transport that fails is tried " \
	"again like other mail; see minimal_backoff_time"
#define NO_PAUSE   PARAM_MISSING, "pauses are made per destination in this " \
	"version; set default_destination_rate_delay"
#define NO_PEAKS   PARAM_MISSING, "peak rates are not logged; count the lines " \
	"that begin with \"connect from\""
#define NO_PERMITS PARAM_MISSING, "actions that permit are not logged; every " \
	"accepted message has its \"client=\" line"
#define NO_FINAL   PARAM_MISSING, "a delivery by LMTP counts as relayed; tell " \
	"those who ask for NOTIFY=SUCCESS"
#define NO_LOGFORM PARAM_MISSING, "addresses are always logged in external " \
	"form; let log readers strip quotes"
#define USE_SMTP   PARAM_MISSING, "LMTP follows the smtp_ parameter of the " \
	"same name; override that one for the service in master.cf"

static const struct param table[] = {
#include "conf/params.def"
};
/* clang-format on */

static int compare(const void *key, const void *member)
{
	const span *name = key;
	const struct param *p = member;

	return span_cmp(*name, span_str(p->name));
}

const struct param *param_find(span name)
{
	return bsearch(
	    &name, table, ARRAY_LEN(table), sizeof(table[0]), compare);
}

const struct param *params_all(size_t *ret_count)
{
	*ret_count = ARRAY_LEN(table);
	return table;
}

/* clang-format off */
static const struct {
	span suffix;
	const char *preset; /* the parameter that is the default */
} families[] = {
#define FAMILY(suffix) { SPAN_INIT(suffix), "default_" suffix }
	FAMILY("delivery_slot_cost"),
	FAMILY("delivery_slot_discount"),
	FAMILY("delivery_slot_loan"),
	FAMILY("destination_concurrency_failed_cohort_limit"),
	FAMILY("destination_concurrency_limit"),
	FAMILY("destination_concurrency_negative_feedback"),
	FAMILY("destination_concurrency_positive_feedback"),
	FAMILY("destination_rate_delay"),
	FAMILY("destination_recipient_limit"),
	FAMILY("extra_recipient_limit"),
	{ SPAN_INIT("initial_destination_concurrency"),
		"initial_destination_concurrency" },
	FAMILY("minimum_delivery_slots"),
	FAMILY("recipient_limit"),
	FAMILY("recipient_refill_delay"),
	FAMILY("recipient_refill_limit"),
	{ SPAN_INIT("time_limit"), "command_time_limit" },
	FAMILY("transport_rate_delay"),
#undef FAMILY
};
/* clang-format on */

const struct param *param_of_transport(span suffix)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (span_eq(suffix, families[i].suffix))
			return param_find(span_str(families[i].preset));
	return NULL;
}

bool param_is_transport_suffix(span suffix)
{
	return param_of_transport(suffix) != NULL;
}

/*
 * Old names act as in Postfix: they are names like those that an operator
 * makes up, and the default of a parameter refers to them.
 */
/* clang-format off */
static const struct param_old old[] = {
#define NOW(name) name, NULL
#define GONE(note) NULL, note
/* The default is "${old:...}", which is nothing when the old one is set. */
#define EMPTIES(now) NULL, "as in Postfix, it makes " now " empty; set that one"
	{ "authorized_verp_clients", NOW("smtpd_authorized_verp_clients") },
	{ "enable_errors_to",
		GONE("errors are returned to the envelope sender") },
	{ "extract_recipient_limit", GONE("there is no such limit") },
	{ "fallback_relay", NOW("smtp_fallback_relay") },
	{ "lmtp_cache_connection", GONE("see lmtp_connection_cache_on_demand") },
	{ "lmtp_per_record_deadline", NOW("lmtp_per_request_deadline") },
	{ "postscreen_blacklist_action", NOW("postscreen_denylist_action") },
	{ "postscreen_dnsbl_ttl", NOW("postscreen_dnsbl_max_ttl") },
	{ "postscreen_dnsbl_whitelist_threshold",
		NOW("postscreen_dnsbl_allowlist_threshold") },
	{ "postscreen_whitelist_interfaces",
		NOW("postscreen_allowlist_interfaces") },
	{ "sender_based_routing", GONE("use sender_dependent_relayhost_maps") },
	{ "smtp_per_record_deadline", NOW("smtp_per_request_deadline") },
	{ "smtp_skip_4xx_greeting",
		GONE("servers that greet with 4xx are always skipped") },
	{ "smtp_tls_cipherlist", GONE("use smtp_tls_mandatory_ciphers") },
	{ "smtpd_client_connection_limit_exceptions",
		EMPTIES("smtpd_client_event_limit_exceptions") },
	{ "smtpd_per_record_deadline", NOW("smtpd_per_request_deadline") },
	{ "smtpd_sasl_application_name", GONE("use smtpd_sasl_path") },
	{ "smtpd_tls_cipherlist", GONE("use smtpd_tls_mandatory_ciphers") },
	{ "tls_dane_digest_agility", GONE("it is always on") },
	{ "tls_dane_trust_anchor_digest_enable", GONE("it is always on") },
	{ "tlsproxy_client_level", EMPTIES("tlsproxy_client_security_level") },
	{ "tlsproxy_client_policy", EMPTIES("tlsproxy_client_policy_maps") },
	{ "tlsproxy_tls_session_cache_timeout",
		GONE("use smtpd_tls_session_cache_timeout") },
	{ "virtual_mailbox_limit_maps", NOW("virtual_maildir_quota_maps") },
	{ "virtual_maps", NOW("virtual_alias_maps") },
#undef NOW
#undef GONE
#undef EMPTIES
};
/* clang-format on */

const struct param_old *params_old(size_t *ret_count)
{
	*ret_count = ARRAY_LEN(old);
	return old;
}

const struct param_old *param_find_old(span name)
{
	for (size_t i = 0; i < ARRAY_LEN(old); i++)
		if (span_eq(name, span_str(old[i].name)))
			return &old[i];
	return NULL;
}
