/* SPDX-License-Identifier: ISC */
/*
 * relay/settings.c - one struct settings per transport and snapshot.
 *
 * An lmtp transport reads the lmtp_ parameters into the same places.
 */
#include "daemon/relay/settings.h"

#include <string.h>

#include "os/log.h"
#include "proto/smtp_client.h"

/* clang-format off */
#define S(m) CONF_STR(struct settings, m)
#define B(m) CONF_BOOL(struct settings, m)
#define N(m) CONF_U32(struct settings, m)
#define T(m) CONF_USEC(struct settings, m)
static const struct conf_field fields[] = {
	S(myhostname), S(relayhost), S(syslog_name), S(smtp_helo_name),
	S(smtp_tcp_port), S(smtp_address_preference), S(smtp_bind_address),
	S(smtp_bind_address6), S(smtp_discard_ehlo_keywords),
	S(smtp_fallback_relay), S(smtp_host_lookup),
	S(smtp_dns_support_level), S(smtp_connection_cache_destinations),
	S(proxy_interfaces),
	B(disable_dns_lookups), B(ignore_mx_lookup_error), B(soft_bounce),
	B(smtp_always_send_ehlo), B(smtp_never_send_ehlo),
	B(smtp_balance_inet_protocols), B(smtp_bind_address_enforce),
	B(smtp_connection_cache_on_demand),
	B(smtp_defer_if_no_mx_address_found), B(smtp_quote_rfc821_envelope),
	B(smtp_randomize_addresses), B(smtp_skip_5xx_greeting),
	B(smtp_skip_quit_response),
	N(smtp_connection_reuse_count_limit), N(smtp_line_length_limit),
	N(smtp_mx_address_limit), N(smtp_mx_session_limit),
	N(delay_logging_resolution_limit),
	T(smtp_connect_timeout), T(smtp_helo_timeout), T(smtp_mail_timeout),
	T(smtp_rcpt_timeout), T(smtp_data_init_timeout),
	T(smtp_data_xfer_timeout), T(smtp_data_done_timeout),
	T(smtp_rset_timeout), T(smtp_quit_timeout),
	T(smtp_connection_cache_time_limit),
	T(smtp_connection_reuse_time_limit),
};

#define L(K, M, name, m) { #name, K, offsetof(struct settings, m) + \
	CONF_IS_(M, ((struct settings *)0)->m) }
#define LS(name, m) L(CONF_KIND_STR, span, name, m)
#define LB(name, m) L(CONF_KIND_BOOL, bool, name, m)
#define LN(name, m) L(CONF_KIND_U32, uint32_t, name, m)
#define LT(name, m) L(CONF_KIND_USEC, usec, name, m)
static const struct conf_field lmtp_fields[] = {
	LS(lmtp_lhlo_name, smtp_helo_name),
	LS(lmtp_discard_lhlo_keywords, smtp_discard_ehlo_keywords),
	LT(lmtp_lhlo_timeout, smtp_helo_timeout),
	LS(lmtp_tcp_port, smtp_tcp_port),
	LS(lmtp_address_preference, smtp_address_preference),
	LS(lmtp_bind_address, smtp_bind_address),
	LS(lmtp_bind_address6, smtp_bind_address6),
	LS(lmtp_fallback_relay, smtp_fallback_relay),
	LS(lmtp_host_lookup, smtp_host_lookup),
	LS(lmtp_dns_support_level, smtp_dns_support_level),
	LS(lmtp_connection_cache_destinations,
	    smtp_connection_cache_destinations),
	LB(lmtp_balance_inet_protocols, smtp_balance_inet_protocols),
	LB(lmtp_bind_address_enforce, smtp_bind_address_enforce),
	LB(lmtp_connection_cache_on_demand, smtp_connection_cache_on_demand),
	LB(lmtp_defer_if_no_mx_address_found,
	    smtp_defer_if_no_mx_address_found),
	LB(lmtp_quote_rfc821_envelope, smtp_quote_rfc821_envelope),
	LB(lmtp_randomize_addresses, smtp_randomize_addresses),
	LB(lmtp_skip_5xx_greeting, smtp_skip_5xx_greeting),
	LB(lmtp_skip_quit_response, smtp_skip_quit_response),
	LN(lmtp_connection_reuse_count_limit,
	    smtp_connection_reuse_count_limit),
	LN(lmtp_line_length_limit, smtp_line_length_limit),
	LN(lmtp_mx_address_limit, smtp_mx_address_limit),
	LN(lmtp_mx_session_limit, smtp_mx_session_limit),
	LT(lmtp_connect_timeout, smtp_connect_timeout),
	LT(lmtp_mail_timeout, smtp_mail_timeout),
	LT(lmtp_rcpt_timeout, smtp_rcpt_timeout),
	LT(lmtp_data_init_timeout, smtp_data_init_timeout),
	LT(lmtp_data_xfer_timeout, smtp_data_xfer_timeout),
	LT(lmtp_data_done_timeout, smtp_data_done_timeout),
	LT(lmtp_rset_timeout, smtp_rset_timeout),
	LT(lmtp_quit_timeout, smtp_quit_timeout),
	LT(lmtp_connection_cache_time_limit,
	    smtp_connection_cache_time_limit),
	LT(lmtp_connection_reuse_time_limit,
	    smtp_connection_reuse_time_limit),
};
/* clang-format on */

static const char list_separators[] = ", \t\r\n";

static bool has_word(span list, span wanted)
{
	span word;

	while ((word = span_word(&list, list_separators)).len)
		if (span_eq_nocase(word, wanted))
			return true;
	return false;
}

static unsigned parse_discard(span list)
{
	unsigned bits = 0;
	span word;

	while ((word = span_word(&list, list_separators)).len)
		bits |= smtp_feature_find(word);
	return bits;
}

static unsigned make_flags(const struct settings *s)
{
	unsigned flags = 0;

	if (s->lmtp)
		flags |= SMTP_SETUP_LMTP;
	if (s->smtp_always_send_ehlo)
		flags |= SMTP_SETUP_ALWAYS_EHLO;
	if (s->smtp_never_send_ehlo)
		flags |= SMTP_SETUP_NEVER_EHLO;
	if (s->smtp_skip_5xx_greeting)
		flags |= SMTP_SETUP_SKIP_5XX;
	if (s->smtp_quote_rfc821_envelope)
		flags |= SMTP_SETUP_QUOTE;
	return flags;
}

/* "1.2.3.4", "[1.2.3.4]"; anything else is said once and not used. */
static void parse_bind(
    const struct settings *s, span text, int family, struct sock_addr *ret)
{
	span bare = text;

	*ret = (struct sock_addr){ 0 };
	if (!text.len)
		return;
	if (span_skip(&bare, SPAN("[")) && bare.len)
		bare.len--;
	if (sock_parse(bare, 0, ret) && ret->any.sa_family == family)
		return;
	ret->len = 0;
	log_warn(
	    s->program, "bad smtp_bind_address parameter: %.*s", PRI(text));
}

static bool is_loopback(const struct conf_address *a)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return a->family == 4 ? a->bytes[0] == 127
	                      : memcmp(a->bytes, v6, sizeof(v6)) == 0;
}

static void sock_of(const struct conf_address *a, struct sock_addr *ret)
{
	*ret = (struct sock_addr){ 0 };
	if (a->family == 4) {
		ret->len = sizeof(ret->v4);
		ret->v4.sin_family = AF_INET;
		memcpy(&ret->v4.sin_addr, a->bytes, 4);
		return;
	}
	ret->len = sizeof(ret->v6);
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_scope_id = a->scope;
	memcpy(&ret->v6.sin6_addr, a->bytes, 16);
}

/* A host that listens on one address of its own also speaks from it. */
static void bind_to_own(
    const struct settings *s, uint8_t family, struct sock_addr *ret)
{
	uint32_t count;
	const struct conf_address *all =
	    conf_addresses(s->snapshot->conf, &count);
	const struct conf_address *only = NULL;

	if (ret->len)
		return;
	for (uint32_t i = 0; i < count; i++) {
		if (all[i].family != family)
			continue;
		if (only)
			return;
		only = &all[i];
	}
	if (only && !is_loopback(only))
		sock_of(only, ret);
}

static void derive(struct settings *s)
{
	struct conf *conf = s->snapshot->conf;

	s->use_dns = !s->disable_dns_lookups &&
	    !span_eq(s->smtp_dns_support_level, SPAN("disabled")) &&
	    has_word(s->smtp_host_lookup, SPAN("dns"));
	s->use_hosts =
	    !s->use_dns || has_word(s->smtp_host_lookup, SPAN("native"));
	s->use_v4 = conf_has_family(conf, 4);
	s->use_v6 = conf_has_family(conf, 6);
	s->prefer = 0;
	if (span_eq_nocase(s->smtp_address_preference, SPAN("ipv4")))
		s->prefer = 4;
	else if (span_eq_nocase(s->smtp_address_preference, SPAN("ipv6")))
		s->prefer = 6;
	s->discard = parse_discard(s->smtp_discard_ehlo_keywords);
	s->flags = make_flags(s);
	parse_bind(s, s->smtp_bind_address, AF_INET, &s->bind4);
	parse_bind(s, s->smtp_bind_address6, AF_INET6, &s->bind6);
	bind_to_own(s, 4, &s->bind4);
	bind_to_own(s, 6, &s->bind6);
}

static void name_program(struct settings *s, span command)
{
	ssize_t slash = span_rfind(command, '/');

	command = span_first(
	    span_from(command, (size_t)(slash + 1)), sizeof(s->program) - 1);
	memcpy(s->program, command.ptr, command.len);
	s->lmtp = span_eq(command, SPAN("lmtp"));
}

static struct settings *make_settings(struct snapshot *snap, uint32_t service)
{
	struct settings *s = NEW(struct settings);

	s->snapshot = snap;
	name_program(s, conf_service(snap->conf, service)->command);
	conf_load(snap->conf, service, fields, ARRAY_LEN(fields), s);
	if (s->lmtp)
		conf_load(snap->conf, service, lmtp_fields,
		    ARRAY_LEN(lmtp_fields), s);
	derive(s);
	return s;
}

const struct settings *snapshot_settings(struct snapshot *snap, span transport)
{
	uint32_t service = conf_transport(snap->conf, transport);

	if (service >= snap->count)
		return NULL;
	if (!snap->services[service])
		snap->services[service] = make_settings(snap, service);
	return snap->services[service];
}

struct snapshot *snapshot_new(struct conf *conf)
{
	struct snapshot *snap = NEW(struct snapshot);

	snap->refs = 1;
	snap->conf = conf_ref(conf);
	snap->count = conf_services(conf);
	snap->services = mem_new(snap->count, sizeof(void *));
	return snap;
}

void snapshot_ref(struct snapshot *snap)
{
	snap->refs++;
}

void snapshot_unref(struct snapshot **s)
{
	struct snapshot *snap = *s;

	*s = NULL;
	if (!snap || --snap->refs)
		return;
	for (uint32_t i = 0; i < snap->count; i++)
		mem_free(snap->services[i]);
	mem_free(snap->services);
	conf_unref(&snap->conf);
	mem_free(snap);
}

/* Names of hosts and domains; tables are looked up elsewhere. */
bool settings_cache_always(const struct settings *s, span domain)
{
	return domain.len &&
	    has_word(s->smtp_connection_cache_destinations, domain);
}

bool settings_is_own(const struct settings *s, const struct sock_addr *addr)
{
	uint32_t count;
	const struct conf_address *all =
	    conf_addresses(s->snapshot->conf, &count);
	span rest = s->proxy_interfaces;
	struct sock_addr own;
	span word;

	for (uint32_t i = 0; i < count; i++) {
		sock_of(&all[i], &own);
		if (sock_same_host(&own, addr))
			return true;
	}
	while ((word = span_word(&rest, list_separators)).len)
		if (sock_parse(word, 0, &own) && sock_same_host(&own, addr))
			return true;
	return false;
}
