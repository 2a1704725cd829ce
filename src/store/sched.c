/* SPDX-License-Identifier: ISC */
/*
 * store/sched.c - sites, windows, turns.
 *
 * A site is in its transport's turn list (`turn`) exactly when it has
 * waiting jobs, is not resting and has room in its window: see settle(),
 * the only function that links and unlinks it. A site that rests is in the
 * heap `resting`. A site nobody uses is freed, unless it is dead: being dead
 * must outlive the jobs that found out.
 */
#include "store/sched.h"

#include "base/span.h"

#include <math.h>

struct sched_transport {
	struct list link;
	struct list turn; /* sites that may run a job */
	char *name_text;
	span name;
	struct sched_limits limits;
	unsigned busy;
	bool named;   /* limits of its own */
	bool blocked; /* nobody there to take its jobs */
};

struct sched {
	struct list transports; /* in the order of their turns */
	struct hmap sites;
	struct heap resting;
	struct sched_limits preset;
	usec now; /* the latest time seen */
};

static const struct sched_limits no_limits = {
	.initial = 5,
	.window = 20,
	.cohorts = 1,
	.pause = 300 * USEC_SEC,
	.positive = { 1, SCHED_PER_WINDOW },
	.negative = { 1, SCHED_PER_WINDOW },
};

static char *text_dup(span s)
{
	char *p = mem_new(s.len + 1, 1);

	if (s.len)
		memcpy(p, s.ptr, s.len);
	return p;
}

struct sched *sched_new(void)
{
	struct sched *s = NEW(struct sched);

	list_init(&s->transports);
	hmap_init(&s->sites);
	heap_init(&s->resting);
	s->preset = no_limits;
	return s;
}

static void site_free(struct sched *s, struct sched_site *site)
{
	list_remove(&site->ready);
	heap_remove(&s->resting, &site->rest);
	hmap_remove(&s->sites, &site->node);
	mem_free(site->nexthop_text);
	mem_free(site->why);
	mem_free(site);
}

void sched_free(struct sched **s)
{
	struct hnode *n;
	struct list *l;

	if (!*s)
		return;
	while ((n = hmap_any(&(*s)->sites)))
		site_free(*s, CONTAINER_OF(n, struct sched_site, node));
	while ((l = list_take(&(*s)->transports))) {
		struct sched_transport *t =
		    CONTAINER_OF(l, struct sched_transport, link);

		mem_free(t->name_text);
		mem_free(t);
	}
	hmap_done(&(*s)->sites);
	heap_done(&(*s)->resting);
	mem_free(STEAL(*s));
}

static struct sched_transport *transport_get(struct sched *s, span name)
{
	struct sched_transport *t;

	LIST_FOR(l, &s->transports)
	{
		t = CONTAINER_OF(l, struct sched_transport, link);
		if (span_eq(t->name, name))
			return t;
	}
	t = NEW(struct sched_transport);
	t->name_text = text_dup(name);
	t->name = span_of(t->name_text, name.len);
	t->limits = s->preset;
	list_init(&t->turn);
	list_append(&s->transports, &t->link);
	return t;
}

/* What a site starts with, at first and after it was dead. */
static unsigned first_window(const struct sched_limits *l)
{
	unsigned n = MAX(l->initial, 1U);

	return l->window ? MIN(n, l->window) : n;
}

static struct sched_site *site_get(
    struct sched *s, struct sched_transport *t, span nexthop)
{
	uint64_t hash = hash_bytes_nocase(nexthop) ^ hash_u64((uintptr_t)t);
	struct sched_site *site;

	for (struct hnode *n = hmap_first(&s->sites, hash); n;
	     n = hmap_next(n, hash)) {
		site = CONTAINER_OF(n, struct sched_site, node);
		if (site->transport == t &&
		    span_eq_nocase(site->nexthop, nexthop))
			return site;
	}
	site = NEW(struct sched_site);
	site->transport = t;
	site->nexthop_text = text_dup(nexthop);
	site->nexthop = span_of(site->nexthop_text, nexthop.len);
	site->window = first_window(&t->limits);
	list_init(&site->ready);
	list_init(&site->jobs);
	hmap_put(&s->sites, &site->node, hash);
	return site;
}

static bool has_room(const struct sched_site *site)
{
	unsigned limit = site->transport->limits.window;

	return limit == 0 || site->busy < MIN(site->window, limit);
}

static bool is_dead(const struct sched_site *site)
{
	return site->window == 0;
}

/* Put the site where its state says it belongs; free it when unused. */
static void settle(struct sched *s, struct sched_site *site)
{
	bool ready =
	    !list_is_empty(&site->jobs) && !site->rest.at && has_room(site);

	if (ready && list_is_empty(&site->ready))
		list_append(&site->transport->turn, &site->ready);
	else if (!ready)
		list_remove(&site->ready);
	if (!site->users && !site->rest.at)
		site_free(s, site);
}

/* Who waits may have room now, who was ready may not. */
static void settle_all(struct sched *s)
{
	/* Each has users or rests: none is freed here. */
	for (struct hnode *n = hmap_each(&s->sites, NULL); n;
	     n = hmap_each(&s->sites, n))
		settle(s, CONTAINER_OF(n, struct sched_site, node));
}

void sched_limits(struct sched *s, span transport, const struct sched_limits *l)
{
	struct sched_transport *t;

	if (transport.len) {
		t = transport_get(s, transport);
		t->limits = *l;
		t->named = true;
	} else {
		s->preset = *l;
	}
	LIST_FOR(it, &s->transports)
	{
		t = CONTAINER_OF(it, struct sched_transport, link);
		if (!t->named)
			t->limits = s->preset;
	}
	settle_all(s);
}

static void revive(struct sched *s, struct sched_site *site)
{
	heap_remove(&s->resting, &site->rest);
	if (is_dead(site)) {
		site->window = first_window(&site->transport->limits);
		site->success = site->failure = site->cohorts = 0;
		mem_free(STEAL(site->why));
	}
	settle(s, site);
}

static void wake_sites(struct sched *s, usec now)
{
	struct heap_node *n;

	s->now = MAX(s->now, now);
	while ((n = heap_top(&s->resting)) && n->key <= now)
		revive(s, CONTAINER_OF(n, struct sched_site, rest));
}

enum sched_result sched_add(
    struct sched *s, struct sched_job *job, span transport, span nexthop)
{
	struct sched_site *site =
	    site_get(s, transport_get(s, transport), nexthop);

	job->site = site;
	job->running = false;
	list_init(&job->link);
	if (is_dead(site))
		return SCHED_DEAD;
	list_append(&site->jobs, &job->link);
	site->users++;
	settle(s, site);
	return SCHED_QUEUED;
}

static struct sched_job *start(
    struct sched *s, struct sched_transport *t, struct sched_site *site)
{
	struct sched_job *job =
	    CONTAINER_OF(list_take(&site->jobs), struct sched_job, link);

	job->running = true;
	site->busy++;
	t->busy++;
	/* To the end of the turn, or out of it. */
	list_remove(&site->ready);
	if (t->limits.rate_delay)
		heap_put(
		    &s->resting, &site->rest, s->now + t->limits.rate_delay);
	settle(s, site);
	return job;
}

struct sched_job *sched_next(struct sched *s, usec now)
{
	wake_sites(s, now);
	LIST_FOR(l, &s->transports)
	{
		struct sched_transport *t =
		    CONTAINER_OF(l, struct sched_transport, link);

		if (list_is_empty(&t->turn) || t->blocked ||
		    (t->limits.total && t->busy >= t->limits.total))
			continue;
		list_remove(&t->link);
		list_append(&s->transports, &t->link);
		return start(
		    s, t, CONTAINER_OF(t->turn.next, struct sched_site, ready));
	}
	return NULL;
}

static double feedback(struct sched_feedback f, unsigned window)
{
	double n = window ? (double)window : 1.0;

	switch (f.divisor) {
	case SCHED_CONSTANT:
		break;
	case SCHED_PER_WINDOW:
		return f.amount / n;
	case SCHED_PER_SQRT:
		return f.amount / sqrt(n);
	}
	return f.amount;
}

/* A little tolerance: three thirds are a whole. */
#define ONE 0.9999

static void open_window(struct sched_site *site)
{
	const struct sched_limits *l = &site->transport->limits;

	site->cohorts = 0;
	site->failure = 0;
	if (site->window >= l->window)
		return;
	/* An unused window does not grow: nobody knows what it would bear. */
	if (site->busy + MAX(l->initial, 1U) <= site->window)
		return;
	site->success += feedback(l->positive, site->window);
	while (site->success >= ONE && site->window < l->window) {
		site->window++;
		site->success -= 1.0;
	}
	site->success = MAX(site->success, 0.0);
}

static void close_window(struct sched_site *site)
{
	const struct sched_limits *l = &site->transport->limits;

	site->success = 0;
	site->cohorts += 1.0 / (double)site->window;
	site->failure += feedback(l->negative, site->window);
	while (site->failure >= ONE && site->window > 1) {
		site->window--;
		site->failure -= 1.0;
	}
}

static bool declare_dead(
    struct sched *s, struct sched_site *site, const struct sched_end *end)
{
	const struct sched_limits *l = &site->transport->limits;
	size_t n = MIN(end->status.len, sizeof(site->why_status_text));

	if (!l->cohorts || site->cohorts < ONE * l->cohorts)
		return false;
	site->window = 0;
	mem_free(site->why);
	site->why = text_dup(end->why);
	if (n)
		memcpy(site->why_status_text, end->status.ptr, n);
	site->why_status = span_of(site->why_status_text, n);
	heap_put(&s->resting, &site->rest, s->now + l->pause);
	return true;
}

bool sched_done(struct sched *s, struct sched_job *job,
    const struct sched_end *end, usec now)
{
	struct sched_site *site = job->site;
	bool dead = false;

	if (!job->running)
		bug("sched_done: the job does not run");
	wake_sites(s, now);
	switch (end->outcome) {
	case SCHED_FINE:
		if (!is_dead(site))
			open_window(site);
		break;
	case SCHED_FAILED:
		if (is_dead(site))
			break;
		close_window(site);
		dead = declare_dead(s, site, end);
		break;
	case SCHED_UNDONE:
		break;
	}
	job->running = false;
	site->busy--;
	site->transport->busy--;
	site->users--;
	settle(s, site);
	return dead;
}

void sched_putback(struct sched *s, struct sched_job *job)
{
	struct sched_site *site = job->site;

	if (!job->running)
		bug("sched_putback: the job does not run");
	job->running = false;
	site->busy--;
	site->transport->busy--;
	list_prepend(&site->jobs, &job->link);
	settle(s, site);
}

void sched_block(struct sched *s UNUSED, const struct sched_site *site)
{
	site->transport->blocked = true;
}

void sched_unblock(struct sched *s)
{
	LIST_FOR(l, &s->transports)
	CONTAINER_OF(l, struct sched_transport, link)->blocked = false;
}

struct sched_job *sched_take(struct sched *s, struct sched_site *site)
{
	struct list *link = list_take(&site->jobs);

	if (!link)
		return NULL;
	site->users--;
	settle(s, site);
	return CONTAINER_OF(link, struct sched_job, link);
}

void sched_cancel(struct sched *s, struct sched_job *job)
{
	list_remove(&job->link);
	job->site->users--;
	settle(s, job->site);
}

usec sched_wake(const struct sched *s)
{
	struct heap_node *n = heap_top(&s->resting);

	return n ? n->key : USEC_NEVER;
}

void sched_revive(struct sched *s)
{
	struct heap_node *n;

	while ((n = heap_top(&s->resting)))
		revive(s, CONTAINER_OF(n, struct sched_site, rest));
}

span sched_site_transport(const struct sched_site *site)
{
	return site->transport->name;
}
