/* SPDX-License-Identifier: ISC */
/* proto/smtp_server_conf.h - what the SMTP server engine can be told. */
#pragma once

#include "base/buf.h"

/* smtpd_forbid_bare_newline */
enum smtp_bare_lf {
	SMTP_BARE_LF_NO,        /* a bare LF is as good as CRLF */
	SMTP_BARE_LF_NORMALIZE, /* ... but never ends a message */
	SMTP_BARE_LF_NOTE,      /* the same, and counted as a remark */
	SMTP_BARE_LF_REJECT,    /* refuse the message, or the session */
};

/* smtpd_tls_security_level */
enum smtp_tls {
	SMTP_TLS_NONE,    /* STARTTLS is not known */
	SMTP_TLS_MAY,     /* it is offered */
	SMTP_TLS_ENCRYPT, /* nothing goes without it */
};

/* EHLO keywords, for smtpd_discard_ehlo_keywords. */
enum smtp_keyword {
	SMTP_KEYWORD_8BITMIME = 1,
	SMTP_KEYWORD_AUTH = 2,
	SMTP_KEYWORD_ETRN = 4,
	SMTP_KEYWORD_PIPELINING = 8,
	SMTP_KEYWORD_SIZE = 16,
	SMTP_KEYWORD_VERP = 32,
	SMTP_KEYWORD_VRFY = 64,
	SMTP_KEYWORD_XCLIENT = 128,
	SMTP_KEYWORD_XFORWARD = 256,
	SMTP_KEYWORD_STARTTLS = 512,
	SMTP_KEYWORD_ENHANCEDSTATUSCODES = 1024,
	SMTP_KEYWORD_DSN = 2048,
	SMTP_KEYWORD_SMTPUTF8 = 4096,
	SMTP_KEYWORD_CHUNKING = 8192,
	SMTP_KEYWORD_SILENT = 16384, /* "silent-discard": do not note it */
};
/* Words by comma or blank, in any case; unknown ones are ignored. */
unsigned smtp_keywords_parse(span words);
/* The same back: "DSN PIPELINING", appended. */
void smtp_keywords_write(struct buf *out, unsigned bits);

/* Shared by all sessions of a service; lives longer than they do. */
struct smtp_server_conf {
	span myhostname;
	span banner;
	span noop_commands;          /* words by comma or blank */
	span forbidden_commands;     /* the same */
	span verp_delimiters;        /* of XVERP without a value */
	span verp_filter;            /* verp_delimiter_filter */
	uint64_t message_size_limit; /* 0: none */
	uint32_t line_length_limit;
	uint32_t recipient_limit;
	uint32_t recipient_overshoot_limit;
	uint32_t junk_command_limit;
	uint32_t soft_error_limit;
	uint32_t hard_error_limit;
	uint32_t discard;      /* enum smtp_keyword */
	uint16_t bare_lf_code; /* smtpd_forbid_bare_newline_reject_code */
	uint8_t bare_lf;       /* enum smtp_bare_lf */
	uint8_t tls;           /* enum smtp_tls */
	bool tls_broken;       /* offered, but it cannot be had now */
	bool ask_helo;
	bool helo_required;
	bool disable_vrfy;
	bool smtputf8;
	bool strict_smtputf8;
	bool strict_rfc821;
	bool allow_min_user;
	bool allow_numeric; /* resolve_numeric_domain */
	bool forbid_unauth_pipelining;
	bool forbid_nonletters; /* a command that begins with no letter */
	bool soft_bounce;
	bool error_sleep; /* whether SMTP_ASK_DELAY is asked at all */
	/*
	 * The client is a process of ours (smtp_server_inside.c): it may send
	 * ahead, has more parameters, and a message is for all of its
	 * recipients or for none.
	 */
	bool trusted;
};
