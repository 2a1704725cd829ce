/* SPDX-License-Identifier: ISC */
#include "mail/verp.h"

bool verp_is_valid(span delimiters, span filter)
{
	return delimiters.len == 2 &&
	    span_find(filter, delimiters.ptr[0]) >= 0 &&
	    span_find(filter, delimiters.ptr[1]) >= 0;
}

/* What stands before and behind the last '@'; `domain` may be empty. */
static span cut_domain(span addr, span *ret_domain)
{
	ssize_t at = span_rfind(addr, '@');

	*ret_domain = SPAN_NONE;
	if (at < 0)
		return addr;
	*ret_domain = span_from(addr, (size_t)at + 1);
	return span_first(addr, (size_t)at);
}

/* As the client named it: that is what the owner of the list knows. */
void verp_write(
    struct buf *out, span delimiters, span sender, const struct rcpt *to)
{
	span from_domain;
	span to_domain;
	span from = cut_domain(sender, &from_domain);
	span local = cut_domain(to->orig.len ? to->orig : to->addr, &to_domain);

	buf_put(out, from);
	buf_putc(out, delimiters.ptr[0]);
	buf_put(out, local);
	if (to_domain.len) {
		buf_putc(out, delimiters.ptr[1]);
		buf_put(out, to_domain);
	}
	if (from_domain.len) {
		buf_putc(out, '@');
		buf_put(out, from_domain);
	}
}
