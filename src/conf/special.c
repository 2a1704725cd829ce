/* SPDX-License-Identifier: ISC */
#include "conf/special.h"

#include "conf/value.h"
#include "mail/address.h"

static const char separators[] = ", \t\r\n";

static bool is_level(span value)
{
	uint64_t level;

	return conf_parse_level(value, &level);
}

#define LIST false, NULL, NULL, NULL
#define ONE  true, NULL, NULL, NULL

/* clang-format off */
/* Either a list of words or a test. */
static const struct special {
	span name;
	const char *label;       /* of a word that is unknown */
	const char *words;
	bool one;                /* of the words, not a list of them */
	bool (*is_good)(span value);
	const char *complaint;   /* the value follows */
	const char *remedy;
} specials[] = {
	{ SPAN_INIT("allow_mail_to_commands"), "allow_mail_to_commands",
		"alias forward include", LIST },
	{ SPAN_INIT("allow_mail_to_files"), "allow_mail_to_files",
		"alias forward include", LIST },
	{ SPAN_INIT("canonical_classes"), "canonical_classes",
		"envelope_sender envelope_recipient header_sender "
		"header_recipient", LIST },
	{ SPAN_INIT("compatibility_level"), .is_good = is_level,
		.complaint = "malformed compatibility level syntax: ",
		.remedy = "a version of Postfix, like 3.6" },
	{ SPAN_INIT("inet_protocols"), "inet_protocols", "all ipv4 ipv6",
		LIST },
	{ SPAN_INIT("mailbox_delivery_lock"), "mailbox_delivery_lock",
		"fcntl flock dotlock", LIST },
	{ SPAN_INIT("masquerade_classes"), "masquerade_classes",
		"envelope_sender envelope_recipient header_sender "
		"header_recipient", LIST },
	{ SPAN_INIT("mydomain"), .is_good = address_is_hostname,
		.complaint = "parameter mydomain: bad parameter value: ",
		.remedy = "the name of a domain" },
	{ SPAN_INIT("myhostname"), .is_good = address_is_hostname,
		.complaint = "parameter myhostname: bad parameter value: ",
		.remedy = "the full name of this machine" },
	{ SPAN_INIT("mynetworks_style"), "mynetworks mask style",
		"class subnet host", ONE },
	{ SPAN_INIT("notify_classes"), "notify_classes",
		"bounce policy protocol resource software 2bounce data delay",
		LIST },
	{ SPAN_INIT("prepend_delivered_header"), "prepend_delivered_header",
		"command file forward", LIST },
	{ SPAN_INIT("propagate_unmatched_extensions"),
		"propagate_unmatched_extensions",
		"canonical virtual alias forward include generic", LIST },
	{ SPAN_INIT("receive_override_options"), "receive_override_options",
		"no_unknown_recipient_checks no_address_mappings "
		"no_header_body_checks no_milters", LIST },
	{ SPAN_INIT("recipient_canonical_classes"),
		"recipient_canonical_classes",
		"envelope_recipient header_recipient", LIST },
	{ SPAN_INIT("sender_canonical_classes"), "sender_canonical_classes",
		"envelope_sender header_sender", LIST },
	{ SPAN_INIT("sendmail_personality"), "sendmail_personality",
		"postfix sendmail", ONE },
	{ SPAN_INIT("smtp_address_preference"), "smtp_address_preference",
		"any ipv4 ipv6", ONE },
	{ SPAN_INIT("smtp_dns_support_level"), "smtp_dns_support_level",
		"disabled enabled dnssec", ONE },
	{ SPAN_INIT("smtp_host_lookup"), "smtp_host_lookup", "dns native",
		LIST },
	{ SPAN_INIT("smtpd_forbid_bare_newline"),
		"smtpd_forbid_bare_newline", "normalize reject note yes no",
		ONE },
	{ SPAN_INIT("syslog_facility"), "syslog_facility",
		"auth authpriv cron daemon ftp kern lpr mail news syslog user "
		"uucp local0 local1 local2 local3 local4 local5 local6 local7",
		ONE },
};
/* clang-format on */
#undef LIST
#undef ONE

static bool has_word(const char *words, span word)
{
	span list = span_str(words);
	span next;

	while ((next = span_word(&list, " ")).len > 0)
		if (span_eq_nocase(next, word))
			return true;
	return false;
}

static bool check_words(const struct special *s, span value, struct buf *error)
{
	span rest = value;
	span word;

	while ((word = span_word(&rest, separators)).len > 0) {
		if (!has_word(s->words, word)) {
			buf_printf(error,
			    "unknown %s value \"%.*s\" in \"%.*s\"; write %s: "
			    "%s",
			    s->label, PRI(span_first(word, 100)),
			    PRI(span_first(value, 200)),
			    s->one ? "one of" : "some of", s->words);
			return false;
		}
		if (s->one && span_trim(rest).len > 0) {
			buf_printf(error,
			    "bad %s value: %.*s; specify exactly one value",
			    s->label, PRI(span_first(value, 200)));
			return false;
		}
	}
	return true;
}

bool special_check(span name, span value, struct buf *error)
{
	for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
		const struct special *s = &specials[i];

		if (!span_eq(name, s->name))
			continue;
		if (s->words)
			return check_words(s, value, error);
		if (s->is_good(value))
			return true;
		buf_printf(error, "%s%.*s; write %s", s->complaint,
		    PRI(span_first(value, 200)), s->remedy);
		return false;
	}
	return true;
}
