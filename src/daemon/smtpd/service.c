/* SPDX-License-Identifier: ISC */
#include "daemon/smtpd/service.h"

#include "conf/words.h"

#define STR(m)  CONF_STR(struct service_settings, m)
#define BOOL(m) CONF_BOOL(struct service_settings, m)
#define U32(m)  CONF_U32(struct service_settings, m)
#define U64(m)  CONF_U64(struct service_settings, m)
#define USEC(m) CONF_USEC(struct service_settings, m)

static const struct conf_field fields[] = {
	STR(myhostname),
	STR(mydomain),
	STR(myorigin),
	STR(mail_name),
	STR(syslog_name),
	STR(smtpd_banner),
	STR(smtpd_noop_commands),
	STR(smtpd_forbidden_commands),
	STR(smtpd_discard_ehlo_keywords),
	STR(smtpd_forbid_bare_newline),
	STR(smtpd_forbid_bare_newline_exclusions),
	STR(smtpd_client_event_limit_exceptions),
	STR(smtpd_authorized_verp_clients),
	STR(default_verp_delimiters),
	STR(verp_delimiter_filter),
	STR(smtpd_client_restrictions),
	STR(smtpd_helo_restrictions),
	STR(smtpd_sender_restrictions),
	STR(smtpd_data_restrictions),
	STR(smtpd_end_of_data_restrictions),
	STR(smtpd_etrn_restrictions),
	STR(message_drop_headers),
	STR(undisclosed_recipients_header),
	STR(remote_header_rewrite_domain),
	STR(receive_override_options),
	STR(smtputf8_autodetect_classes),
	U64(message_size_limit),
	U32(line_length_limit),
	U32(smtpd_recipient_limit),
	U32(smtpd_recipient_overshoot_limit),
	U32(smtpd_junk_command_limit),
	U32(smtpd_soft_error_limit),
	U32(smtpd_hard_error_limit),
	U32(smtpd_forbid_bare_newline_reject_code),
	U32(smtpd_min_data_rate),
	U32(smtpd_client_connection_count_limit),
	U32(smtpd_client_connection_rate_limit),
	U32(smtpd_client_message_rate_limit),
	U32(smtpd_client_recipient_rate_limit),
	U32(header_size_limit),
	U32(header_address_token_limit),
	U32(hopcount_limit),
	U32(duplicate_filter_limit),
	USEC(smtpd_timeout),
	USEC(smtpd_error_sleep_time),
	USEC(anvil_rate_time_unit),
	BOOL(smtpd_helo_required),
	BOOL(disable_vrfy_command),
	BOOL(smtpd_delay_reject),
	BOOL(smtputf8_enable),
	BOOL(strict_smtputf8),
	BOOL(strict_rfc821_envelopes),
	BOOL(allow_min_user),
	BOOL(resolve_numeric_domain),
	BOOL(smtpd_forbid_unauth_pipelining),
	BOOL(soft_bounce),
	BOOL(smtpd_per_request_deadline),
	BOOL(smtpd_peername_lookup),
	BOOL(smtpd_client_port_logging),
	BOOL(always_add_missing_headers),
	BOOL(swap_bangpath),
	BOOL(allow_percent_hack),
	BOOL(append_at_myorigin),
	BOOL(append_dot_mydomain),
};

#define MAP(m) CONF_STR(struct service_mapping, m)

static const struct conf_field mapping_fields[] = {
	MAP(canonical_maps),
	MAP(canonical_classes),
	MAP(sender_canonical_maps),
	MAP(sender_canonical_classes),
	MAP(recipient_canonical_maps),
	MAP(recipient_canonical_classes),
	MAP(masquerade_domains),
	MAP(masquerade_classes),
};

/* An unknown word is the strict default, not the lenient one. */
static enum smtp_bare_lf bare_lf_mode(span word)
{
	static const struct {
		span word;
		enum smtp_bare_lf mode;
	} modes[] = {
		{ SPAN_INIT("no"), SMTP_BARE_LF_NO },
		{ SPAN_INIT("note"), SMTP_BARE_LF_NOTE },
		{ SPAN_INIT("reject"), SMTP_BARE_LF_REJECT },
	};

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (span_eq_nocase(modes[i].word, word))
			return modes[i].mode;
	return SMTP_BARE_LF_NORMALIZE;
}

/* The part of the default value that is no word: commands that begin with
 * something that is no letter. */
static bool forbids_nonletters(span commands)
{
	static const span rule = SPAN_INIT("regexp:{{/^[^A-Z]/");

	for (; commands.len >= rule.len; commands = span_from(commands, 1))
		if (span_has_prefix(commands, rule))
			return true;
	return false;
}

static void set_engine(struct service *s)
{
	const struct service_settings *set = &s->set;

	s->engine = (struct smtp_server_conf){
		.myhostname = set->myhostname,
		.banner = set->smtpd_banner,
		.noop_commands = set->smtpd_noop_commands,
		.forbidden_commands = set->smtpd_forbidden_commands,
		.verp_delimiters = set->default_verp_delimiters,
		.verp_filter = set->verp_delimiter_filter,
		.message_size_limit = set->message_size_limit,
		.line_length_limit = set->line_length_limit,
		.recipient_limit = set->smtpd_recipient_limit,
		.recipient_overshoot_limit =
		    set->smtpd_recipient_overshoot_limit,
		.junk_command_limit = set->smtpd_junk_command_limit,
		.soft_error_limit = set->smtpd_soft_error_limit,
		.hard_error_limit = set->smtpd_hard_error_limit,
		.discard =
		    smtp_keywords_parse(set->smtpd_discard_ehlo_keywords),
		.bare_lf_code =
		    (uint16_t)set->smtpd_forbid_bare_newline_reject_code,
		.bare_lf =
		    (uint8_t)bare_lf_mode(set->smtpd_forbid_bare_newline),
		.ask_helo = !set->smtpd_delay_reject &&
		    set->smtpd_helo_restrictions.len,
		.helo_required = set->smtpd_helo_required,
		.disable_vrfy = set->disable_vrfy_command,
		.smtputf8 = set->smtputf8_enable,
		.strict_smtputf8 = set->strict_smtputf8,
		.strict_rfc821 = set->strict_rfc821_envelopes,
		.allow_min_user = set->allow_min_user,
		.allow_numeric = set->resolve_numeric_domain,
		.forbid_unauth_pipelining = set->smtpd_forbid_unauth_pipelining,
		.forbid_nonletters =
		    forbids_nonletters(set->smtpd_forbidden_commands),
		.soft_bounce = set->soft_bounce,
		.error_sleep = set->smtpd_error_sleep_time != 0,
		.tls = s->secure.level,
		.tls_broken = !s->secure.server,
	};
	s->lenient = s->engine;
	s->lenient.bare_lf = SMTP_BARE_LF_NO;
	s->inside = (struct smtp_server_conf){
		.myhostname = set->myhostname,
		.banner = set->myhostname,
		.verp_filter = set->verp_delimiter_filter,
		.message_size_limit = set->message_size_limit,
		.line_length_limit = SMTPD_INSIDE_LINE,
		.junk_command_limit = UINT32_MAX,
		.soft_error_limit = UINT32_MAX,
		.hard_error_limit = UINT32_MAX,
		.bare_lf = SMTP_BARE_LF_NORMALIZE,
		.smtputf8 = set->smtputf8_enable,
		.disable_vrfy = true,
		.trusted = true,
	};
}

static void set_clean(struct service *s)
{
	const struct service_settings *set = &s->set;
	const struct rewrite_conf rewrite = {
		.origin = set->myorigin,
		.domain = set->mydomain,
		.swap_bangpath = set->swap_bangpath,
		.percent_hack = set->allow_percent_hack,
		.append_at_myorigin = set->append_at_myorigin,
		.append_dot_mydomain = set->append_dot_mydomain,
	};

	s->clean = (struct clean_conf){
		.myhostname = set->myhostname,
		.drop_headers = set->message_drop_headers,
		.undisclosed = set->undisclosed_recipients_header,
		.local = rewrite,
		.remote = rewrite,
		.header_size_limit = set->header_size_limit,
		.token_limit = set->header_address_token_limit,
		.hopcount_limit = set->hopcount_limit,
		.always_add_missing = set->always_add_missing_headers,
	};
	s->clean.remote.origin = set->remote_header_rewrite_domain;
	s->clean.remote.domain = set->remote_header_rewrite_domain;
}

static bool has_word(span list, span wanted)
{
	span word;

	while ((word = words_next(&list)).len)
		if (span_eq(word, wanted))
			return true;
	return false;
}

bool service_detects_utf8(const struct service *s, span kind)
{
	span classes = s->set.smtputf8_autodetect_classes;

	return has_word(classes, kind) || has_word(classes, SPAN("all"));
}

static bool acts(span value, span classes, span wanted)
{
	return span_trim(value).len && has_word(classes, wanted);
}

/* Which headers have addresses that rules might change. */
static void set_mapping(struct service *s)
{
	const span sender = SPAN("header_sender");
	const span recipient = SPAN("header_recipient");
	struct service_mapping m;

	if (has_word(
	        s->set.receive_override_options, SPAN("no_address_mappings")))
		return;
	conf_load(
	    s->conf, CONF_MAIN, mapping_fields, ARRAY_LEN(mapping_fields), &m);
	s->clean.map_senders =
	    acts(m.sender_canonical_maps, m.sender_canonical_classes, sender) ||
	    acts(m.canonical_maps, m.canonical_classes, sender) ||
	    acts(m.masquerade_domains, m.masquerade_classes, sender);
	s->clean.map_recipients =
	    acts(m.recipient_canonical_maps, m.recipient_canonical_classes,
	        recipient) ||
	    acts(m.canonical_maps, m.canonical_classes, recipient) ||
	    acts(m.masquerade_domains, m.masquerade_classes, recipient);
}

static struct service *service_new(struct smtpd *p, uint32_t index)
{
	struct service *s = NEW(struct service);
	span usual;

	s->p = p;
	s->refs = 1;
	s->conf = conf_ref(p->conf);
	s->index = index;
	s->newest = index;
	s->type = CONF_UNIX;
	s->name = SPAN("cleanup");
	if (index != CONF_MAIN) {
		s->type = conf_service(s->conf, index)->type;
		s->name = conf_service(s->conf, index)->name;
	}
	conf_load(s->conf, index, fields, ARRAY_LEN(fields), &s->set);
	usual = conf_value(s->conf, CONF_MAIN, SPAN("syslog_name"));
	if (!span_eq(usual, s->set.syslog_name))
		s->syslog_name = s->set.syslog_name;
	s->sleep = s->set.smtpd_error_sleep_time;
	secure_init(s, &p->keys);
	set_engine(s);
	set_clean(s);
	set_mapping(s);
	s->unlimited = nets_new(s->set.smtpd_client_event_limit_exceptions);
	s->bare_lf_exclusions =
	    nets_new(s->set.smtpd_forbid_bare_newline_exclusions);
	s->verp_clients = nets_new(s->set.smtpd_authorized_verp_clients);
	list_append(&p->services, &s->link);
	return s;
}

struct service *service_get(struct smtpd *p, uint32_t index)
{
	LIST_FOR(l, &p->services)
	{
		struct service *s = CONTAINER_OF(l, struct service, link);

		if (s->conf == p->conf && s->index == index)
			return service_ref(s);
	}
	return service_new(p, index);
}

struct service *service_ref(struct service *s)
{
	s->refs++;
	return s;
}

void service_unref(struct service **service)
{
	struct service *s = STEAL(*service);

	if (!s || --s->refs)
		return;
	list_remove(&s->link);
	secure_done(&s->secure);
	nets_free(&s->unlimited);
	nets_free(&s->bare_lf_exclusions);
	nets_free(&s->verp_clients);
	conf_unref(&s->conf);
	mem_free(s);
}

static uint32_t find_by_name(struct smtpd *p, const struct service *s)
{
	for (uint32_t i = 0; i < conf_services(p->conf); i++) {
		const struct conf_service *c = conf_service(p->conf, i);

		if (c->type == s->type && span_eq(c->name, s->name))
			return i;
	}
	return SMTPD_NO_SERVICE;
}

void service_renumber(struct smtpd *p)
{
	LIST_FOR(l, &p->services)
	{
		struct service *s = CONTAINER_OF(l, struct service, link);

		if (s->index != CONF_MAIN)
			s->newest = find_by_name(p, s);
	}
}
