/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/recipient.h"

#include "mail/address.h"

/* Addresses of the mail system itself have no extensions. */
static bool is_special(span local)
{
	return span_eq_nocase(local, SPAN("postmaster")) ||
	    span_eq_nocase(local, SPAN("mailer-daemon")) ||
	    span_eq_nocase(local, SPAN("double-bounce"));
}

static bool is_delimiter(const struct recipient_rules *rules, char c)
{
	return span_find(rules->delimiters, c) >= 0;
}

/* owner-list and list-request are names, even where '-' is a delimiter. */
static bool is_list_role(const struct recipient_rules *rules, span local)
{
	return rules->owner_request && is_delimiter(rules, '-') &&
	    (span_has_prefix_nocase(local, SPAN("owner-")) ||
	        span_has_suffix_nocase(local, SPAN("-request")));
}

/* Where the extension begins; the whole length if there is none. */
static size_t user_length(const struct recipient_rules *rules, span local)
{
	if (is_special(local) || is_list_role(rules, local))
		return local.len;
	for (size_t i = 0; i < local.len; i++)
		if (is_delimiter(rules, local.ptr[i]))
			return i > 0 ? i : local.len;
	return local.len;
}

int recipient_user(
    const struct recipient_rules *rules, span address, struct buf *user)
{
	span local;
	span domain;
	size_t n;

	address_split(address, &local, &domain);
	/* A leading backslash: no aliases for this one. */
	(void)span_skip(&local, SPAN("\\"));
	n = user_length(rules, local);
	for (size_t i = 0; i < n; i++)
		buf_putc(user, ascii_lower(local.ptr[i]));
	if (n == 0)
		return RECIPIENT_NULL;
	return span_find(span_from(local, n), '/') >= 0 ? RECIPIENT_ODD
	                                                : RECIPIENT_OK;
}
