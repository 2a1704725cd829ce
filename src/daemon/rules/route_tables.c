/* SPDX-License-Identifier: ISC */
#include "daemon/rules/route_tables.h"

#include "daemon/rules/lookup.h"

enum { VALUE_MAX = 64 * 1024 };

struct asker {
	const struct policy *p;
	struct arena *arena;
	struct resolved *r;
};

static span joined(struct arena *a, span one, span two)
{
	struct buf b = BUF_INIT(VALUE_MAX);
	span s;

	buf_put(&b, one);
	buf_put(&b, two);
	s = b.failed ? SPAN_NONE : arena_dup(a, buf_span(&b));
	buf_done(&b);
	return s;
}

/*
 * What the tables say of an address, in the arena; ptr == NULL: nothing.
 * False: they cannot say.
 */
static bool ask(const struct asker *k, const struct table_list *l, span addr,
    unsigned by, span *ret)
{
	struct buf value = BUF_INIT(VALUE_MAX);
	enum map_answer answer = lookup_address(k->p, l, addr, by, &value);

	*ret = SPAN_NONE;
	if (answer == MAP_FOUND) {
		*ret = arena_dup(k->arena, buf_span(&value));
		if (!ret->ptr)
			answer = MAP_RETRY;
	}
	buf_done(&value);
	if (answer == MAP_RETRY)
		k->r->why = joined(k->arena, l->title, SPAN(" lookup failure"));
	return answer != MAP_RETRY;
}

/* --- by sender --- */

static bool ask_sender(
    const struct asker *k, const struct table_list *l, span sender, span *ret)
{
	if (!ask(k, l, sender, ADDRESS_BY_DEFAULT, ret))
		return false;
	if (span_eq_nocase(*ret, SPAN("DUNNO")))
		*ret = SPAN_NONE;
	return true;
}

bool route_sender_transport(const struct policy *p, struct arena *a,
    span sender, struct resolved *r, span *ret)
{
	const struct asker k = { p, a, r };

	if (!sender.len)
		sender = p->r.empty_address_default_transport_maps_lookup_key;
	return ask_sender(&k,
	    &p->tables.sender_dependent_default_transport_maps, sender, ret);
}

bool route_sender_relayhost(const struct policy *p, struct arena *a,
    span sender, struct resolved *r, span *ret)
{
	const struct asker k = { p, a, r };

	if (!sender.len)
		sender = p->r.empty_address_relayhost_maps_lookup_key;
	return ask_sender(
	    &k, &p->tables.sender_dependent_relayhost_maps, sender, ret);
}

/* --- transport_maps --- */

/*
 * ":nexthop" leaves the transport, "transport:" alone goes to the recipient's
 * domain, and ":" changes nothing.
 */
static void take_entry(struct resolved *r, span value)
{
	span nexthop = value;
	span transport = span_cut(&nexthop, ':');

	if (transport.len) {
		r->transport = transport;
		r->nexthop = r->domain;
		if (span_eq(transport, SPAN("error")) ||
		    span_eq(transport, SPAN("retry")))
			r->nexthop = SPAN("Address is undeliverable");
	}
	if (nexthop.len)
		r->nexthop = nexthop;
	r->why = SPAN("transport_maps");
}

bool route_transport(
    const struct policy *p, struct arena *a, struct resolved *r)
{
	const struct asker k = { p, a, r };
	const struct table_list *l = &p->tables.transport_maps;
	unsigned by = ADDRESS_BY_FULL | ADDRESS_BY_NOEXT | ADDRESS_BY_DOMAIN |
	    (p->transport_parents ? ADDRESS_BY_PARENTS
	                          : ADDRESS_BY_DOT_PARENTS);
	span value;

	if (l->count == 0)
		return true;
	if (!ask(&k, l, r->recipient, by, &value) ||
	    (!value.ptr && !ask(&k, l, SPAN("*"), ADDRESS_BY_FULL, &value)))
		return false;
	if (value.ptr)
		take_entry(r, value);
	return true;
}

/* --- relocated_maps --- */

bool route_relocated(
    const struct policy *p, struct arena *a, struct resolved *r)
{
	const struct asker k = { p, a, r };
	const struct table_list *l = &p->tables.relocated_maps;
	span value;

	if (!ask(&k, l, r->recipient, ADDRESS_BY_DEFAULT, &value))
		return false;
	if (!value.ptr)
		return true;
	r->transport = SPAN("error");
	r->nexthop = joined(a, SPAN("5.1.6 User has moved to "), value);
	r->why = SPAN("relocated_maps");
	return r->nexthop.ptr;
}
