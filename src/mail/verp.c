/* SPDX-License-Identifier: ISC */
#include "mail/verp.h"

#include "mail/address.h"

bool verp_is_valid(span delimiters, span filter)
{
	return delimiters.len == 2 &&
	    span_find(filter, delimiters.ptr[0]) >= 0 &&
	    span_find(filter, delimiters.ptr[1]) >= 0;
}

/* As the client named it: that is what the owner of the list knows. */
void verp_write(
    struct buf *out, span delimiters, span sender, const struct rcpt *to)
{
	span from;
	span from_domain;
	span local;
	span to_domain;

	address_split(sender, &from, &from_domain);
	address_split(to->orig.len ? to->orig : to->addr, &local, &to_domain);
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
