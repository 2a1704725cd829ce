/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/settle.c - the end of an activation.
 *
 * When nothing of a message is open any more, in this order: what is too old
 * bounces; senders are told, which opens something again; then the message
 * is either finished or written down and left to its next time.
 */
#include "daemon/queue/active.h"

#include "daemon/delivery_log.h"
#include "os/log.h"

static bool has_any(const struct active *a, enum active_rcpt_state state)
{
	for (uint32_t i = 0; i < a->envelope.nrcpts; i++)
		if (a->rcpts[i].state == state)
			return true;
	return false;
}

static bool has_report(const struct active *a)
{
	for (uint32_t i = 0; i < a->envelope.nrcpts; i++)
		if (a->rcpts[i].report)
			return true;
	for (uint32_t i = 0; i < a->nparts; i++)
		if (a->parts[i].state.flags & STATE_PART_REPORT)
			return true;
	return false;
}

static bool has_failure(const struct active *a)
{
	return has_any(a, ACTIVE_BOUNCED) || parts_untold(a, false);
}

static usec age(const struct active *a)
{
	usec wall = loop_wall(a->q->loop);

	return wall > a->envelope.arrival ? wall - a->envelope.arrival : 0;
}

static bool is_expired(const struct active *a)
{
	const struct queue_settings *set = &a->q->set;

	if (a->message->flags & MESSAGE_EXPIRE)
		return true;
	return age(a) >= (a->envelope.sender.len ? set->maximal_queue_lifetime
	                                         : set->bounce_queue_lifetime);
}

/* Deferred for the last time: the status becomes a permanent one. */
static void expire(struct active *a)
{
	struct buf from = BUF_INIT(LOG_TEXT_MAX);

	delivery_log_address(&from, a->envelope.sender);
	log_line("qmgr", "%s: from=<%.*s>, status=%s, returned to sender",
	    a->id_text, PRI(buf_span(&from)),
	    a->message->flags & MESSAGE_EXPIRE ? "force-expired" : "expired");
	buf_done(&from);
	parts_expire(a);
	for (uint32_t i = 0; i < a->envelope.nrcpts; i++) {
		if (a->rcpts[i].state != ACTIVE_DEFERRED)
			continue;
		a->rcpts[i].state = ACTIVE_BOUNCED;
		a->rcpts[i].verdict.class = VERDICT_BOUNCED;
	}
}

static void finish(struct active *a)
{
	struct queue *q = a->q;
	struct message *m = a->message;

	log_line("qmgr", "%s: removed", a->id_text);
	spool_finish(q->spool, m->id);
	queue_touch_spool(q);
	active_free(a);
	roster_remove(&q->roster, m);
}

/* As in Postfix: wait as long as the message is old, within bounds. */
static usec backoff(const struct active *a)
{
	const struct queue_settings *set = &a->q->set;

	return MIN(MAX(age(a), set->minimal_backoff_time),
	    MAX(set->minimal_backoff_time, set->maximal_backoff_time));
}

static void postpone(struct active *a)
{
	struct queue *q = a->q;
	struct message *m = a->message;
	usec retry = loop_wall(q->loop) + backoff(a);

	active_record(a, retry);
	active_free(a);
	active_wait(q, m, retry);
}

static bool wants_delay_notice(const struct active *a)
{
	usec after = a->q->set.delay_warning_time;

	return after && age(a) >= after && a->envelope.sender.len &&
	    !(a->message->flags & MESSAGE_WARNED);
}

/* True: something was started that active_check() will be called for. */
static bool tell_sender(struct active *a)
{
	const struct active_part *owned = parts_untold(a, true);

	if (a->holds_notice)
		return false;
	if (has_failure(a))
		notice_start(a, DSN_FAILURE, NULL);
	else if (owned)
		notice_start(a, DSN_FAILURE, owned);
	else if (has_report(a))
		notice_start(
		    a, active_is_traced(a) ? DSN_VERIFY : DSN_SUCCESS, NULL);
	else if (has_any(a, ACTIVE_DEFERRED) && wants_delay_notice(a))
		notice_start(a, DSN_DELAY, NULL);
	else
		return false;
	return true;
}

void active_check(struct active *a)
{
	if (a->open)
		return;
	if (has_any(a, ACTIVE_DEFERRED) && is_expired(a))
		expire(a);
	if (tell_sender(a))
		return;
	if (has_any(a, ACTIVE_PENDING) || has_any(a, ACTIVE_DEFERRED) ||
	    has_failure(a) || parts_untold(a, true) || has_report(a))
		postpone(a);
	else
		finish(a);
}
