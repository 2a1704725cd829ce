/* SPDX-License-Identifier: ISC */
#include "mail/masquerade.h"

#include "base/utf8.h"

enum { DOMAIN_MAX = 64 * 1024 };

static bool is_below(span domain, span parent)
{
	size_t more = domain.len - parent.len;

	return domain.len > parent.len && domain.ptr[more - 1] == '.' &&
	    span_eq(span_from(domain, more), parent);
}

/* The first word that says something about the domain; false: none does. */
static bool find_parent(
    span domains, span domain, struct buf *parent, bool *ret_keep)
{
	span word;

	while ((word = span_word(&domains, ", \t\r\n")).len) {
		*ret_keep = false;
		while (span_skip(&word, SPAN("!")))
			*ret_keep = !*ret_keep;
		buf_clear(parent);
		utf8_fold(word, parent);
		if (!parent->len)
			continue;
		if (span_eq(buf_span(parent), domain)) {
			*ret_keep = true;
			return true;
		}
		if (is_below(domain, buf_span(parent)))
			return true;
	}
	return false;
}

bool masquerade(span domains, span addr, struct buf *out)
{
	struct buf domain = BUF_INIT(DOMAIN_MAX);
	struct buf parent = BUF_INIT(DOMAIN_MAX);
	ssize_t at = span_rfind(addr, '@');
	bool keep = true;
	bool found;

	if (at < 0)
		return false;
	utf8_fold(span_from(addr, (size_t)at + 1), &domain);
	found = find_parent(domains, buf_span(&domain), &parent, &keep);
	if (found && !keep) {
		buf_put(out, span_first(addr, (size_t)at + 1));
		buf_put(out, buf_span(&parent));
	}
	buf_done(&domain);
	buf_done(&parent);
	return found && !keep;
}
