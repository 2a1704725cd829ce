/* SPDX-License-Identifier: ISC */
/*
 * With smtpd_delay_reject (the default) everything is decided at RCPT:
 *
 *	client -> helo -> sender -> relay, recipient -> is there such a user
 *	-> is there room in his mailbox
 *
 * Without it smtpd asks at each stage, and at RCPT only the last lists count;
 * the earlier ones are then looked at once more in silence, because a
 * defer_if_permit of theirs is still to be obeyed.
 */
#include "daemon/rules/check.h"

#include "daemon/rules/resolve.h"
#include "daemon/rules/restrict.h"
#include "daemon/rules/ways.h"
#include "mail/address.h"

/* What a list is about: what replies call it, and what a bare table means. */
struct subject {
	const struct steps *list;
	span reply_name;
	span reply_class;
	span bare;
};

static enum status run_list(struct eval *e, struct subject t)
{
	if (!t.list->count)
		return DUNNO;
	e->list = t.list->name;
	e->reply_name = t.reply_name;
	e->reply_class = t.reply_class;
	e->bare = t.bare.len ? restriction_find(t.bare) : NULL;
	return restrict_run(e, t.list);
}

/* Before each group of lists. */
static void start_stage(struct eval *e, bool if_permit)
{
	e->depth = 0;
	e->warn_if_reject = 0;
	e->if_reject.active = false;
	e->if_permit.active = if_permit;
}

static enum status check_client(struct eval *e)
{
	enum status r;

	start_stage(e, false);
	r = run_list(e,
	    (struct subject){ &e->p->client, restrict_client(e),
	        SPAN("Client host"), SPAN("check_client_access") });
	e->permit_client = e->if_permit.active;
	return r;
}

static enum status check_helo(struct eval *e)
{
	enum status r;

	if (!e->q->helo.len)
		return DUNNO;
	start_stage(e, e->permit_client);
	r = run_list(e,
	    (struct subject){ &e->p->helo, e->q->helo, SPAN("Helo command"),
	        SPAN("check_helo_access") });
	e->permit_helo = e->if_permit.active;
	return r;
}

static enum status check_sender(struct eval *e)
{
	enum status r;

	if (!e->has_sender)
		return DUNNO;
	start_stage(e, e->permit_client || e->permit_helo);
	r = run_list(e,
	    (struct subject){ &e->p->sender, e->q->sender,
	        SPAN("Sender address"), SPAN("check_sender_access") });
	e->permit_sender = e->if_permit.active;
	if (r != REJECT && e->p->s.smtpd_reject_unlisted_sender &&
	    e->q->sender.len)
		r = restrict_unlisted_sender(e);
	return r;
}

/* A permission that an earlier trouble makes doubtful is none. */
static enum status obey_deferral(struct eval *e, enum status r)
{
	if (r == REJECT || !e->if_permit.active)
		return r;
	return restrict_deferred(e, &e->if_permit);
}

static enum status run_recipient_list(struct eval *e, const struct steps *list)
{
	return run_list(e,
	    (struct subject){ list, e->q->recipient, SPAN("Recipient address"),
	        SPAN("check_recipient_access") });
}

static enum status check_recipient(struct eval *e)
{
	const struct policy *p = e->p;
	bool relay_first = p->s.smtpd_relay_before_recipient_restrictions;
	enum status r;

	start_stage(e, e->permit_sender);
	r = run_recipient_list(e, relay_first ? &p->relay : &p->recipient);
	if (r != REJECT)
		r = run_recipient_list(
		    e, relay_first ? &p->recipient : &p->relay);
	r = obey_deferral(e, r);
	if (r != REJECT && p->s.smtpd_reject_unlisted_recipient)
		r = restrict_unlisted_recipient(e);
	return r;
}

/* --- stages --- */

static enum status check_early(struct eval *e)
{
	enum status r = check_client(e);

	if (r != REJECT)
		r = check_helo(e);
	if (r != REJECT && e->q->stage != RULES_STAGE_ETRN)
		r = check_sender(e);
	return r;
}

static void check_in_silence(struct eval *e)
{
	struct rules_verdict *v = e->v;
	struct rules_verdict unused = { 0 };

	e->v = &unused;
	e->quiet = true;
	(void)check_client(e);
	(void)check_helo(e);
	(void)check_sender(e);
	e->quiet = false;
	e->v = v;
	e->sender_checked = false;
}

static enum status check_before(struct eval *e)
{
	if (e->p->s.smtpd_delay_reject)
		return check_early(e);
	check_in_silence(e);
	return DUNNO;
}

/* Where the recipient goes; 501 when it is no address after all. */
static enum status check_address(struct eval *e)
{
	enum status r;

	if (!restrict_resolve(e, &r))
		return r;
	if (e->resolve_result == RESOLVE_OK)
		return DUNNO;
	restrict_warn(e,
	    "Illegal address syntax from %.*s in %s command: <%.*s>",
	    PRI(restrict_client(e)),
	    e->q->stage == RULES_STAGE_VRFY ? "VRFY" : "RCPT",
	    PRI(e->q->recipient));
	e->v->code = 501;
	e->v->reply = SPAN("5.1.3 Bad recipient address syntax");
	e->v->verb = SPAN("reject");
	return REJECT;
}

static enum status fill_accepted(struct eval *e)
{
	struct rules_verdict *v = e->v;
	enum status status = check_address(e);

	if (status == REJECT)
		return status;
	if (!ways_fill_sender(e))
		return restrict_retry(e, e->q->sender);
	if (!ways_fill(e)) {
		v->nways = 0;
		return restrict_retry(e, e->q->recipient);
	}
	if (!v->why.len)
		v->why = e->resolved.why;
	return restrict_is_local_client(e, &v->local_client) ? DUNNO : REJECT;
}

/* What the recipient stands for, if that is one address. */
static const struct rules_way *find_only_way(const struct rules_verdict *v)
{
	const struct rules_way *only = NULL;

	for (uint32_t i = 0; i < v->nways; i++) {
		if (v->ways[i].kind != RULES_WAY_RCPT)
			continue;
		if (only)
			return NULL;
		only = &v->ways[i];
	}
	return only;
}

/* Better now than by a bounce. */
static enum status check_room(struct eval *e)
{
	const struct world *world = e->world;
	const struct rules_way *way = NULL;

	if (e->p->s.smtpd_recipient_quota && world->is_full &&
	    !e->p->no_unknown_recipient_checks)
		way = find_only_way(e->v);
	if (!way ||
	    !world->is_full(
	        world->ctx, way->transport, way->recipient, e->q->size))
		return DUNNO;
	e->v->nways = 0;
	e->v->why = SPAN("smtpd_recipient_quota");
	return restrict_reject(e, POLICY_ERROR, 552, SPAN("5.2.2"),
	    "<%.*s>: Recipient address rejected: Mailbox is full",
	    PRI(e->q->recipient));
}

static enum status stage_connect(struct eval *e)
{
	return check_client(e);
}

static enum status stage_helo(struct eval *e)
{
	check_in_silence(e);
	return check_helo(e);
}

static enum status stage_mail(struct eval *e)
{
	check_in_silence(e);
	return check_sender(e);
}

/*
 * A process of ours: what is no address is a recipient all the same, whose
 * mail comes back with a notice.
 */
static enum status stage_inside(struct eval *e)
{
	enum status r;

	if (!restrict_resolve(e, &r))
		return r;
	if (!ways_fill_sender(e))
		return restrict_retry(e, e->q->sender);
	if (!ways_fill_inside(e)) {
		e->v->nways = 0;
		return restrict_retry(e, e->q->recipient);
	}
	e->v->local_client = true;
	return DUNNO;
}

static enum status stage_rcpt(struct eval *e)
{
	/* RFC 5321 4.5.1: postmaster, without a domain, is always accepted. */
	bool postmaster = span_eq_nocase(e->q->recipient, SPAN("postmaster"));
	enum status r = check_address(e);

	if (r != REJECT && !postmaster)
		r = check_before(e);
	if (r != REJECT && !postmaster)
		r = check_recipient(e);
	if (r != REJECT)
		r = fill_accepted(e);
	return r == REJECT || postmaster ? r : check_room(e);
}

static enum status stage_rcpt_or_inside(struct eval *e)
{
	return e->q->flags & RULES_TRUSTED ? stage_inside(e) : stage_rcpt(e);
}

static enum status stage_data(struct eval *e)
{
	start_stage(e, false);
	return obey_deferral(e,
	    run_list(e,
	        (struct subject){ &e->p->data, SPAN("DATA"),
	            SPAN("Data command"), SPAN_NONE }));
}

static enum status stage_end_of_data(struct eval *e)
{
	start_stage(e, false);
	return obey_deferral(e,
	    run_list(e,
	        (struct subject){ &e->p->end_of_data, SPAN("END-OF-MESSAGE"),
	            SPAN("End-of-data"), SPAN_NONE }));
}

static enum status stage_etrn(struct eval *e)
{
	enum status r = check_before(e);

	if (r == REJECT)
		return r;
	start_stage(e, e->permit_client || e->permit_helo);
	return obey_deferral(e,
	    run_list(e,
	        (struct subject){ &e->p->etrn, e->q->recipient,
	            SPAN("Etrn command"), SPAN("check_etrn_access") }));
}

static enum status (*const stages[])(struct eval *e) = {
	[RULES_STAGE_CONNECT] = stage_connect,
	[RULES_STAGE_HELO] = stage_helo,
	[RULES_STAGE_MAIL] = stage_mail,
	[RULES_STAGE_RCPT] = stage_rcpt_or_inside,
	[RULES_STAGE_DATA] = stage_data,
	[RULES_STAGE_END_OF_DATA] = stage_end_of_data,
	[RULES_STAGE_VRFY] = stage_rcpt,
	[RULES_STAGE_ETRN] = stage_etrn,
};

/* At VRFY there may be no transaction: an empty sender is then none. */
static bool knows_sender(const struct rules_check *q)
{
	if (q->stage == RULES_STAGE_VRFY || q->stage == RULES_STAGE_ETRN)
		return q->sender.len > 0;
	return q->stage >= RULES_STAGE_MAIL;
}

static bool knows_recipient(const struct rules_check *q)
{
	return q->stage == RULES_STAGE_RCPT || q->stage == RULES_STAGE_VRFY ||
	    (q->stage != RULES_STAGE_ETRN && q->recipient.len > 0);
}

void check_answer(const struct policy *p, const struct world *world,
    const struct rules_check *q, struct arena *a, struct rules_verdict *ret)
{
	struct eval e = { .p = p,
		.world = world,
		.q = q,
		.arena = a,
		.v = ret,
		.has_sender = knows_sender(q),
		.has_recipient = knows_recipient(q) };

	*ret = (struct rules_verdict){ .ask = q->ask };
	if (p->useless || (p->fatal.len && !(q->flags & RULES_TRUSTED)))
		(void)restrict_broken(&e);
	else
		(void)stages[q->stage](&e);
}

void check_route(const struct policy *p, const struct rules_route *q,
    struct arena *a, struct rules_routed *ret)
{
	struct resolved r;

	*ret = (struct rules_routed){ .ask = q->ask };
	switch (resolve_address(p, a, q->sender, q->address, &r)) {
	case RESOLVE_OK:
		ret->address = r.recipient;
		ret->transport = r.transport;
		ret->nexthop = r.nexthop;
		break;
	case RESOLVE_BAD:
		/* It was accepted once: it will be again by nobody. */
		ret->address = q->address;
		ret->transport = SPAN("error");
		ret->nexthop = SPAN("5.1.3 bad address syntax");
		break;
	case RESOLVE_FAIL:
		break;
	}
	ret->why = r.why;
}
