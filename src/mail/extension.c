/* SPDX-License-Identifier: ISC */
#include "mail/extension.h"

bool extension_is_fixed(const struct extension_rules *r, span local)
{
	return span_eq_nocase(local, r->double_bounce) ||
	    span_eq_nocase(local, SPAN("postmaster")) ||
	    span_eq_nocase(local, SPAN("mailer-daemon"));
}

/* owner-list and list-request belong to the list, whatever '-' means. */
static bool is_of_a_list(const struct extension_rules *r, span local)
{
	static const span request = SPAN_INIT("-request");

	if (!r->owner_request_whole || span_find(r->delimiters, '-') < 0)
		return false;
	return span_has_prefix_nocase(local, SPAN("owner-")) ||
	    (local.len > request.len && span_has_suffix_nocase(local, request));
}

span extension_user(const struct extension_rules *r, span local)
{
	if (extension_is_fixed(r, local) || is_of_a_list(r, local))
		return local;
	/* Not at the very beginning: nobody has an empty name. */
	for (size_t i = 0; i < local.len; i++)
		if (span_find(r->delimiters, local.ptr[i]) >= 0)
			return i ? span_first(local, i) : local;
	return local;
}
