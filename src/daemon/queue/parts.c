/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/parts.c - addresses behind recipients.
 *
 * A recipient may be an alias or have a ~/.forward. To the queue it stays one
 * recipient, tried again as a whole; but that one of the addresses failed is
 * told to the sender, or to an owner-alias, once. So a failure is kept after
 * that for as long as its recipient is: the next attempt meets the same
 * address again.
 */
#include "daemon/queue/active.h"

#include "os/log.h"

static uint64_t hash_of(uint32_t rcpt, span addr)
{
	return hash_bytes_nocase(addr) ^ hash_u64(rcpt);
}

static struct active_part *new_part(struct active *a)
{
	if (a->nparts == a->parts_room) {
		a->parts_room = a->parts_room ? 2 * a->parts_room : 4;
		a->parts =
		    mem_resize(a->parts, a->parts_room, sizeof(*a->parts));
	}
	a->parts[a->nparts] = (struct active_part){ 0 };
	return &a->parts[a->nparts++];
}

static struct active_part *add(
    struct active *a, const struct state_part *p, bool old)
{
	struct active_part *part = new_part(a);

	part->old = old;
	part->hash = hash_of(p->rcpt, p->addr);
	part->state = *p;
	part->state.sender = arena_dup(&a->arena, p->sender);
	part->state.addr = arena_dup(&a->arena, p->addr);
	part->state.action = arena_dup(&a->arena, p->action);
	part->state.verdict = active_verdict(a, &p->verdict);
	if (p->addr.len && !part->state.addr.ptr)
		log_warn("qmgr", "%s: too many addresses behind <%.*s>",
		    a->id_text, PRI(a->envelope.rcpts[p->rcpt].addr));
	return part;
}

static bool is_known(
    const struct active *a, uint32_t rcpt, span addr, enum verdict_class class)
{
	uint64_t hash = hash_of(rcpt, addr);

	for (uint32_t i = 0; i < a->nparts; i++) {
		const struct active_part *p = &a->parts[i];

		if (p->old && p->hash == hash && p->state.rcpt == rcpt &&
		    p->state.verdict.class == class &&
		    span_eq_nocase(p->state.addr, addr))
			return true;
	}
	return false;
}

/* It failed before, and somebody was told, or will be. */
static bool is_told(const struct active *a, uint32_t rcpt, span addr)
{
	return is_known(a, rcpt, addr, VERDICT_BOUNCED);
}

bool parts_is_done(const struct active *a, uint32_t rcpt, span addr)
{
	return is_known(a, rcpt, addr, VERDICT_SENT);
}

/* 0: nobody needs to know. */
static uint8_t flags_of(
    const struct active *a, uint32_t rcpt, const struct job_part *p)
{
	bool verify = a->envelope.flags & ENVELOPE_VERIFY;
	uint8_t flags = 0;

	if (active_is_traced(a) && a->envelope.sender.len)
		flags |= STATE_PART_REPORT;
	if (p->verdict.class == VERDICT_BOUNCED && !verify &&
	    !is_told(a, rcpt, p->addr))
		flags |= STATE_PART_TELL;
	return flags;
}

static struct state_part part_of(
    const struct active *a, uint32_t rcpt, const struct job_part *p)
{
	return (struct state_part){
		.rcpt = rcpt,
		.flags = flags_of(a, rcpt, p),
		.has_sender = p->has_sender,
		.sender = p->sender,
		.addr = p->addr,
		.action = p->action,
		.verdict = p->verdict,
	};
}

static void add_new(struct active *a, const struct state_part *p)
{
	struct active_part *part = add(a, p, false);

	part->again =
	    p->verdict.class == VERDICT_BOUNCED && is_told(a, p->rcpt, p->addr);
}

void parts_take_leg(struct active *a, const struct job_part *p)
{
	struct state_part part = part_of(a, p->rcpt, p);

	/* Only that it is done. */
	if (!part.flags && p->verdict.class == VERDICT_SENT)
		part.verdict = (struct verdict){
			.class = VERDICT_SENT,
			.status = SPAN("2.0.0"),
		};
	add_new(a, &part);
	active_mark_dirty(a);
}

void parts_take(struct active *a, uint32_t rcpt, const struct job_part *p)
{
	struct state_part part = part_of(a, rcpt, p);

	switch (p->verdict.class) {
	case VERDICT_SENT:
		if (!part.flags) {
			a->rcpts[rcpt].action = arena_dup(&a->arena, p->action);
			return;
		}
		break;
	case VERDICT_DEFERRED:
	case VERDICT_BOUNCED:
		if (!part.flags && (a->envelope.flags & ENVELOPE_VERIFY))
			return;
		break;
	}
	add_new(a, &part);
}

void parts_load(struct active *a, const struct state_part *p)
{
	(void)add(a, p, true);
}

bool parts_is_waiting(const struct active *a, const struct active_part *p)
{
	enum active_rcpt_state is = a->rcpts[p->state.rcpt].state;

	if (p->state.verdict.class != VERDICT_DEFERRED)
		return false;
	/* Until the recipient was tried again, and gave a newer reason. */
	return is == ACTIVE_PENDING || is == ACTIVE_IN_JOB
	    ? p->old
	    : is == ACTIVE_DEFERRED && !p->old;
}

void parts_expire(struct active *a)
{
	for (uint32_t i = 0; i < a->nparts; i++) {
		struct active_part *p = &a->parts[i];

		if (a->rcpts[p->state.rcpt].state != ACTIVE_DEFERRED ||
		    !parts_is_waiting(a, p))
			continue;
		p->state.verdict.class = VERDICT_BOUNCED;
		p->state.flags |= STATE_PART_TELL;
	}
}

struct active_part *parts_untold(const struct active *a, bool has_sender)
{
	for (uint32_t i = 0; i < a->nparts; i++)
		if ((a->parts[i].state.flags & STATE_PART_TELL) &&
		    a->parts[i].state.has_sender == has_sender)
			return &a->parts[i];
	return NULL;
}
