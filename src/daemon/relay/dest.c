/* SPDX-License-Identifier: ISC */
/*
 * relay/dest.c - what goes the same way shares sessions.
 *
 * A job gets an idle session at once. If all are busy it waits a moment for
 * one to become free, and then gets a connection of its own; at most as many
 * at a time as there are sessions already. So a quick server is served by a
 * few sessions that are never idle, a slow one by as many as there are jobs,
 * and within a few moments; how many jobs there are is for the queue to say.
 *
 * With a server that is known to be quick, a waiting job also goes out behind
 * the message that a session has, before that is answered: this saves a round
 * trip and half of the system calls. A slow one would make it wait for
 * nothing.
 */
#include <string.h>

#include "daemon/relay/relay.h"

static const usec patience = 2 * USEC_MSEC;

static uint64_t key_of(const struct settings *set, span nexthop)
{
	return hash_bytes_nocase(nexthop) ^ hash_u64((uintptr_t)set);
}

/* When the one that has waited longest has waited enough. */
static void arm_patience(struct dest *d)
{
	struct loop *l = d->relay->loop;
	usec when;

	if (list_is_empty(&d->waiting))
		return;
	when = CONTAINER_OF(d->waiting.next, struct jobrun, waiting)->since +
	    patience;
	loop_timer_set(l, &d->patience, MAX(when, loop_now(l) + patience / 2));
}

static bool is_late(const struct dest *d)
{
	const struct jobrun *j =
	    CONTAINER_OF(d->waiting.next, struct jobrun, waiting);

	return loop_now(d->relay->loop) >= j->since + patience;
}

static struct session *idle_session(const struct dest *d)
{
	return list_is_empty(&d->idle)
	    ? NULL
	    : CONTAINER_OF(d->idle.next, struct session, link);
}

static void on_patience(void *ctx)
{
	struct dest *d = ctx;
	uint32_t room = MAX(d->sessions, 1U);
	struct list late;
	struct list *link;

	list_init(&late);
	while (room-- && !list_is_empty(&d->waiting) && is_late(d))
		list_append(&late, &dest_take(d)->waiting);
	arm_patience(d);
	/* The last of them may take the destination along. */
	while ((link = list_take(&late))) {
		struct jobrun *j = CONTAINER_OF(link, struct jobrun, waiting);

		if (idle_session(d))
			session_give(idle_session(d), j);
		else
			walk_start(j);
	}
}

static bool keeps_sessions(const struct settings *set, span nexthop)
{
	struct nexthop next;

	if (set->smtp_connection_cache_on_demand)
		return true;
	return nexthop_next(&nexthop, set->smtp_tcp_port, set->lmtp, &next) ==
	    NEXTHOP_OK &&
	    settings_cache_always(set, next.host);
}

static struct dest *new_dest(
    struct relay *r, const struct settings *set, span nexthop)
{
	struct dest *d = mem_new(1, sizeof(*d) + nexthop.len);

	memcpy(d->text, nexthop.ptr, nexthop.len);
	d->nexthop = span_of(d->text, nexthop.len);
	d->relay = r;
	d->set = set;
	d->snapshot = set->snapshot;
	snapshot_ref(d->snapshot);
	d->reuse = keeps_sessions(set, nexthop);
	list_init(&d->idle);
	list_init(&d->busy);
	list_init(&d->waiting);
	d->patience.fn = on_patience;
	d->patience.ctx = d;
	list_append(&r->all_dests, &d->link);
	hmap_put(&r->dests, &d->node, key_of(set, nexthop));
	return d;
}

struct dest *dest_find(
    struct relay *r, const struct settings *set, span nexthop)
{
	uint64_t key = key_of(set, nexthop);
	struct hnode *n;

	for (n = hmap_first(&r->dests, key); n; n = hmap_next(n, key)) {
		struct dest *d = CONTAINER_OF(n, struct dest, node);

		if (d->set == set && span_eq_nocase(d->nexthop, nexthop))
			return d;
	}
	return new_dest(r, set, nexthop);
}

void dest_check(struct dest *d)
{
	if (d->jobs || !list_is_empty(&d->idle) || !list_is_empty(&d->busy))
		return;
	loop_timer_stop(d->relay->loop, &d->patience);
	hmap_remove(&d->relay->dests, &d->node);
	list_remove(&d->link);
	snapshot_unref(&d->snapshot);
	mem_free(d);
}

/* Behind the messages that are on their way, if it will not be long. */
static bool may_wait(const struct dest *d)
{
	if (!d->reuse || list_is_empty(&d->busy))
		return false;
	return list_is_empty(&d->idle) ||
	    (dest_is_quick(d) && d->nwaiting < d->sessions);
}

void dest_offer(struct dest *d, struct jobrun *j)
{
	if (j->dest != d) {
		j->dest = d;
		d->jobs++;
	}
	if (may_wait(d)) {
		j->since = loop_now(d->relay->loop);
		list_append(&d->waiting, &j->waiting);
		d->nwaiting++;
		if (d->waiting.next == &j->waiting)
			arm_patience(d);
	} else if (d->reuse && idle_session(d)) {
		session_give(idle_session(d), j);
	} else {
		walk_start(j);
	}
}

bool dest_is_quick(const struct dest *d)
{
	return d->dot_time && d->dot_time < patience;
}

struct jobrun *dest_take(struct dest *d)
{
	struct list *link = list_take(&d->waiting);

	d->nwaiting -= link ? 1 : 0;
	return link ? CONTAINER_OF(link, struct jobrun, waiting) : NULL;
}

void dest_retire(struct dest *d)
{
	LIST_FOR(busy, &d->busy)
	session_retire(CONTAINER_OF(busy, struct session, link));
	LIST_FOR(idle, &d->idle)
	session_retire(CONTAINER_OF(idle, struct session, link));
}
