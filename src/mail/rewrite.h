/* SPDX-License-Identifier: ISC */
/*
 * mail/rewrite.h - makes addresses complete: user -> user@origin,
 * user@host -> user@host.domain, site!user -> user@site, and so on, in the
 * order in which Postfix's trivial-rewrite does it.
 *
 * There are two contexts: local ($myorigin, $mydomain), and remote
 * ($remote_header_rewrite_domain for both; with that empty, remote headers
 * are not touched at all).
 */
#pragma once

#include "mail/token.h"

struct rewrite_conf {
	span origin; /* appended to a bare user; empty: nothing */
	span domain; /* appended to a bare host; empty: nothing */
	bool swap_bangpath;
	bool percent_hack; /* allow_percent_hack */
	bool append_at_myorigin;
	bool append_dot_mydomain;
};

/* The tokens of one address, changed in place. False: arena full. */
MUST_USE bool rewrite_tokens(
    const struct rewrite_conf *conf, struct arena *a, struct token_list *addr);

/* An address in internal form; the result is appended to `out`. */
MUST_USE bool rewrite_address(const struct rewrite_conf *conf, struct arena *a,
    span addr, struct buf *out);
