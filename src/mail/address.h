/* SPDX-License-Identifier: ISC */
/*
 * mail/address.h - mail addresses in commands and headers.
 *
 * An address has two forms. The *internal* form is user@domain with the
 * local part bare: first last@x. The *external* form is how it is written
 * in SMTP and in headers: "first last"@x. Everything inside the system is
 * internal; address_quote() makes the other one. Nothing here recurses, so
 * nesting costs no stack. Bytes above 127 are passed through.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum {
	/* Longer than this is bad syntax, whatever it says. */
	ADDRESS_MAX = 4096,
	/* Room for the external form of one: quoting may double it. */
	ADDRESS_QUOTED_MAX = 16384,
};

enum address_flags {
	ADDRESS_MAY_BE_EMPTY = 1,   /* MAIL FROM:<> */
	ADDRESS_STRICT = 2,         /* strict_rfc821_envelopes */
	ADDRESS_SMTPUTF8 = 4,       /* the client said SMTPUTF8 */
	ADDRESS_ALLOW_MIN_USER = 8, /* allow_min_user: -x@y */
	ADDRESS_ALLOW_NUMERIC = 16, /* resolve_numeric_domain: x@1.2.3.4 */
};

enum address_result {
	ADDRESS_OK = 0,
	ADDRESS_MISSING = 1, /* no argument: 501 5.5.4 Syntax: ... */
	ADDRESS_BAD = 2,     /* 501 5.1.7 (sender) or 5.1.3 (recipient) */
};

struct address_path {
	span text; /* as the client wrote it, for logs: <a@b> */
	span bare; /* the same without the outer < >: for ORCPT */
	span addr; /* internal form; empty for <> */
};

/*
 * The argument of MAIL FROM: or RCPT TO:, as tolerant as Postfix's smtpd:
 * comments, display names, missing < >, source routes (dropped), and, with
 * neither < > nor ADDRESS_STRICT, a blank behind the @ ("yo@ mydom.com").
 * `args` is what follows the colon; afterwards it is what follows the path,
 * that is the ESMTP parameters. On ADDRESS_BAD ret->text is set too.
 * Spans are borrowed from args or lie in the arena (which may be small: what
 * does not fit is ADDRESS_BAD). Returns enum address_result.
 */
MUST_USE int address_parse_path(
    span *args, unsigned flags, struct arena *a, struct address_path *ret);

/*
 * One word of SMTP: up to a blank outside of <...> and "...". Empty: no more.
 * False: a < or " was not closed.
 */
MUST_USE bool address_cut_word(span *rest, span *ret_word);

/* Whether an address in internal form can be delivered to: domain syntax,
 * leading '-'. What address_parse_path() applies; no domain at all is fine. */
bool address_is_valid(span addr, unsigned flags);

/* At the last @. Without one, `ret_domain` has ptr NULL. */
void address_split(span addr, span *ret_local, span *ret_domain);
/* What stands behind the last @, or an empty span. */
span address_domain(span addr);

/* Internal to external form, appended: quotes the local part if it must. */
void address_quote(struct buf *out, span addr);
/* External to internal form, appended. */
void address_unquote(struct buf *out, span addr);

/* The name beside an address, quoted if it is more than words (RFC 5322
 * 3.2.5), appended. */
void address_put_phrase(struct buf *out, span name);

/* RFC 1035 names as Postfix takes them: letters, digits, '-', '_'; labels
 * of at most 63, all of at most 255 bytes; no trailing dot; not numeric. */
bool address_is_hostname(span s);
/* The same, or UTF-8 labels. */
bool address_is_hostname_utf8(span s);
/* 192.0.2.1 */
bool address_is_ipv4(span s);
/* 2001:db8::1 */
bool address_is_ipv6(span s);
/* [192.0.2.1] or [IPv6:2001:db8::1]; gives the address inside. */
bool address_is_literal(span s, span *ret_addr);
bool address_is_utf8(span s);
bool address_is_ascii(span s);
