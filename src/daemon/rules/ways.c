/* SPDX-License-Identifier: ISC */
/*
 * The order is Postfix's: the one that sender_bcc_maps has, then each
 * recipient, followed by the one that recipient_bcc_maps has for it, and
 * always_bcc at the very end. What depends on the sender alone comes with the
 * first recipient.
 */
#include "daemon/rules/ways.h"

#include "daemon/rules/expand.h"
#include "daemon/rules/resolve.h"
#include "mail/address.h"

enum { BCC_MAX = 64 * 1024 };

static bool make_room(struct eval *e, uint32_t more)
{
	struct rules_verdict *v = e->v;
	struct rules_way *ways;

	if (v->nways + more > RULES_MAX_WAYS)
		return false;
	ways = arena_alloc(e->arena, v->nways + more, sizeof(*ways));
	if (!ways)
		return false;
	if (v->nways)
		memcpy(ways, v->ways, v->nways * sizeof(*ways));
	v->ways = ways;
	return true;
}

/* Who told the postmaster that nothing could be done: nobody needs to hear
 * that that could not be done either. */
static bool is_double_bounce(struct eval *e, const struct resolved *r)
{
	span local;
	span domain;

	address_split(r->recipient, &local, &domain);
	return r->class == CLASS_LOCAL &&
	    span_eq_nocase(local, e->p->r.double_bounce_sender);
}

static bool route(struct eval *e, span addr, struct rules_way *way)
{
	struct resolved r = e->resolved;

	if (!span_eq(addr, r.recipient) &&
	    resolve_address(e->p, e->arena, e->q->sender, addr, &r) ==
	        RESOLVE_FAIL) {
		restrict_warn(e, "%.*s", PRI(r.why));
		return false;
	}
	way->recipient = r.recipient;
	way->transport = r.transport;
	way->nexthop = r.nexthop;
	if (is_double_bounce(e, &r)) {
		way->transport = SPAN("discard");
		way->nexthop =
		    SPAN("undeliverable postmaster notification discarded");
	}
	if (!r.transport.len) {
		way->recipient = addr;
		way->transport = SPAN("error");
		way->nexthop = SPAN("5.1.3 bad address syntax");
	}
	return true;
}

/* All that the address stands for. */
static bool add(struct eval *e, span addr, enum rules_way_kind kind)
{
	struct rules_verdict *v = e->v;
	bool tells = kind != RULES_WAY_RCPT || e->q->flags & RULES_TRUSTED;
	struct expansion all;

	if (!expand_virtual(e->p, e->world, e->arena, addr, &all) ||
	    !make_room(e, all.count))
		return false;
	for (uint32_t i = 0; i < all.count; i++) {
		struct rules_way *way = &v->ways[v->nways];

		way->kind = (uint8_t)kind;
		way->orig = tells ? addr : SPAN_NONE;
		if (!route(e, all.addrs[i], way))
			return false;
		v->nways++;
	}
	return true;
}

/* --- those that are added --- */

static bool add_bcc(struct eval *e, span addr, enum rules_way_kind kind)
{
	span complete;

	return resolve_rewrite(e->p, e->arena, addr, &complete) == RESOLVE_OK &&
	    expand_canonical(
	        e->p, e->arena, EXPAND_RECIPIENT, complete, &complete) &&
	    add(e, complete, kind);
}

static bool add_bcc_of(
    struct eval *e, const struct table_list *tables, span addr)
{
	struct buf value = BUF_INIT(BCC_MAX);
	enum map_answer answer = MAP_NONE;
	span bcc = SPAN_NONE;

	if (addr.len && tables->count)
		answer = lookup_address(
		    e->p, tables, addr, ADDRESS_BY_DEFAULT, &value);
	if (answer == MAP_FOUND)
		bcc = arena_dup(e->arena, buf_span(&value));
	buf_done(&value);
	switch (answer) {
	case MAP_NONE:
		return true;
	case MAP_FOUND:
		return bcc.ptr && add_bcc(e, bcc, RULES_WAY_BCC);
	case MAP_RETRY:
		break;
	}
	restrict_warn(e,
	    "%.*s map lookup problem -- message not accepted, try again later",
	    PRI(tables->title));
	return false;
}

/* --- from outside --- */

static bool add_one(struct eval *e, span addr)
{
	struct rules_way *way;

	if (!make_room(e, 1))
		return false;
	way = &e->v->ways[e->v->nways];
	*way = (struct rules_way){ .kind = RULES_WAY_RCPT, .orig = addr };
	if (!route(e, addr, way))
		return false;
	e->v->nways++;
	return true;
}

bool ways_fill_inside(struct eval *e)
{
	static const span nobody = SPAN_INIT("MAILER-DAEMON");
	bool is_bad = e->resolve_result == RESOLVE_BAD;
	span addr;

	if (!is_bad && !(e->q->flags & RULES_FINAL))
		return ways_fill(e);
	if (!is_bad)
		return add_one(e, e->resolved.recipient);
	e->resolved = (struct resolved){ .recipient = e->q->recipient };
	if (resolve_rewrite(e->p, e->arena, e->q->recipient, &addr) ==
	    RESOLVE_OK)
		e->resolved.recipient = addr;
	if (!e->resolved.recipient.len)
		e->resolved.recipient = nobody;
	return add_one(e, e->resolved.recipient);
}

bool ways_fill(struct eval *e)
{
	const struct policy *p = e->p;
	const struct policy_tables *t = &p->tables;
	/* VRFY sends no message. */
	bool extra = !p->no_address_mappings && e->q->stage == RULES_STAGE_RCPT;
	bool first = extra && e->q->nrcpts == 0;
	span addr;

	if (first && !add_bcc_of(e, &t->sender_bcc_maps, e->v->sender))
		return false;
	if (!expand_canonical(
	        p, e->arena, EXPAND_RECIPIENT, e->resolved.recipient, &addr) ||
	    !add(e, addr, RULES_WAY_RCPT))
		return false;
	if (extra && !add_bcc_of(e, &t->recipient_bcc_maps, addr))
		return false;
	return !first || !p->r.always_bcc.len ||
	    add_bcc(e, p->r.always_bcc, RULES_WAY_BCC_LAST);
}

/* Bounces with an address of ours are bounces all the same. */
static bool is_bounce(struct eval *e, span sender)
{
	span daemon = SPAN("MAILER-DAEMON");

	return sender.len > daemon.len &&
	    span_eq_nocase(span_first(sender, daemon.len), daemon) &&
	    resolve_rewrite(e->p, e->arena, daemon, &daemon) == RESOLVE_OK &&
	    span_eq_nocase(sender, daemon);
}

bool ways_fill_sender(struct eval *e)
{
	span sender;

	if (e->q->flags & RULES_FINAL) {
		e->v->sender = e->q->sender;
		return true;
	}
	if (resolve_rewrite(e->p, e->arena, e->q->sender, &sender) !=
	    RESOLVE_OK)
		return false;
	if (is_bounce(e, sender))
		sender = SPAN_NONE;
	return expand_canonical(
	    e->p, e->arena, EXPAND_SENDER, sender, &e->v->sender);
}
