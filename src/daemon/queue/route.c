/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/route.c - questions to the rules processes.
 *
 * smtpd brings new messages with their routes. A message that comes back
 * from the spool is routed afresh, because the configuration may have
 * changed since; so is a notice that we write ourselves.
 *
 * A question lives until it is answered: when the process that has it dies
 * it goes to another one, and while there is none it waits.
 */
#include "daemon/queue/queue.h"

#include "os/log.h"

#include <errno.h>

/* Longer than any name of a service, or any text behind "error:". */
enum { ROUTE_MAX = 4096, DEATHS_MAX = 2 };

struct rules_peer {
	struct list link; /* in q->rules */
	struct queue *q;
	struct chan *chan;
	struct list asked; /* struct question */
	unsigned instance;
	unsigned open;
};

struct question {
	struct hnode node; /* in q->routes, by number */
	struct list link;  /* in a peer's list or in q->unasked */
	struct rules_peer *peer;
	route_fn *fn;
	void *ctx;
	uint64_t number;
	uint32_t tag;
	uint32_t deaths; /* of those who were asked */
	size_t sender_len;
	size_t len;
	char text[]; /* sender, address */
};

void route_init(struct queue *q)
{
	list_init(&q->rules);
	list_init(&q->unasked);
	hmap_init(&q->routes);
}

static struct rules_peer *least_busy(struct queue *q)
{
	struct rules_peer *best = NULL;

	LIST_FOR(l, &q->rules)
	{
		struct rules_peer *p = CONTAINER_OF(l, struct rules_peer, link);

		if (!best || p->open < best->open)
			best = p;
	}
	return best;
}

static void send_question(struct queue *q, struct question *ask)
{
	struct rules_peer *p = least_busy(q);
	struct rules_route m = {
		.ask = ask->number,
		.sender = span_of(ask->text, ask->sender_len),
		.address = span_of(ask->text + ask->sender_len, ask->len),
	};

	list_remove(&ask->link);
	ask->peer = p;
	if (!p) {
		list_append(&q->unasked, &ask->link);
		return;
	}
	list_append(&p->asked, &ask->link);
	p->open++;
	rules_route_put(chan_begin(p->chan, RULES_ROUTE), &m);
	chan_end(p->chan);
}

void route_ask(struct queue *q, const struct route_what *what, route_fn *fn,
    void *ctx, uint32_t tag)
{
	span from = what->sender;
	span to = what->address;
	struct question *ask = mem_new(1, sizeof(*ask) + from.len + to.len);

	ask->fn = fn;
	ask->ctx = ctx;
	ask->tag = tag;
	ask->number = ++q->next_ask;
	ask->sender_len = from.len;
	ask->len = to.len;
	if (from.len)
		memcpy(ask->text, from.ptr, from.len);
	if (to.len)
		memcpy(ask->text + from.len, to.ptr, to.len);
	list_init(&ask->link);
	hmap_put(&q->routes, &ask->node, hash_u64(ask->number));
	send_question(q, ask);
}

static void question_free(struct queue *q, struct question *ask)
{
	if (ask->peer)
		ask->peer->open--;
	list_remove(&ask->link);
	hmap_remove(&q->routes, &ask->node);
	mem_free(ask);
}

static struct question *find(struct queue *q, uint64_t number)
{
	uint64_t hash = hash_u64(number);

	for (struct hnode *n = hmap_first(&q->routes, hash); n;
	     n = hmap_next(n, hash)) {
		struct question *ask = CONTAINER_OF(n, struct question, node);

		if (ask->number == number)
			return ask;
	}
	return NULL;
}

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct rules_peer *p = ctx;
	struct rules_routed m;
	struct question *ask;
	route_fn *fn;
	void *fn_ctx;
	uint32_t tag;

	if (msg->type != RULES_ROUTED || !rules_routed_get(msg->payload, &m) ||
	    m.transport.len > ROUTE_MAX || m.nexthop.len > ROUTE_MAX) {
		log_warn("qmgr", "malformed answer from rules process %u",
		    p->instance);
		chan_fail(p->chan, -EPROTO);
		return;
	}
	ask = find(p->q, m.ask);
	if (!ask || ask->peer != p)
		return;
	fn = ask->fn;
	fn_ctx = ask->ctx;
	tag = ask->tag;
	question_free(p->q, ask);
	fn(fn_ctx, tag, &m);
}

/* Whoever is asked this dies: perhaps not so later. */
static void give_up(struct queue *q, struct question *ask)
{
	const struct rules_routed m = { .ask = ask->number };
	route_fn *fn = ask->fn;
	void *ctx = ask->ctx;
	uint32_t tag = ask->tag;

	log_warn("qmgr", "rules processes die of resolving <%.*s>",
	    PRI(span_of(ask->text + ask->sender_len, ask->len)));
	question_free(q, ask);
	fn(ctx, tag, &m);
}

static void on_gone(void *ctx, int error UNUSED)
{
	struct rules_peer *p = ctx;
	struct queue *q = p->q;
	struct list orphans = LIST_INIT(orphans);
	struct list *l;

	list_remove(&p->link);
	list_splice(&orphans, &p->asked);
	chan_free(&p->chan);
	mem_free(p);
	while ((l = list_take(&orphans))) {
		struct question *ask = CONTAINER_OF(l, struct question, link);

		ask->peer = NULL;
		if (++ask->deaths > DEATHS_MAX)
			give_up(q, ask);
		else
			send_question(q, ask);
	}
}

void route_add_rules(struct queue *q, unsigned instance, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
	};
	struct rules_peer *p = NEW(struct rules_peer);
	struct list waiting = LIST_INIT(waiting);
	struct list *l;
	int r;

	p->q = q;
	p->instance = instance;
	list_init(&p->link);
	list_init(&p->asked);
	r = chan_new(q->loop, fd, &calls, p, &p->chan);
	if (r < 0) {
		log_warn(
		    "qmgr", "rules process %u: %s", instance, strerror(-r));
		mem_free(p);
		return;
	}
	list_append(&q->rules, &p->link);
	list_splice(&waiting, &q->unasked);
	while ((l = list_take(&waiting)))
		send_question(q, CONTAINER_OF(l, struct question, link));
}
