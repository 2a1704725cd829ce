/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/notice.c - telling the sender.
 *
 *	content --> route of the sender --> compose, commit --> settled
 *
 * A notice is an ordinary message with the null sender. The recipients it
 * names count as settled only when it is on stable storage, so a crash in
 * between sends it twice rather than never. Nobody is told about a message
 * without a sender: that is how a bounce never bounces.
 */
#include "daemon/queue/active.h"

#include "mail/date.h"
#include "mail/verp.h"
#include "os/log.h"

#include <errno.h>
#include <unistd.h>

struct notice {
	struct active_origin origin;
	struct active *about;
	enum dsn_kind kind;
	bool to_owner; /* only about addresses with this sender of their own */
	msgid id;
	span sender;    /* who is told; in about's arena */
	span transport; /* the same */
	span nexthop;
	bool single;   /* to the sender that one recipient has seen */
	uint32_t most; /* it may name so many; the next one names more */
	uint32_t end;  /* it is not about those from here on */
};

static const char *const names[] = {
	[DSN_FAILURE] = "sender non-delivery notification",
	[DSN_DELAY] = "sender delay notification",
	[DSN_SUCCESS] = "sender delivery status notification",
	[DSN_VERIFY] = "sender delivery status notification",
};

/*
 * The places of a message: its recipients, then the addresses behind them.
 */
static uint32_t places(const struct active *a)
{
	return a->envelope.nrcpts + a->nparts;
}

static bool is_about_rcpt(const struct notice *n, const struct active_rcpt *r)
{
	if (n->to_owner)
		return false;
	switch (n->kind) {
	case DSN_FAILURE:
		return r->state == ACTIVE_BOUNCED;
	case DSN_DELAY:
		return r->state == ACTIVE_DEFERRED;
	case DSN_SUCCESS:
	case DSN_VERIFY:
		break;
	}
	return r->report;
}

static bool is_about_part(const struct notice *n, const struct active_part *p)
{
	bool owned = p->state.has_sender;

	switch (n->kind) {
	case DSN_FAILURE:
		return (p->state.flags & STATE_PART_TELL) &&
		    owned == n->to_owner &&
		    (!owned || span_eq(p->state.sender, n->sender));
	case DSN_DELAY:
		return !owned && parts_is_waiting(n->about, p);
	case DSN_SUCCESS:
	case DSN_VERIFY:
		break;
	}
	return p->state.flags & STATE_PART_REPORT;
}

static bool is_about(const struct notice *n, uint32_t place)
{
	const struct active *a = n->about;
	uint32_t nrcpts = a->envelope.nrcpts;

	return place < nrcpts ? is_about_rcpt(n, &a->rcpts[place])
	                      : is_about_part(n, &a->parts[place - nrcpts]);
}

static void settle_place(struct notice *n, uint32_t place)
{
	struct active *a = n->about;
	uint32_t nrcpts = a->envelope.nrcpts;

	if (n->kind == DSN_DELAY)
		return;
	if (place >= nrcpts)
		a->parts[place - nrcpts].state.flags &=
		    (uint8_t) ~(n->kind == DSN_FAILURE ? STATE_PART_TELL
		                                       : STATE_PART_REPORT);
	else if (n->kind == DSN_FAILURE)
		a->rcpts[place].state = ACTIVE_DONE;
	else
		a->rcpts[place].report = false;
}

/* The notice needs no more: what it is about is settled. */
static void settle(struct notice *n)
{
	struct active *a = n->about;

	if (n->kind == DSN_DELAY)
		a->message->flags |= MESSAGE_WARNED;
	if (n->kind == DSN_VERIFY && n->end == places(a))
		a->message->flags |= MESSAGE_TRACED;
	for (uint32_t i = 0; i < n->end; i++)
		if (is_about(n, i))
			settle_place(n, i);
	active_mark_dirty(a);
}

static void end(struct notice *n, bool settled)
{
	struct active *a = n->about;

	if (settled)
		settle(n);
	else
		a->holds_notice = true;
	mem_free(n);
	a->open--;
	active_check(a);
}

static void on_committed(struct active_origin *o, enum queue_result r)
{
	struct notice *n = CONTAINER_OF(o, struct notice, origin);
	char id[MSGID_TEXT_MAX];

	(void)msgid_text(n->id, id);
	if (r == QUEUE_OK)
		log_line("bounce", "%s: %s: %s", n->about->id_text,
		    names[n->kind], id);
	else
		log_warn("bounce", "%s: %s postponed: queue write error",
		    n->about->id_text, names[n->kind]);
	end(n, r == QUEUE_OK);
}

/* ---- composing ---- */

/* A big message is read as far as the notice wants it. Rare and bounded by
 * bounce_size_limit: simple beats asynchronous here. */
static void put_blob(struct buf *out, struct dsn_notice *d, int fd)
{
	char piece[16384];
	ssize_t got;
	off_t at = 0;

	for (;;) {
		got = pread(fd, piece, sizeof(piece), at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 ||
		    !dsn_write_original(out, d, span_of(piece, (size_t)got)))
			return;
		at += got;
	}
}

static void put_original(
    struct buf *out, struct dsn_notice *d, struct active *a)
{
	int fd = -1;

	/* It may want less than all of it; nothing follows anyhow. */
	bool more = a->in_blob ||
	    dsn_write_original(out, d, buf_span(&a->content_bytes));

	if (!more || !a->in_blob)
		return;
	if (spool_open_blob(a->q->spool, a->message->id, &fd) == SPOOL_OK) {
		put_blob(out, d, fd);
		(void)close(fd);
	}
}

/* What a notice says, as dsn.h wants it. */
struct selection {
	uint32_t count;
	struct rcpt *rcpts;
	struct verdict *verdicts;
	span *actions;
	bool *explained; /* recipients: by addresses behind them */
};

static void select_rcpt(struct notice *n, struct selection *s, uint32_t i)
{
	const struct active *a = n->about;
	const struct active_rcpt *r = &a->rcpts[i];

	if (s->explained[i])
		return;
	s->rcpts[s->count] = a->envelope.rcpts[i];
	s->rcpts[s->count].transport = r->transport;
	s->verdicts[s->count] = r->verdict;
	s->actions[s->count++] = r->action;
}

static void select_part(
    struct notice *n, struct selection *s, const struct active_part *p)
{
	const struct active *a = n->about;
	struct rcpt *r = &s->rcpts[s->count];

	*r = a->envelope.rcpts[p->state.rcpt];
	if (!r->orig.len)
		r->orig = r->addr;
	r->addr = p->state.addr;
	r->transport = a->rcpts[p->state.rcpt].transport;
	if (p->state.has_sender) {
		/* RFC 3461 5.2.7.1: nothing of the original applies. */
		r->orig = SPAN_NONE;
		r->orcpt = SPAN_NONE;
	}
	s->verdicts[s->count] = p->state.verdict;
	s->actions[s->count++] = p->state.action;
}

/* From here on the addresses behind a recipient speak for it. */
static void explain(struct notice *n, struct selection *s)
{
	const struct active *a = n->about;

	for (uint32_t i = 0; i < a->nparts; i++) {
		const struct active_part *p = &a->parts[i];
		bool speaks = is_about_part(n, p);

		if (n->kind == DSN_FAILURE)
			speaks = (p->state.flags & STATE_PART_TELL) || p->again;
		else if (n->kind == DSN_DELAY)
			speaks = parts_is_waiting(a, p);
		if (speaks)
			s->explained[p->state.rcpt] = true;
	}
}

static void select_all(struct notice *n, struct selection *s)
{
	struct active *a = n->about;
	uint32_t nrcpts = a->envelope.nrcpts;

	s->count = 0;
	for (n->end = 0; n->end < places(a); n->end++) {
		if (!is_about(n, n->end))
			continue;
		if (s->count == n->most)
			break;
		if (n->end < nrcpts)
			select_rcpt(n, s, n->end);
		else
			select_part(n, s, &a->parts[n->end - nrcpts]);
	}
}

static struct selection selection_new(struct notice *n)
{
	uint32_t most = places(n->about);
	struct selection s = {
		.rcpts = mem_new(most, sizeof(*s.rcpts)),
		.verdicts = mem_new(most, sizeof(*s.verdicts)),
		.actions = mem_new(most, sizeof(*s.actions)),
		.explained =
		    mem_new(n->about->envelope.nrcpts, sizeof(*s.explained)),
	};

	explain(n, &s);
	return s;
}

static void selection_done(struct selection *s)
{
	mem_free(s->rcpts);
	mem_free(s->verdicts);
	mem_free(s->actions);
	mem_free(s->explained);
}

enum original { ORIGINAL_WHOLE, ORIGINAL_HEADERS, ORIGINAL_NONE, ORIGINALS };

static void write_with(struct buf *out, const struct dsn_notice *notice,
    struct active *about, enum original original)
{
	struct dsn_notice d = *notice; /* it remembers where it is */

	buf_clear(out);
	if (original == ORIGINAL_HEADERS)
		d.flags |= DSN_HEADERS_ONLY;
	dsn_write_head(out, &d);
	if (original != ORIGINAL_NONE)
		put_original(out, &d, about);
	dsn_write_tail(out, &d);
}

/* With as much of the original as a record can hold. False: even without it
 * there is too much to say. */
static bool write_notice(
    struct buf *out, const struct dsn_notice *d, struct active *about)
{
	size_t room = spool_max_record(about->q->spool) / 2;

	for (enum original i = 0; i < ORIGINALS; i++) {
		write_with(out, d, about, i);
		if (!out->failed && out->len <= room)
			return true;
	}
	return false;
}

static struct dsn_conf dsn_settings(const struct queue *q)
{
	return (struct dsn_conf){
		.myhostname = q->set.myhostname,
		.myorigin = q->set.myorigin,
		.mail_name = q->set.mail_name,
		.bounce_size_limit = q->set.bounce_size_limit,
		.maximal_queue_lifetime = q->set.maximal_queue_lifetime,
		.texts = &q->texts,
		.smtputf8 = q->set.smtputf8_enable,
	};
}

static void put_ident(struct buf *out, struct notice *n, usec now)
{
	char id[MSGID_TEXT_MAX];

	buf_putc(out, '<');
	date_write_stamp(out, now);
	buf_putc(out, '.');
	buf_put(out, msgid_text(n->id, id));
	buf_putc(out, '@');
	buf_put(out, n->about->q->set.myhostname);
	buf_putc(out, '>');
}

static void commit(struct notice *n, struct active *fresh, usec now)
{
	struct active *about = n->about;
	struct buf ident = BUF_INIT(1024);
	struct rcpt to = {
		.addr = n->sender,
		.orig = n->sender,
		.transport = n->transport,
		.nexthop = n->nexthop,
	};
	struct envelope e = {
		.id = n->id,
		.arrival = now,
		.size = fresh->content_bytes.len,
		.flags = ENVELOPE_BOUNCE |
		    (about->envelope.flags &
		        (ENVELOPE_8BIT | ENVELOPE_SMTPUTF8)),
		.nrcpts = 1,
		.rcpts = &to,
	};

	put_ident(&ident, n, now);
	e.ident = buf_span(&ident);
	envelope_put(&fresh->envelope_bytes, &e);
	buf_done(&ident);
	if (!active_decode(fresh))
		bug("a notice that cannot be decoded");
	log_line("cleanup", "%s: message-id=%.*s", fresh->id_text,
	    PRI(fresh->envelope.ident));
	n->origin.committed = on_committed;
	fresh->origin = &n->origin;
	active_commit(fresh);
}

/* The content is in memory (or in its blob), the way is known. */
static void compose(struct notice *n)
{
	struct active *a = n->about;
	struct queue *q = a->q;
	struct dsn_conf conf = dsn_settings(q);
	struct selection s = selection_new(n);
	struct envelope about = a->envelope;
	struct active *fresh = active_new(q, n->id);
	struct dsn_notice d = {
		.conf = &conf,
		.kind = n->kind,
		.id = n->id,
		.now = loop_wall(q->loop),
		.to = n->sender,
		.about = &about,
		.verdicts = s.verdicts,
		.actions = s.actions,
	};
	bool fits;

	if (n->to_owner) {
		about.envid = SPAN_NONE;
		about.flags &=
		    ~(uint32_t)(ENVELOPE_RET_FULL | ENVELOPE_RET_HDRS);
	}
	if (about.flags & ENVELOPE_RET_HDRS)
		d.flags = DSN_HEADERS_ONLY;
	about.rcpts = s.rcpts;
	n->most = n->single ? 1 : places(a);
	do {
		select_all(n, &s);
		about.nrcpts = s.count;
		fits = !dsn_count(&d) ||
		    write_notice(&fresh->content_bytes, &d, a);
		n->most = s.count / 2;
	} while (!fits && n->most);
	if (fits && dsn_count(&d)) {
		commit(n, fresh, d.now);
	} else {
		active_free(fresh);
		end(n, fits);
	}
	selection_done(&s);
}

static void on_route(
    void *ctx, uint32_t tag UNUSED, const struct rules_routed *r)
{
	struct notice *n = ctx;
	struct active *a = n->about;

	n->transport = arena_dup(&a->arena, r->transport);
	n->nexthop = arena_dup(&a->arena, r->nexthop);
	n->id = intake_new_id(a->q);
	if (n->id && n->transport.len)
		compose(n);
	else
		end(n, false);
}

static void on_content(struct active *a, void *ctx)
{
	const struct notice *n = ctx;

	/* Without its content the notice still tells what happened. */
	route_ask(a->q, &(struct route_what){ .address = n->sender }, on_route,
	    ctx, 0);
}

/* The recipient that it will name first, or behind which that is. */
static const struct rcpt *first_named(struct notice *n)
{
	const struct active *a = n->about;
	struct selection s = selection_new(n);
	uint32_t nrcpts = a->envelope.nrcpts;
	uint32_t i = 0;

	while (i < places(a) &&
	    (!is_about(n, i) || (i < nrcpts && s.explained[i])))
		i++;
	selection_done(&s);
	if (i == places(a))
		return NULL;
	if (i >= nrcpts)
		i = a->parts[i - nrcpts].state.rcpt;
	return &a->envelope.rcpts[i];
}

/* The owner of a list wants to know whom, from the address alone. */
static void make_single(struct notice *n)
{
	struct active *a = n->about;
	const struct rcpt *r = first_named(n);
	struct buf sender = BUF_INIT(FRAME_MAX);

	if (r) {
		verp_write(&sender, a->envelope.verp, n->sender, r);
		n->sender = arena_dup(&a->arena, buf_span(&sender));
		n->single = true;
	}
	buf_done(&sender);
}

void notice_start(
    struct active *a, enum dsn_kind kind, const struct active_part *owner)
{
	struct notice *n = NEW(struct notice);

	a->open++;
	n->about = a;
	n->kind = kind;
	n->to_owner = owner != NULL;
	n->sender = owner ? owner->state.sender : a->envelope.sender;
	n->end = places(a);
	if (kind == DSN_FAILURE && !owner && a->envelope.verp.len &&
	    !a->q->set.disable_verp_bounces)
		make_single(n);
	if (!n->sender.len)
		end(n, true);
	else if (a->in_blob)
		on_content(a, n);
	else
		active_need_content(a, on_content, n);
}
