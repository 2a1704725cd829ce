/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/secure.c - from the parameters of a service to its TLS.
 *
 *	smtpd_tls_wrappermode=yes        TLS from the first byte, and a must
 *	smtpd_tls_security_level         none, may, encrypt
 *	smtpd_enforce_tls, smtpd_use_tls the same in old words, if that is
 *	                                 empty
 *
 * A must (and wrapped) takes the "mandatory" protocols and ciphers, the
 * others take the opportunistic ones. Without a usable certificate the
 * service goes on, but not in the clear where TLS is a must: STARTTLS is
 * answered with 454, a wrapped connection is closed.
 */
#include "daemon/smtpd/secure.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/smtpd/service.h"
#include "os/log.h"

struct settings {
	span smtpd_tls_security_level;
	span smtpd_tls_chain_files;
	span smtpd_tls_cert_file, smtpd_tls_key_file;
	span smtpd_tls_dcert_file, smtpd_tls_dkey_file;
	span smtpd_tls_eccert_file, smtpd_tls_eckey_file;
	span smtpd_tls_CAfile, smtpd_tls_CApath;
	span smtpd_tls_dh1024_param_file;
	span smtpd_tls_protocols, smtpd_tls_mandatory_protocols;
	span smtpd_tls_ciphers, smtpd_tls_mandatory_ciphers;
	span smtpd_tls_exclude_ciphers, smtpd_tls_mandatory_exclude_ciphers;
	span smtpd_tls_fingerprint_digest, smtpd_tls_loglevel;
	span tls_high_cipherlist, tls_medium_cipherlist, tls_low_cipherlist;
	span tls_export_cipherlist, tls_null_cipherlist;
	span tls_eecdh_auto_curves, tls_disable_workarounds, tls_ssl_options;
	span tls_session_ticket_cipher;
	uint32_t smtpd_tls_ccert_verifydepth;
	usec smtpd_tls_session_cache_timeout, smtpd_starttls_timeout;
	bool smtpd_use_tls, smtpd_enforce_tls, smtpd_tls_wrappermode;
	bool smtpd_tls_ask_ccert, smtpd_tls_req_ccert;
	bool smtpd_tls_received_header, tls_preempt_cipherlist;
};

#define STR(m)  CONF_STR(struct settings, m)
#define BOOL(m) CONF_BOOL(struct settings, m)
#define U32(m)  CONF_U32(struct settings, m)
#define USEC(m) CONF_USEC(struct settings, m)

static const struct conf_field fields[] = {
	STR(smtpd_tls_security_level),
	STR(smtpd_tls_chain_files),
	STR(smtpd_tls_cert_file),
	STR(smtpd_tls_key_file),
	STR(smtpd_tls_dcert_file),
	STR(smtpd_tls_dkey_file),
	STR(smtpd_tls_eccert_file),
	STR(smtpd_tls_eckey_file),
	STR(smtpd_tls_CAfile),
	STR(smtpd_tls_CApath),
	STR(smtpd_tls_dh1024_param_file),
	STR(smtpd_tls_protocols),
	STR(smtpd_tls_mandatory_protocols),
	STR(smtpd_tls_ciphers),
	STR(smtpd_tls_mandatory_ciphers),
	STR(smtpd_tls_exclude_ciphers),
	STR(smtpd_tls_mandatory_exclude_ciphers),
	STR(smtpd_tls_fingerprint_digest),
	STR(smtpd_tls_loglevel),
	STR(tls_high_cipherlist),
	STR(tls_medium_cipherlist),
	STR(tls_low_cipherlist),
	STR(tls_export_cipherlist),
	STR(tls_null_cipherlist),
	STR(tls_eecdh_auto_curves),
	STR(tls_disable_workarounds),
	STR(tls_ssl_options),
	STR(tls_session_ticket_cipher),
	U32(smtpd_tls_ccert_verifydepth),
	USEC(smtpd_tls_session_cache_timeout),
	USEC(smtpd_starttls_timeout),
	BOOL(smtpd_use_tls),
	BOOL(smtpd_enforce_tls),
	BOOL(smtpd_tls_wrappermode),
	BOOL(smtpd_tls_ask_ccert),
	BOOL(smtpd_tls_req_ccert),
	BOOL(smtpd_tls_received_header),
	BOOL(tls_preempt_cipherlist),
};

static void hear(void *ctx, bool warning, span line)
{
	const struct service *service = ctx;

	log_text(service->syslog_name, "smtpd",
	    warning ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, line);
}

PRINTF_LIKE(2, 3)
static void warn(struct service *service, const char *format, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	hear(service, true, span_str(text));
}

/* ---- how much of it ---- */

static const struct {
	span name;
	enum smtp_tls level;
	bool stronger; /* than what there is */
} levels[] = {
	{ SPAN_INIT("none"), SMTP_TLS_NONE, false },
	{ SPAN_INIT("may"), SMTP_TLS_MAY, false },
	{ SPAN_INIT("encrypt"), SMTP_TLS_ENCRYPT, false },
	{ SPAN_INIT("fingerprint"), SMTP_TLS_ENCRYPT, true },
	{ SPAN_INIT("verify"), SMTP_TLS_ENCRYPT, true },
	{ SPAN_INIT("secure"), SMTP_TLS_ENCRYPT, true },
};

/* False: there is no such level, so nothing can be right. */
static bool level_by_name(
    struct service *service, span name, enum smtp_tls *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (!span_eq_nocase(levels[i].name, name))
			continue;
		if (levels[i].stronger)
			warn(service,
			    "smtpd_tls_security_level: unsupported TLS level "
			    "\"%.*s\", using \"encrypt\"",
			    PRI(name));
		*ret = levels[i].level;
		return true;
	}
	warn(service, "Invalid TLS level \"%.*s\"", PRI(name));
	*ret = SMTP_TLS_ENCRYPT;
	return false;
}

static bool choose_level(
    struct service *service, const struct settings *set, enum smtp_tls *ret)
{
	*ret = SMTP_TLS_NONE;
	if (set->smtpd_tls_wrappermode)
		*ret = SMTP_TLS_ENCRYPT;
	else if (set->smtpd_tls_security_level.len)
		return level_by_name(
		    service, set->smtpd_tls_security_level, ret);
	else if (set->smtpd_enforce_tls)
		*ret = SMTP_TLS_ENCRYPT;
	else if (set->smtpd_use_tls)
		*ret = SMTP_TLS_MAY;
	return true;
}

/* ---- with which certificate ---- */

static bool is_none(const struct settings *set)
{
	return span_eq_nocase(set->smtpd_tls_cert_file, SPAN("none"));
}

static bool has_cert(struct service *service, const struct settings *set)
{
	bool old = (set->smtpd_tls_cert_file.len && !is_none(set)) ||
	    set->smtpd_tls_eccert_file.len || set->smtpd_tls_dcert_file.len;

	if (old && set->smtpd_tls_chain_files.len)
		warn(service,
		    "Both smtpd_tls_chain_files and one or more of the legacy "
		    " smtpd_tls_cert_file, smtpd_tls_eccert_file or "
		    "smtpd_tls_dcert_file are non-empty; the legacy  "
		    "parameters will be ignored");
	return old || set->smtpd_tls_chain_files.len;
}

/* Without one there are only ciphers that prove nothing to nobody. */
static bool may_begin(
    struct service *service, const struct settings *set, bool ask_cert)
{
	bool cert = has_cert(service, set);

	if (!cert && ask_cert)
		warn(service, "Need a server cert to request client certs");
	if (service->secure.level != SMTP_TLS_ENCRYPT &&
	    set->smtpd_tls_req_ccert)
		warn(service,
		    "Can't require client certs unless TLS is required");
	if (cert || (is_none(set) && !ask_cert))
		return true;
	warn(service, "No server certs available. TLS won't be enabled");
	return false;
}

/* ---- the whole ---- */

static void put_exclusion(struct buf *out, span words)
{
	if (out->len && words.len)
		buf_putc(out, ' ');
	buf_put(out, words);
}

static void make_server(struct service *service, const struct settings *set,
    const struct tls_files *files, bool ask_cert)
{
	CLEANUP(buf_done) struct buf exclude = BUF_INIT(16384);
	const struct tls_ear ear = { hear, service };
	struct secure *s = &service->secure;
	bool must = s->level == SMTP_TLS_ENCRYPT;
	struct tls_server_conf conf = {
		.service = service->name,
		.files = files,
		.chain_files = set->smtpd_tls_chain_files,
		.cert_file =
		    is_none(set) ? SPAN_NONE : set->smtpd_tls_cert_file,
		.key_file = set->smtpd_tls_key_file,
		.dcert_file = set->smtpd_tls_dcert_file,
		.dkey_file = set->smtpd_tls_dkey_file,
		.eccert_file = set->smtpd_tls_eccert_file,
		.eckey_file = set->smtpd_tls_eckey_file,
		.ca_file = set->smtpd_tls_CAfile,
		.ca_path = set->smtpd_tls_CApath,
		.dh_file = set->smtpd_tls_dh1024_param_file,
		.protocols = must ? set->smtpd_tls_mandatory_protocols
		                  : set->smtpd_tls_protocols,
		.grades = { set->tls_high_cipherlist,
		    set->tls_medium_cipherlist, set->tls_low_cipherlist,
		    set->tls_export_cipherlist, set->tls_null_cipherlist },
		.grade = must ? set->smtpd_tls_mandatory_ciphers
		              : set->smtpd_tls_ciphers,
		.curves = set->tls_eecdh_auto_curves,
		.disable_workarounds = set->tls_disable_workarounds,
		.ssl_options = set->tls_ssl_options,
		.fingerprint_digest = set->smtpd_tls_fingerprint_digest,
		.ticket_cipher = set->tls_session_ticket_cipher,
		.ticket_timeout = set->smtpd_tls_session_cache_timeout,
		.verify_depth = set->smtpd_tls_ccert_verifydepth,
		.log = tls_log_parse(set->smtpd_tls_loglevel),
		.prefer_our_ciphers = set->tls_preempt_cipherlist,
		.ask_cert = ask_cert,
		.require_cert = s->require_cert,
	};

	put_exclusion(&exclude, set->smtpd_tls_exclude_ciphers);
	if (must)
		put_exclusion(
		    &exclude, set->smtpd_tls_mandatory_exclude_ciphers);
	if (ask_cert)
		put_exclusion(&exclude, SPAN("aNULL"));
	conf.exclude_ciphers = buf_span(&exclude);
	s->server = tls_server_new(&conf, &ear);
}

void secure_init(struct service *service, const struct tls_files *files)
{
	struct secure *s = &service->secure;
	struct settings set;
	enum smtp_tls level;
	bool sane;
	bool must;
	bool ask_cert;

	buf_init(&s->no_cert, 1024);
	buf_init(&s->bad_cert, 1024);
	conf_load(
	    service->conf, service->index, fields, ARRAY_LEN(fields), &set);
	sane = choose_level(service, &set, &level);
	must = level == SMTP_TLS_ENCRYPT;
	s->level = (uint8_t)level;
	s->wrapped = set.smtpd_tls_wrappermode;
	s->timeout = set.smtpd_starttls_timeout;
	s->tell_in_received = set.smtpd_tls_received_header;
	s->require_cert = must && set.smtpd_tls_req_ccert;
	ask_cert = set.smtpd_tls_ask_ccert || s->require_cert;
	buf_printf(&s->no_cert,
	    "421 4.7.1 %.*s Error: No client certificate presented",
	    PRI(service->set.myhostname));
	buf_printf(&s->bad_cert,
	    "421 4.7.1 %.*s Error: Client certificate not trusted",
	    PRI(service->set.myhostname));
	if (level != SMTP_TLS_NONE && sane &&
	    may_begin(service, &set, ask_cert))
		make_server(service, &set, files, ask_cert);
}

void secure_done(struct secure *s)
{
	tls_server_unref(&s->server);
	buf_done(&s->no_cert);
	buf_done(&s->bad_cert);
}
