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
#include "os/log.h"

#include <errno.h>
#include <unistd.h>

struct notice {
	struct active_origin origin;
	struct active *about;
	enum dsn_kind kind;
	msgid id;
	span transport; /* in about's arena */
	span nexthop;
	uint32_t most; /* recipients it may name; the next one names more */
	uint32_t end;  /* it is not about those from here on */
};

static const struct {
	const char *log;
	enum active_rcpt_state state; /* of the recipients it is about */
} kinds[] = {
	[DSN_FAILURE] = { "sender non-delivery notification", ACTIVE_BOUNCED },
	[DSN_DELAY] = { "sender delay notification", ACTIVE_DEFERRED },
	[DSN_SUCCESS] = { "sender delivery status notification", ACTIVE_DONE },
};

static bool is_about(const struct notice *n, const struct active_rcpt *r)
{
	return r->state == kinds[n->kind].state &&
	    (n->kind != DSN_SUCCESS || r->report);
}

/* The notice needs no more: its recipients are settled. */
static void settle(struct notice *n)
{
	struct active *a = n->about;

	if (n->kind == DSN_DELAY)
		a->message->flags |= MESSAGE_WARNED;
	for (uint32_t i = 0; i < n->end; i++) {
		struct active_rcpt *r = &a->rcpts[i];

		if (!is_about(n, r))
			continue;
		r->report = false;
		if (n->kind == DSN_FAILURE)
			r->state = ACTIVE_DONE;
	}
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
		    kinds[n->kind].log, id);
	else
		log_warn("bounce", "%s: %s postponed: queue write error",
		    n->about->id_text, kinds[n->kind].log);
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

static uint32_t select_rcpts(
    struct notice *n, struct rcpt *rcpts, struct verdict *verdicts)
{
	struct active *a = n->about;
	uint32_t count = 0;

	for (n->end = 0; n->end < a->envelope.nrcpts; n->end++) {
		if (!is_about(n, &a->rcpts[n->end]))
			continue;
		if (count == n->most)
			break;
		rcpts[count] = a->envelope.rcpts[n->end];
		verdicts[count++] = a->rcpts[n->end].verdict;
	}
	return count;
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

static struct dsn_conf dsn_settings(const struct queue_settings *set)
{
	return (struct dsn_conf){
		.myhostname = set->myhostname,
		.myorigin = set->myorigin,
		.mail_name = set->mail_name,
		.bounce_size_limit = set->bounce_size_limit,
		.maximal_queue_lifetime = set->maximal_queue_lifetime,
		.delay_warning_time = set->delay_warning_time,
		.smtputf8 = set->smtputf8_enable,
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
		.addr = about->envelope.sender,
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
	struct dsn_conf conf = dsn_settings(&q->set);
	struct envelope about = a->envelope;
	struct verdict *verdicts = mem_new(about.nrcpts, sizeof(*verdicts));
	struct active *fresh = active_new(q, n->id);
	struct dsn_notice d = {
		.conf = &conf,
		.kind = n->kind,
		.id = n->id,
		.now = loop_wall(q->loop),
		.to = about.sender,
		.about = &about,
		.verdicts = verdicts,
	};
	bool fits;

	about.rcpts = mem_new(about.nrcpts, sizeof(*about.rcpts));
	n->most = about.nrcpts;
	do {
		d.flags =
		    about.flags & ENVELOPE_RET_HDRS ? DSN_HEADERS_ONLY : 0;
		about.nrcpts = select_rcpts(n, about.rcpts, verdicts);
		fits = !dsn_count(&d) ||
		    write_notice(&fresh->content_bytes, &d, a);
		n->most = about.nrcpts / 2;
	} while (!fits && n->most);
	if (fits && dsn_count(&d)) {
		commit(n, fresh, d.now);
	} else {
		active_free(fresh);
		end(n, fits);
	}
	mem_free(about.rcpts);
	mem_free(verdicts);
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
	/* Without its content the notice still tells what happened. */
	route_ask(a->q, &(struct route_what){ .address = a->envelope.sender },
	    on_route, ctx, 0);
}

void notice_start(struct active *a, enum dsn_kind kind)
{
	struct notice *n = NEW(struct notice);

	a->open++;
	n->about = a;
	n->kind = kind;
	n->end = a->envelope.nrcpts;
	if (!a->envelope.sender.len)
		end(n, true);
	else if (a->in_blob)
		on_content(a, n);
	else
		active_need_content(a, on_content, n);
}
