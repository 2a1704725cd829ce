/* SPDX-License-Identifier: ISC */
/*
 * relay/walk.c - from host to host until all recipients are decided.
 *
 *	next hops: those of the job, then smtp_fallback_relay
 *	  hosts of each: in the order of route.c, at most
 *	    smtp_mx_address_limit of them, and smtp_mx_session_limit that
 *	    talked to us
 *
 * At the last one of all, `final` is set, and what it says counts. The rules
 * are those of Postfix's smtp_connect.c, with one difference: recipients that
 * several hosts refused each end with what they themselves heard last.
 */
#include <string.h>

#include "daemon/relay/relay.h"
#include "os/log.h"

static void next_site(struct jobrun *j);

static void log_info(struct jobrun *j, span text)
{
	log_as(j->set->syslog_name, j->set->program, LOG_LEVEL_INFO, "%.*s",
	    PRI(text));
}

static void log_problem(struct jobrun *j, const char *parameter)
{
	log_as(j->set->syslog_name, j->set->program, LOG_LEVEL_WARNING,
	    "%s configuration problem", parameter);
}

static void failed(struct jobrun *j, span status, span why)
{
	j->status = status;
	j->why = why;
	j->why_is_newer = true;
}

/* What may be our own configuration's fault does not bounce mail. */
static void excuse(struct jobrun *j)
{
	if (!j->status.len) {
		j->status = SPAN("4.3.0");
		j->why = SPAN("server unavailable or unable to receive mail");
	} else if (j->status.ptr[0] == '4') {
		return;
	} else if (j->is_backup) {
		log_problem(j, "smtp_fallback_relay");
		j->status = SPAN("4.3.5");
	} else if (!j->set->lmtp && j->set->relayhost.len &&
	    span_eq(j->dest->nexthop, j->set->relayhost)) {
		log_problem(j, "relayhost");
		j->status = SPAN("4.3.5");
	}
}

/* No host is left; some recipients are. */
static void give_up(struct jobrun *j)
{
	struct verdict v;

	excuse(j);
	v = (struct verdict){ .class = j->status.ptr[0] == '4'
		    ? VERDICT_DEFERRED
		    : VERDICT_BOUNCED,
		.status = j->status,
		.text = j->why };
	if (v.class == VERDICT_DEFERRED && j->why_is_newer && !j->complete)
		j->dead = true;
	job_end_all(j, NULL, &v);
}

static bool has_more_hops(const struct jobrun *j)
{
	const struct settings *set = j->set;

	if (set->smtp_mx_address_limit &&
	    j->hops_tried >= set->smtp_mx_address_limit)
		return false;
	if (set->smtp_mx_session_limit &&
	    j->sessions_tried >= set->smtp_mx_session_limit)
		return false;
	return j->hop < j->route.nhops;
}

/* The host that a shared session was with has had its turn. */
static bool was_visited(const struct jobrun *j, const struct hop *hop)
{
	return j->visited.len && sock_same_host(&j->visited, &hop->addr) &&
	    sock_port(&j->visited) == sock_port(&hop->addr);
}

static void note_unreachable(struct jobrun *j, int error)
{
	struct buf b = BUF_INIT(1024);

	buf_put(&b, SPAN("connect to "));
	(void)hop_name(&b, j->current);
	buf_printf(&b, ": %s", strerror(-error));
	failed(j, SPAN("4.4.1"), job_text(j, buf_span(&b)));
	buf_done(&b);
	log_info(j, j->why);
}

static void next_hop(struct jobrun *j)
{
	while (has_more_hops(j)) {
		const struct hop *hop = &j->route.hops[j->hop++];
		int r;

		if (was_visited(j, hop))
			continue;
		j->hops_tried++;
		j->current = hop;
		j->final = j->last_site && !has_more_hops(j);
		r = session_open(j->dest, j);
		if (r == 0)
			return;
		note_unreachable(j, r);
	}
	next_site(j);
}

static void on_route(void *ctx)
{
	struct jobrun *j = ctx;
	const struct route *r = &j->route;

	if (!r->nhops)
		failed(j, r->status, r->why);
	/* Others would only send it back to us, again. */
	if (r->found_self || span_eq(r->status, SPAN("5.4.6")))
		j->last_site = true;
	j->hop = j->hops_tried = j->sessions_tried = 0;
	next_hop(j);
}

static bool is_list_empty(span list)
{
	return span_word(&list, ", \t\r\n").len == 0;
}

/* The next one of the list, or of the list of last resort. */
static enum nexthop_result cut_site(struct jobrun *j, struct nexthop *ret)
{
	enum nexthop_result result;
	bool backup = j->set->smtp_fallback_relay.len > 0;

	if (!j->is_backup && is_list_empty(j->sites) && backup) {
		j->is_backup = true;
		j->sites = j->set->smtp_fallback_relay;
	}
	result =
	    nexthop_next(&j->sites, j->set->smtp_tcp_port, j->set->lmtp, ret);
	j->last_site = is_list_empty(j->sites) && (j->is_backup || !backup);
	return result;
}

static void find_route(struct jobrun *j, const struct nexthop *next)
{
	j->route.dns = j->relay->dns;
	j->route.set = j->set;
	j->route.arena = &j->arena;
	j->route.seed = j->relay->seed += 1000;
	j->route.done = on_route;
	j->route.ctx = j;
	if (route_find(&j->route, next))
		on_route(j);
}

static void next_site(struct jobrun *j)
{
	while (!j->last_site) {
		struct nexthop next;
		enum nexthop_result result = cut_site(j, &next);

		if (result == NEXTHOP_OK) {
			find_route(j, &next);
			return;
		}
		if (result == NEXTHOP_END)
			break;
		log_as(j->set->syslog_name, j->set->program, LOG_LEVEL_WARNING,
		    "%s in next hop \"%.*s\"",
		    result == NEXTHOP_BAD ? "bad host or port"
		                          : "unknown service",
		    PRI(next.text));
		failed(j, SPAN("4.3.5"), SPAN("Server configuration error"));
	}
	give_up(j);
}

void walk_start(struct jobrun *j)
{
	j->sites = j->dest->nexthop;
	j->is_backup = j->last_site = false;
	next_site(j);
}

void walk_on(struct jobrun *j)
{
	next_hop(j);
}

void walk_unreachable(struct jobrun *j, int error)
{
	note_unreachable(j, error);
	next_hop(j);
}

void walk_welcome(struct jobrun *j)
{
	j->sessions_tried++;
	j->final = j->last_site && !has_more_hops(j);
}

void walk_refused(struct jobrun *j, struct session *s)
{
	const struct smtp_outcome *o = &s->client.outcome;
	struct verdict v = {
		.class = o->verdict.class,
		.status = job_text(j, o->verdict.status),
		.text = job_text(j, o->verdict.text),
	};
	bool soft = v.class == VERDICT_DEFERRED || j->set->soft_bounce;

	failed(j, v.status, v.text);
	if (soft && !j->final) {
		log_as(j->set->syslog_name, j->set->program, LOG_LEVEL_INFO,
		    "%s: %.*s", j->id, PRI(v.text));
		next_hop(j);
		return;
	}
	if (soft && !j->complete)
		j->dead = true;
	job_describe(j, s, &v);
	job_end_all(j, s, &v);
}
