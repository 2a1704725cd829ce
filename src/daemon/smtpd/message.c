/* SPDX-License-Identifier: ISC */
#include "daemon/smtpd/message.h"

#include "daemon/smtpd/handover.h"
#include "daemon/smtpd/session.h"
#include "os/file.h"
#include "os/log.h"

#include <errno.h>

enum {
	FIRST_ROOM = 6 * 1024, /* header and body of most messages */
	BLOB_PIECE = 256 * 1024,
	/* While there is no blob yet: what one read may add to it. */
	CONTENT_MAX = QUEUE_INLINE_MAX + BLOB_PIECE + 4 * SMTPD_INPUT,
	/* Answers about addresses, written with their headers. */
	ANSWER_MAX = 2 * FRAME_MAX,
	FIRST_RCPTS = 4,
};

struct message *message_new(struct session *s)
{
	struct message *m = NEW(struct message);

	m->session = s;
	m->p = s->p;
	m->blob = -1;
	m->arrival = s->engine.mail.inside.arrival;
	if (!m->arrival)
		m->arrival = loop_wall(s->p->loop);
	buf_init(&m->content, CONTENT_MAX);
	hmap_init(&m->dups);
	return m;
}

/* What we hold in memory goes into the account of the process. */
static void count(struct message *m)
{
	size_t now = m->content.cap + m->clean.held.cap;

	m->p->content_bytes += now - m->counted;
	m->counted = now;
}

static void release(struct message *m)
{
	buf_release(&m->content);
	count(m);
}

static void stop_receiving(struct message *m)
{
	if (m->receiving)
		m->p->nreceiving--;
	m->receiving = false;
}

void message_free(struct message **message)
{
	struct message *m = STEAL(*message);

	if (!m)
		return;
	stop_receiving(m);
	handover_drop(m->p->handover, m);
	fd_close(&m->blob);
	clean_done(&m->clean);
	hmap_done(&m->dups);
	release(m);
	mem_free(m);
}

static bool make_room(struct message *m)
{
	uint32_t room = m->room ? 2 * m->room : FIRST_RCPTS;
	struct rcpt *r;

	if (m->nrcpts < m->room)
		return true;
	r = arena_alloc(&m->session->engine.txn, room, sizeof(*r));
	if (!r)
		return false;
	if (m->nrcpts)
		memcpy(r, m->rcpts, m->nrcpts * sizeof(*r));
	m->rcpts = r;
	m->room = room;
	return true;
}

/* ---- recipients that are there already ---- */

struct dup {
	struct hnode node; /* by address */
	struct rcpt rcpt;
};

static struct dup *find_dup(const struct message *m, const struct rcpt *r)
{
	uint64_t hash = hash_bytes_nocase(r->addr);
	struct hnode *n;

	for (n = hmap_first(&m->dups, hash); n; n = hmap_next(n, hash)) {
		struct dup *d = CONTAINER_OF(n, struct dup, node);

		if (d->rcpt.notify == r->notify &&
		    span_eq_nocase(d->rcpt.addr, r->addr) &&
		    span_eq_nocase(d->rcpt.orig, r->orig) &&
		    span_eq_nocase(d->rcpt.orcpt, r->orcpt))
			return d;
	}
	return NULL;
}

static void remember_dup(struct message *m, const struct rcpt *r)
{
	uint32_t limit = m->session->service->set.duplicate_filter_limit;
	struct dup *d = NULL;

	if (!limit || m->dups.count < limit)
		d = arena_new(&m->session->engine.txn, struct dup);
	if (!d)
		return;
	d->rcpt = *r;
	hmap_put(&m->dups, &d->node, hash_bytes_nocase(r->addr));
}

/* What comes last moves on. */
static void insert(struct message *m, struct rcpt r, enum rules_way_kind kind)
{
	uint32_t at = m->nrcpts++;

	if (kind == RULES_WAY_BCC_LAST) {
		m->nlast++;
	} else if (m->nlast) {
		at -= m->nlast;
		memmove(&m->rcpts[at + 1], &m->rcpts[at], m->nlast * sizeof(r));
	}
	m->rcpts[at] = r;
}

bool message_add_rcpt(
    struct message *m, const struct rcpt *rcpt, enum rules_way_kind kind)
{
	struct arena *txn = &m->session->engine.txn;
	struct rcpt r = { .notify = rcpt->notify };

	if (find_dup(m, rcpt))
		return true;
	if (!make_room(m))
		return false;
	r.addr = arena_dup(txn, rcpt->addr);
	r.orig = arena_dup(txn, rcpt->orig);
	r.orcpt = arena_dup(txn, rcpt->orcpt);
	r.transport = arena_dup(txn, rcpt->transport);
	r.nexthop = arena_dup(txn, rcpt->nexthop);
	if (!r.nexthop.ptr)
		return false;
	insert(m, r, kind);
	remember_dup(m, &r);
	return true;
}

void message_drop_rcpts(struct message *m, uint32_t nrcpts, uint32_t nlast)
{
	if (nlast)
		memmove(&m->rcpts[nrcpts - nlast],
		    &m->rcpts[m->nrcpts - m->nlast], nlast * sizeof(*m->rcpts));
	m->nrcpts = nrcpts;
	m->nlast = nlast;
	hmap_done(&m->dups);
	for (uint32_t i = 0; i < nrcpts; i++)
		remember_dup(m, &m->rcpts[i]);
}

void message_return(struct message *m, span why)
{
	for (uint32_t i = 0; i < m->nrcpts; i++) {
		m->rcpts[i].transport = SPAN("error");
		m->rcpts[i].nexthop = why;
	}
}

/* ---- content ---- */

void message_fail(struct message *m, enum queue_result fate)
{
	m->place = PLACE_NOWHERE;
	m->fate = (uint8_t)fate;
	clean_done(&m->clean);
	release(m);
}

static void write_out(struct message *m)
{
	int r = file_write_all(m->blob, buf_span(&m->content));

	if (r < 0) {
		log_warn("cleanup", "write queue file: %s", strerror(-r));
		message_fail(
		    m, r == -ENOSPC || r == -EDQUOT ? QUEUE_FULL : QUEUE_ERROR);
		return;
	}
	buf_clear(&m->content);
}

/* After each addition. False: the session has to wait. */
static bool settle(struct message *m)
{
	count(m);
	if (m->place == PLACE_NOWHERE) {
		buf_clear(&m->content);
		return true;
	}
	if (m->content.failed || m->clean.failed) {
		message_fail(m, QUEUE_ERROR);
	} else if (m->p->content_bytes > SMTPD_CONTENT_MAX) {
		message_fail(m, QUEUE_FULL);
	} else if (m->place == PLACE_BLOB) {
		if (m->content.len >= BLOB_PIECE)
			write_out(m);
	} else if (m->content.len > QUEUE_INLINE_MAX) {
		if (m->place == PLACE_MEMORY) {
			m->place = PLACE_ASKED;
			handover_want_blob(m->p->handover, m);
		}
		return m->place != PLACE_ASKED ||
		    m->content.len < QUEUE_INLINE_MAX + SMTPD_INPUT;
	}
	return true;
}

/* RFC 3848 knows no SMTPS without the E. */
static span protocol(const struct smtp_server *e)
{
	if (e->mail.smtputf8)
		return e->tls ? SPAN("UTF8SMTPS") : SPAN("UTF8SMTP");
	if (!e->esmtp)
		return SPAN("SMTP");
	return e->tls ? SPAN("ESMTPS") : SPAN("ESMTP");
}

/* Lines for the Received header, in the transaction's arena. */
static span describe_tls(struct session *s)
{
	struct buf lines = BUF_INIT(4096);
	span copy;

	if (!s->tls || !s->service->secure.tell_in_received)
		return SPAN_NONE;
	tls_write_received(s->tls, &lines);
	copy = arena_dup(&s->engine.txn, buf_span(&lines));
	buf_done(&lines);
	return copy;
}

static enum received_by received_by(const struct session *s)
{
	if (!s->trusted)
		return RECEIVED_SMTP;
	return s->engine.mail.inside.has_uid ? RECEIVED_USER : RECEIVED_RESENT;
}

void message_begin(struct message *m)
{
	struct session *s = m->session;
	const struct smtp_server *e = &s->engine;
	const struct smtp_inside *inside = &e->mail.inside;
	const struct clean_message about = {
		.id = m->id,
		.arrival = m->arrival,
		.created = s->trusted ? loop_wall(m->p->loop) : m->arrival,
		.sender = m->sender,
		.full_name = inside->full_name,
		.local = m->local,
		.alone = inside->is_final,
		.keep = s->trusted,
		.received = inside->is_final ? NULL : &m->received,
	};

	m->received = (struct received){
		.by = received_by(s),
		.uid = inside->uid,
		.helo = e->helo,
		.client_name = s->name,
		.client_addr = s->addr,
		.myhostname = s->service->set.myhostname,
		.mail_name = s->service->set.mail_name,
		.tls = describe_tls(s),
		.with = protocol(e),
		.id = m->id,
		.rcpt = e->nrcpts == 1 ? e->first_rcpt : SPAN_NONE,
		.when = inside->received ? inside->received : m->arrival,
	};
	m->receiving = true;
	m->p->nreceiving++;
	clean_init(&m->clean, &s->service->clean, &about);
	(void)buf_room(&m->content, FIRST_ROOM);
	clean_start(&m->clean, &m->content);
	m->size = m->content.len;
	(void)settle(m);
}

bool message_chunk(struct message *m, span chunk)
{
	size_t before = m->content.len;

	if (m->place == PLACE_NOWHERE)
		return true;
	if (clean_in_body(&m->clean)) {
		clean_note_body(&m->clean, chunk);
		buf_put(&m->content, chunk);
	} else {
		clean_feed(&m->clean, chunk, &m->content);
	}
	m->size += m->content.len - before;
	return settle(m);
}

bool message_finish(struct message *m)
{
	size_t before = m->content.len;

	if (m->receiving && m->place != PLACE_NOWHERE) {
		clean_finish(&m->clean, &m->content);
		m->size += m->content.len - before;
		(void)settle(m);
	}
	stop_receiving(m);
	if (m->place == PLACE_BLOB && m->content.len)
		write_out(m);
	return m->place != PLACE_ASKED;
}

bool message_is_asking(const struct message *m)
{
	return m->clean.asking && m->place != PLACE_NOWHERE;
}

bool message_answer(struct message *m, const span *addrs, uint32_t count)
{
	size_t before = m->content.len;

	/* Addresses may have become longer. */
	m->content.max = CONTENT_MAX + ANSWER_MAX;
	clean_answer(&m->clean, addrs, count, &m->content);
	m->size += m->content.len - before;
	return settle(m);
}

void message_sent(struct message *m)
{
	m->committed = true;
	release(m);
}

void message_blob(struct message *m, int fd)
{
	m->blob = fd;
	m->place = PLACE_BLOB;
	write_out(m);
}
