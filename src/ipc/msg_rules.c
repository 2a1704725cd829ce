/* SPDX-License-Identifier: ISC */
#include "ipc/msg_rules.h"

void rules_client_put(struct buf *out, const struct rules_client *m)
{
	wire_put_u64(out, m->ask);
	wire_put_u32(out, m->service);
	wire_put_span(out, m->addr);
}

bool rules_client_get(span payload, struct rules_client *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->service = wire_u32(&w);
	ret->addr = wire_span(&w);
	return wire_is_done(&w);
}

void rules_client_is_put(struct buf *out, const struct rules_client_is *m)
{
	wire_put_u64(out, m->ask);
	wire_put_span(out, m->name);
	wire_put_span(out, m->reverse_name);
	wire_put_u8(out, m->name_status);
	wire_put_u8(out, m->reverse_status);
	wire_put_span(out, m->warning);
}

bool rules_client_is_get(span payload, struct rules_client_is *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->name = wire_span(&w);
	ret->reverse_name = wire_span(&w);
	ret->name_status = wire_u8(&w);
	ret->reverse_status = wire_u8(&w);
	ret->warning = wire_span(&w);
	return wire_is_done(&w);
}

void rules_check_put(struct buf *out, const struct rules_check *m)
{
	wire_put_u64(out, m->ask);
	wire_put_u32(out, m->service);
	wire_put_u8(out, m->stage);
	wire_put_u32(out, m->flags);
	wire_put_span(out, m->client_name);
	wire_put_span(out, m->client_reverse);
	wire_put_u8(out, m->name_status);
	wire_put_u8(out, m->reverse_status);
	wire_put_span(out, m->client_addr);
	wire_put_span(out, m->helo);
	wire_put_span(out, m->proto);
	wire_put_span(out, m->sender);
	wire_put_span(out, m->recipient);
	wire_put_u32(out, m->nrcpts);
	wire_put_u64(out, m->size);
}

bool rules_check_get(span payload, struct rules_check *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->service = wire_u32(&w);
	ret->stage = wire_u8(&w);
	ret->flags = wire_u32(&w);
	ret->client_name = wire_span(&w);
	ret->client_reverse = wire_span(&w);
	ret->name_status = wire_u8(&w);
	ret->reverse_status = wire_u8(&w);
	ret->client_addr = wire_span(&w);
	ret->helo = wire_span(&w);
	ret->proto = wire_span(&w);
	ret->sender = wire_span(&w);
	ret->recipient = wire_span(&w);
	ret->nrcpts = wire_u32(&w);
	ret->size = wire_u64(&w);
	return wire_is_done(&w) && ret->stage <= RULES_STAGE_ETRN;
}

void rules_verdict_put(struct buf *out, const struct rules_verdict *m)
{
	wire_put_u64(out, m->ask);
	wire_put_u16(out, m->code);
	wire_put_span(out, m->reply);
	wire_put_span(out, m->verb);
	wire_put_span(out, m->sender);
	wire_put_u32(out, m->nways);
	for (uint32_t i = 0; i < m->nways; i++) {
		wire_put_u8(out, m->ways[i].kind);
		wire_put_span(out, m->ways[i].orig);
		wire_put_span(out, m->ways[i].recipient);
		wire_put_span(out, m->ways[i].transport);
		wire_put_span(out, m->ways[i].nexthop);
	}
	wire_put_u8(out, m->local_client);
	wire_put_u32(out, m->delay_ms);
	wire_put_span(out, m->why);
	wire_put_u32(out, m->nnotes);
	for (uint32_t i = 0; i < m->nnotes; i++) {
		wire_put_span(out, m->notes[i].verb);
		wire_put_span(out, m->notes[i].reply);
	}
}

static bool get_notes(struct wire *w, struct arena *a, struct rules_verdict *m)
{
	m->nnotes = wire_u32(w);
	m->notes = NULL;
	if (m->nnotes == 0)
		return true;
	if (m->nnotes > RULES_MAX_NOTES)
		return false;
	m->notes = arena_alloc(a, m->nnotes, sizeof(*m->notes));
	if (!m->notes)
		return false;
	for (uint32_t i = 0; i < m->nnotes; i++) {
		m->notes[i].verb = wire_span(w);
		m->notes[i].reply = wire_span(w);
	}
	return true;
}

static bool get_ways(struct wire *w, struct arena *a, struct rules_verdict *m)
{
	m->nways = wire_u32(w);
	m->ways = NULL;
	if (m->nways == 0)
		return true;
	/* A kind and four lengths: a short message cannot claim many. */
	if (m->nways > RULES_MAX_WAYS || m->nways > w->rest.len / 17)
		return false;
	m->ways = arena_alloc(a, m->nways, sizeof(*m->ways));
	if (!m->ways)
		return false;
	for (uint32_t i = 0; i < m->nways; i++) {
		m->ways[i].kind = wire_u8(w);
		m->ways[i].orig = wire_span(w);
		m->ways[i].recipient = wire_span(w);
		m->ways[i].transport = wire_span(w);
		m->ways[i].nexthop = wire_span(w);
	}
	return true;
}

bool rules_verdict_get(span payload, struct arena *a, struct rules_verdict *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->code = wire_u16(&w);
	ret->reply = wire_span(&w);
	ret->verb = wire_span(&w);
	ret->sender = wire_span(&w);
	if (!get_ways(&w, a, ret))
		return false;
	ret->local_client = wire_u8(&w) != 0;
	ret->delay_ms = wire_u32(&w);
	ret->why = wire_span(&w);
	if (!get_notes(&w, a, ret))
		return false;
	return wire_is_done(&w) &&
	    (ret->code == 0 || (ret->code >= 400 && ret->code <= 599));
}

void rules_route_put(struct buf *out, const struct rules_route *m)
{
	wire_put_u64(out, m->ask);
	wire_put_span(out, m->sender);
	wire_put_span(out, m->address);
}

bool rules_route_get(span payload, struct rules_route *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->sender = wire_span(&w);
	ret->address = wire_span(&w);
	return wire_is_done(&w);
}

void rules_routed_put(struct buf *out, const struct rules_routed *m)
{
	wire_put_u64(out, m->ask);
	wire_put_span(out, m->address);
	wire_put_span(out, m->transport);
	wire_put_span(out, m->nexthop);
	wire_put_span(out, m->why);
}

bool rules_routed_get(span payload, struct rules_routed *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->address = wire_span(&w);
	ret->transport = wire_span(&w);
	ret->nexthop = wire_span(&w);
	ret->why = wire_span(&w);
	return wire_is_done(&w);
}

void rules_map_put(struct buf *out, const struct rules_map *m)
{
	wire_put_u64(out, m->ask);
	wire_put_u32(out, m->service);
	wire_put_u64(out, m->id);
	wire_put_u32(out, m->count);
	wire_put_span(out, m->addrs);
}

bool rules_map_get(span payload, struct rules_map *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->service = wire_u32(&w);
	ret->id = wire_u64(&w);
	ret->count = wire_u32(&w);
	ret->addrs = wire_span(&w);
	/* A class and a length each. */
	return wire_is_done(&w) && ret->count <= ret->addrs.len / 5;
}

/* A byte that says whether there is another address, and then that. */
void rules_mapped_put(struct buf *out, const struct rules_mapped *m)
{
	wire_put_u64(out, m->ask);
	wire_put_u8(out, m->failed);
	wire_put_u32(out, m->count);
	for (uint32_t i = 0; i < m->count; i++) {
		wire_put_u8(out, m->addrs[i].ptr != NULL);
		if (m->addrs[i].ptr)
			wire_put_span(out, m->addrs[i]);
	}
}

bool rules_mapped_get(span payload, struct arena *a, struct rules_mapped *ret)
{
	struct wire w = wire_from(payload);

	ret->ask = wire_u64(&w);
	ret->failed = wire_u8(&w) != 0;
	ret->count = wire_u32(&w);
	ret->addrs = NULL;
	if (ret->count == 0)
		return wire_is_done(&w);
	if (ret->count > w.rest.len)
		return false;
	ret->addrs = arena_alloc(a, ret->count, sizeof(*ret->addrs));
	if (!ret->addrs)
		return false;
	for (uint32_t i = 0; i < ret->count; i++)
		ret->addrs[i] = wire_u8(&w) ? wire_span(&w) : SPAN_NONE;
	return wire_is_done(&w);
}
