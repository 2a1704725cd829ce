/* SPDX-License-Identifier: ISC */
#include "mail/envelope.h"

uint8_t rcpt_notify_behind(uint8_t notify)
{
	if (notify == RCPT_NOTIFY_SUCCESS)
		return RCPT_NOTIFY_NEVER;
	return notify & (uint8_t)~RCPT_NOTIFY_SUCCESS;
}

/* The smallest encoded recipient: five empty spans and the notify byte. */
enum { RCPT_MIN = 5 * 4 + 1 };

/* Among the flags, in the binary form only: this stands behind the recipients,
 * in this order. */
enum { HAS_CLIENT_PORT = 1 << 30, HAS_VERP = 1 << 29 };

enum { VERP_LEN = 2 };

static void put_rcpt(struct buf *out, const struct rcpt *r)
{
	wire_put_span(out, r->addr);
	wire_put_span(out, r->orig);
	wire_put_span(out, r->orcpt);
	wire_put_u8(out, r->notify);
	wire_put_span(out, r->transport);
	wire_put_span(out, r->nexthop);
}

static struct rcpt get_rcpt(struct wire *w)
{
	struct rcpt r;

	r.addr = wire_span(w);
	r.orig = wire_span(w);
	r.orcpt = wire_span(w);
	r.notify = wire_u8(w);
	r.transport = wire_span(w);
	r.nexthop = wire_span(w);
	return r;
}

void envelope_put(struct buf *out, const struct envelope *e)
{
	wire_put_u64(out, e->id);
	wire_put_u64(out, e->arrival);
	wire_put_span(out, e->sender);
	wire_put_u64(out, e->size);
	wire_put_u32(out,
	    e->flags | (e->client_port ? HAS_CLIENT_PORT : 0) |
	        (e->verp.len ? HAS_VERP : 0));
	wire_put_span(out, e->envid);
	wire_put_span(out, e->client_name);
	wire_put_span(out, e->client_addr);
	wire_put_span(out, e->helo);
	wire_put_span(out, e->proto);
	wire_put_span(out, e->ident);
	wire_put_u32(out, e->nrcpts);
	for (uint32_t i = 0; i < e->nrcpts; i++)
		put_rcpt(out, &e->rcpts[i]);
	if (e->client_port)
		wire_put_u16(out, e->client_port);
	if (e->verp.len)
		wire_put_span(out, e->verp);
}

/* False: it should be there, and says nothing. */
static bool get_client_port(struct wire *w, struct envelope *e)
{
	if (!(e->flags & HAS_CLIENT_PORT))
		return true;
	e->flags &= ~(uint32_t)HAS_CLIENT_PORT;
	e->client_port = wire_u16(w);
	return e->client_port != 0;
}

static bool get_verp(struct wire *w, struct envelope *e)
{
	if (!(e->flags & HAS_VERP))
		return true;
	e->flags &= ~(uint32_t)HAS_VERP;
	e->verp = wire_span(w);
	return e->verp.len == VERP_LEN;
}

bool envelope_get(struct wire *w, struct arena *a, struct envelope *ret)
{
	struct envelope e = { 0 };

	e.id = wire_u64(w);
	e.arrival = wire_u64(w);
	e.sender = wire_span(w);
	e.size = wire_u64(w);
	e.flags = wire_u32(w);
	e.envid = wire_span(w);
	e.client_name = wire_span(w);
	e.client_addr = wire_span(w);
	e.helo = wire_span(w);
	e.proto = wire_span(w);
	e.ident = wire_span(w);
	e.nrcpts = wire_u32(w);
	/* The count comes from outside: it must fit in what is there. */
	if (w->failed || e.nrcpts > ENVELOPE_MAX_RCPTS ||
	    e.nrcpts > w->rest.len / RCPT_MIN)
		return false;
	e.rcpts = arena_alloc(a, e.nrcpts, sizeof(*e.rcpts));
	if (!e.rcpts)
		return false;
	for (uint32_t i = 0; i < e.nrcpts; i++)
		e.rcpts[i] = get_rcpt(w);
	if (!get_client_port(w, &e) || !get_verp(w, &e) || w->failed)
		return false;
	*ret = e;
	return true;
}
