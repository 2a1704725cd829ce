/* SPDX-License-Identifier: ISC */
#include "daemon/relay/nexthop.h"

/* This process opens no files: of /etc/services it knows what mail needs. */
static const struct {
	span name;
	uint16_t port;
} services[] = {
	{ SPAN_INIT("lmtp"), 24 },
	{ SPAN_INIT("smtp"), 25 },
	{ SPAN_INIT("smtps"), 465 },
	{ SPAN_INIT("submissions"), 465 },
	{ SPAN_INIT("urd"), 465 },
	{ SPAN_INIT("ssmtp"), 465 },
	{ SPAN_INIT("submission"), 587 },
};

static bool find_port(span text, uint16_t *ret)
{
	uint32_t number;

	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		if (span_eq_nocase(text, services[i].name)) {
			*ret = services[i].port;
			return true;
		}
	}
	if (!span_to_u32(text, &number) || !number || number > UINT16_MAX)
		return false;
	*ret = (uint16_t)number;
	return true;
}

/* "[host]" or "host" off the front; what is left is empty or ":port". */
static bool cut_host(span *rest, struct nexthop *ret)
{
	ssize_t at;

	ret->literal = span_skip(rest, SPAN("["));
	if (ret->literal) {
		at = span_find(*rest, ']');
		if (at < 0)
			return false;
		ret->host = span_first(*rest, (size_t)at);
		*rest = span_from(*rest, (size_t)at + 1);
		(void)span_skip_nocase(&ret->host, SPAN("ipv6:"));
	} else {
		at = span_find(*rest, ':');
		ret->host = at < 0 ? *rest : span_first(*rest, (size_t)at);
		*rest = span_from(*rest, ret->host.len);
	}
	return ret->host.len > 0;
}

enum nexthop_result nexthop_next(
    span *list, span port, bool lmtp, struct nexthop *ret)
{
	span text = span_word(list, ", \t\r\n");
	span rest = text;

	*ret = (struct nexthop){ .text = text };
	if (!text.len)
		return NEXTHOP_END;
	if (lmtp && span_skip(&rest, SPAN("unix:"))) {
		ret->local = true;
		ret->host = rest;
		return rest.len ? NEXTHOP_OK : NEXTHOP_BAD;
	}
	if (lmtp && span_skip(&rest, SPAN("inet:")))
		ret->text = rest;
	if (!cut_host(&rest, ret))
		return NEXTHOP_BAD;
	if (span_skip(&rest, SPAN(":")))
		port = rest;
	else if (rest.len)
		return NEXTHOP_BAD;
	return find_port(port, &ret->port) ? NEXTHOP_OK : NEXTHOP_SERVICE;
}
