/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/room.h"

#include <errno.h>
#include <string.h>

#include "daemon/deliver/claims.h"
#include "daemon/deliver/item.h"
#include "daemon/deliver/run.h"
#include "ipc/msg_room.h"
#include "os/log.h"

enum {
	/* Of one process, which asks one thing at a time and may have given
	 * up on some. */
	OPEN_MAX = 64,
	ARENA_MAX = 1024 * 1024,
};

struct rooms {
	struct deliver *d;
	struct list peers; /* struct peer */
	struct list open;  /* struct room */
};

/* A rules process, and those that came after it in its place. */
struct peer {
	struct list link;
	struct rooms *rooms;
	uint32_t instance;
	unsigned generation;
	struct chan *chan; /* NULL: there is none now */
	unsigned nopen;
};

/* A question. */
struct room {
	struct list link;
	struct peer *peer;
	unsigned generation; /* which of them asked */
	struct services *services;
	const struct service *at;
	struct arena arena;
	uint64_t number;
	uint64_t size;
	struct expand_ask ask;
	bool is_more; /* it is more than a mailbox */
	struct errand errand;
};

/* ---- answers ---- */

static void answer(const struct peer *p, uint64_t number, bool full)
{
	room_is_put(chan_begin(p->chan, ROOM_IS),
	    &(struct room_is){ .ask = number, .full = full });
	chan_end(p->chan);
}

static void room_free(struct room *q)
{
	list_remove(&q->link);
	q->peer->nopen--;
	services_unref(&q->services);
	arena_done(&q->arena);
	mem_free(q);
}

static void conclude(struct room *q, bool full)
{
	const struct peer *p = q->peer;

	/* Its successor does not know the number. */
	if (p->chan && p->generation == q->generation)
		answer(p, q->number, full);
	room_free(q);
}

/* ---- the mailbox ---- */

static void on_looked(struct errand *errand, const struct work_done *result)
{
	struct room *q = CONTAINER_OF(errand, struct room, errand);

	conclude(q,
	    result->found == WORK_FOUND_NONE &&
	        result->verdict.class == VERDICT_BOUNCED);
}

/* Whose it is. False: that cannot be said, or must not be asked. */
static bool find_owner(
    struct room *q, const struct local_step *s, struct user *ret)
{
	struct deliver *d = q->peer->rooms->d;

	*ret = (struct user){ .uid = s->uid, .gid = s->gid };
	if (!s->by_uid &&
	    (s->user.len == 0 ||
	        users_find(&d->users, loop_now(d->loop), s->user, ret) !=
	            USERS_OK))
		return false;
	ret->home = arena_dup(&q->arena, ret->home);
	return claims_allow(q->at, s, ret);
}

/* False: there is nobody to look. */
static bool look(struct room *q, const struct local_step *s)
{
	struct deliver *d = q->peer->rooms->d;
	struct work_item *w = &q->errand.item.work;
	struct user owner;

	if (!find_owner(q, s, &owner))
		return false;
	*w = item_for(s, &owner, true);
	item_aim(w, q->at, s);
	w->number = ++d->next_item;
	w->flags |= WORK_ASKS;
	w->size = q->size;
	q->errand.item.blob = -1;
	q->errand.done = on_looked;
	pool_submit(d->pool, &q->errand.item);
	return true;
}

/* ---- what it stands for ---- */

/* The one step of the plan, if it is all there is, and a mailbox. */
static const struct local_step *find_mailbox(struct room *q, span payload)
{
	span copy = arena_dup(&q->arena, payload);
	struct local_plan plan;

	if (payload.len == 0 || !copy.ptr ||
	    !local_plan_get(copy, &q->arena, &plan) || plan.expanded ||
	    plan.nsteps != 1 || plan.steps[0].kind != LOCAL_MAILBOX)
		return NULL;
	return &plan.steps[0];
}

static void on_plan(struct expand_ask *ask, span payload, bool more)
{
	struct room *q = CONTAINER_OF(ask, struct room, ask);
	const struct local_step *s = NULL;

	q->is_more |= more;
	if (more)
		return;
	if (!q->is_more)
		s = find_mailbox(q, payload);
	if (!s || !look(q, s))
		conclude(q, false);
}

/* Only local and virtual have mailboxes. */
static bool has_mailboxes(const struct service *at)
{
	return !at->fault && at->program->start == plan_start;
}

static void ask(struct peer *p, const struct room_ask *what)
{
	struct deliver *d = p->rooms->d;
	struct room *q = NEW(struct room);

	q->peer = p;
	q->generation = p->generation;
	q->number = what->ask;
	q->size = what->size;
	q->services = services_ref(d->services);
	q->at = services_find(d->services, what->transport);
	arena_init(&q->arena, ARENA_MAX);
	list_init(&q->link);
	list_append(&p->rooms->open, &q->link);
	p->nopen++;
	q->ask.plan = on_plan;
	q->ask.what.what = LOCAL_RCPT;
	q->ask.what.service = q->at->index;
	q->ask.what.address = arena_dup(&q->arena, what->address);
	q->ask.what.original = q->ask.what.address;
	if (has_mailboxes(q->at) && p->nopen <= OPEN_MAX)
		expand_ask(d->expand, &q->ask);
	else
		conclude(q, false);
}

/* ---- who asks ---- */

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct peer *p = ctx;
	struct room_ask what;

	if (msg->type == ROOM_ASK && room_ask_get(msg->payload, &what)) {
		ask(p, &what);
		return;
	}
	log_warn("local", "malformed question from a rules process");
	chan_fail(p->chan, -EPROTO);
}

static void on_gone(void *ctx, int error UNUSED)
{
	struct peer *p = ctx;

	chan_free(&p->chan);
}

static struct peer *get_peer(struct rooms *r, uint32_t instance)
{
	struct peer *p;

	LIST_FOR(l, &r->peers)
	{
		p = CONTAINER_OF(l, struct peer, link);
		if (p->instance == instance)
			return p;
	}
	p = NEW(struct peer);
	p->rooms = r;
	p->instance = instance;
	list_append(&r->peers, &p->link);
	return p;
}

void rooms_peer(struct rooms *r, uint32_t instance, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
	};
	struct peer *p = get_peer(r, instance);
	int error;

	chan_free(&p->chan);
	p->generation++;
	error = chan_new(r->d->loop, fd, &calls, p, &p->chan);
	if (error < 0)
		log_warn("local", "cannot talk to a rules process: %s",
		    strerror(-error));
}

struct rooms *rooms_new(struct deliver *d)
{
	struct rooms *r = NEW(struct rooms);

	r->d = d;
	list_init(&r->peers);
	list_init(&r->open);
	return r;
}

void rooms_free(struct rooms **rooms)
{
	struct rooms *r = STEAL(*rooms);
	struct list *l;

	if (!r)
		return;
	while ((l = list_take(&r->open)))
		room_free(CONTAINER_OF(l, struct room, link));
	while ((l = list_take(&r->peers))) {
		struct peer *p = CONTAINER_OF(l, struct peer, link);

		chan_free(&p->chan);
		mem_free(p);
	}
	mem_free(r);
}
