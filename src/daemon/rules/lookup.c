/* SPDX-License-Identifier: ISC */
#include "daemon/rules/lookup.h"

#include "daemon/rules/resolve.h"

/* What follows myorigin or is delivered here goes by its local part. */
static enum map_answer is_local(void *ctx, span domain)
{
	const struct policy *p = ctx;

	if (span_eq_nocase(domain, p->r.myorigin))
		return MAP_FOUND;
	switch (resolve_is_local(p, domain, NULL)) {
	case MATCH_YES:
		return MAP_FOUND;
	case MATCH_NO:
		return MAP_NONE;
	case MATCH_ERROR:
		break;
	}
	return MAP_RETRY;
}

static struct address_lookup how(const struct policy *p, unsigned by)
{
	return (struct address_lookup){
		.by = by,
		.extension = p->extension,
		.is_local = is_local,
		.ctx = (void *)(uintptr_t)p,
	};
}

enum map_answer lookup_address(const struct policy *p,
    const struct table_list *l, span addr, unsigned by, struct buf *value)
{
	const struct address_lookup h = how(p, by);

	return address_find(l, &h, addr, value, NULL);
}

enum map_answer lookup_with_extension(const struct policy *p,
    const struct table_list *l, span addr, struct buf *value, span *ret_ext)
{
	struct address_lookup h = how(p, ADDRESS_BY_DEFAULT);

	h.quoted = true;
	return address_find(l, &h, addr, value, ret_ext);
}
