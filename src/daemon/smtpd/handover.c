/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/handover.c - the conversation with the queue process.
 *
 * All tags that the queue knows are in `known`, with the message they stand
 * for. Such a message belongs to its session until COMMIT is sent; from then
 * on, if the session goes, it is ours, and dies with DONE.
 */
#include "daemon/smtpd/handover.h"

#include "daemon/smtpd/session.h"
#include "mail/address.h"
#include "os/log.h"
#include "os/sock.h"

#include <errno.h>

enum {
	IDS_LOW = QUEUE_IDS_BATCH / 4,
	ADDR_MAX = SOCK_TEXT_MAX + 5, /* "IPv6:" */
};

static const usec patience = 10 * USEC_SEC;

struct handover {
	struct smtpd *p;
	struct chan *chan; /* NULL: there is no queue process */
	struct hmap known;
	struct list waiting; /* sessions */
	struct loop_timer timer;
	uint64_t next_tag;
	uint64_t next_id;
	uint32_t ids; /* that may be used from next_id on */
	bool wants_ids;
	uint64_t space;    /* largest message that would be taken */
	uint32_t expected; /* what the queue was told */
};

/* ---- waiting sessions ---- */

static void resume_all(struct handover *h)
{
	struct list now;
	struct list *l;

	list_init(&now);
	list_splice(&now, &h->waiting);
	loop_timer_stop(h->p->loop, &h->timer);
	while ((l = list_take(&now)))
		session_resume(CONTAINER_OF(l, struct session, waiting));
}

static void on_timer(void *ctx)
{
	resume_all(ctx);
}

void handover_wait(struct handover *h, struct session *s)
{
	if (list_is_empty(&h->waiting))
		loop_timer_set(
		    h->p->loop, &h->timer, loop_now(h->p->loop) + patience);
	list_append(&h->waiting, &s->waiting);
}

bool handover_is_full(const struct handover *h)
{
	return h->chan && chan_backlog(h->chan) > CHAN_HIGH_WATER;
}

/* ---- ids and space ---- */

bool handover_take_id(struct handover *h, uint64_t *ret)
{
	if (h->ids < IDS_LOW && !h->wants_ids && h->chan) {
		h->wants_ids = true;
		chan_send(h->chan, QUEUE_MORE_IDS);
	}
	if (!h->ids)
		return false;
	h->ids--;
	*ret = h->next_id++;
	return true;
}

bool handover_has_space(const struct handover *h, uint64_t size)
{
	return h->space && size <= h->space;
}

/* ---- tags ---- */

static void make_known(struct handover *h, struct message *m)
{
	if (m->known)
		return;
	m->tag = h->next_tag++;
	m->known = true;
	hmap_put(&h->known, &m->node, hash_u64(m->tag));
}

static void forget(struct handover *h, struct message *m)
{
	if (m->known)
		hmap_remove(&h->known, &m->node);
	m->known = false;
}

void handover_drop(struct handover *h, struct message *m)
{
	if (m->known && h->chan && !m->committed) {
		queue_tag_put(chan_begin(h->chan, QUEUE_DROP), m->tag);
		chan_end(h->chan);
	}
	forget(h, m);
}

void handover_want_blob(struct handover *h, struct message *m)
{
	if (!h->chan) {
		message_fail(m, QUEUE_ERROR);
		return;
	}
	make_known(h, m);
	queue_tag_put(chan_begin(h->chan, QUEUE_WANT_BLOB), m->tag);
	chan_end(h->chan);
}

/* smtputf8_autodetect_classes: it uses UTF-8 without having said so. */
static bool is_utf8(const struct message *m)
{
	const struct session *s = m->session;
	const struct service_settings *set = &s->service->set;
	span kind = SPAN("smtpd");

	if (s->trusted)
		kind = s->engine.mail.inside.has_uid ? SPAN("sendmail")
		                                     : SPAN("forward");
	if (!set->smtputf8_enable || !service_detects_utf8(s->service, kind))
		return false;
	if ((m->clean.flags & CLEAN_UTF8_HEADER) ||
	    !address_is_ascii(m->sender))
		return true;
	for (uint32_t i = 0; i < m->nrcpts; i++)
		if (!address_is_ascii(m->rcpts[i].addr))
			return true;
	return false;
}

/* Who brought it, or, of mail that is sent on, had brought it. The address
 * may be in `addr`. */
static void put_client(
    const struct message *m, struct envelope *e, struct buf *addr)
{
	const struct session *s = m->session;
	const struct smtp_inside *inside = &s->engine.mail.inside;

	received_put_addr(addr, s->addr);
	e->client_name = s->trusted ? inside->client_name : s->name;
	e->client_addr = s->trusted ? inside->client_addr : buf_span(addr);
	e->client_port = s->trusted ? inside->client_port : s->port;
	e->helo = s->trusted ? inside->helo : s->engine.helo;
	e->proto = s->trusted ? inside->proto : session_protocol(s);
}

static void put_envelope(
    const struct message *m, struct envelope *e, struct buf *addr)
{
	const struct session *s = m->session;
	const struct smtp_mail *mail = &s->engine.mail;
	bool is_8bit = mail->body_8bit ||
	    (m->clean.flags & (CLEAN_SAYS_8BIT | CLEAN_HAS_8BIT));

	*e = (struct envelope){
		.id = m->id,
		.arrival = m->arrival,
		.sender = m->sender,
		.size = m->size,
		.flags = (is_8bit ? ENVELOPE_8BIT : 0) |
		    (mail->smtputf8 || is_utf8(m) ? ENVELOPE_SMTPUTF8 : 0) |
		    (mail->inside.verify ? ENVELOPE_VERIFY : 0) |
		    (mail->inside.trace ? ENVELOPE_TRACE : 0) |
		    (mail->ret_full ? ENVELOPE_RET_FULL : 0) |
		    (mail->ret_hdrs ? ENVELOPE_RET_HDRS : 0),
		.envid = mail->envid,
		.ident = clean_ident(&m->clean),
		.verp = mail->verp,
		.nrcpts = m->nrcpts,
		.rcpts = m->rcpts,
	};
	put_client(m, e, addr);
}

/* How many more commits may follow soon; told only along with one. */
static void tell_expected(struct handover *h)
{
	uint32_t n = h->p->nreceiving;

	if (n == h->expected)
		return;
	h->expected = n;
	wire_put_u32(chan_begin(h->chan, QUEUE_EXPECT), n);
	chan_end(h->chan);
}

void handover_commit(struct handover *h, struct message *m)
{
	CLEANUP(buf_done) struct buf addr = BUF_INIT(ADDR_MAX);
	struct queue_commit commit = {
		.blob = m->place == PLACE_BLOB,
	};

	if (!h->chan) {
		message_fail(m, QUEUE_ERROR);
		return;
	}
	make_known(h, m);
	commit.tag = m->tag;
	if (!commit.blob)
		commit.content = buf_span(&m->content);
	put_envelope(m, &commit.envelope, &addr);
	queue_commit_put(chan_begin(h->chan, QUEUE_COMMIT), &commit);
	chan_end(h->chan);
	message_sent(m);
	tell_expected(h);
}

/* ---- what the queue says ---- */

static struct message *find(struct handover *h, uint64_t tag)
{
	uint64_t hash = hash_u64(tag);
	struct hnode *n;

	for (n = hmap_first(&h->known, hash); n; n = hmap_next(n, hash)) {
		struct message *m = CONTAINER_OF(n, struct message, node);

		if (m->tag == tag)
			return m;
	}
	return NULL;
}

/* The end of a commit, or of the hope for one. */
static void settled(struct handover *h, struct message *m, uint8_t fate)
{
	struct session *s = m->session;

	forget(h, m);
	m->fate = fate;
	if (s)
		session_resume(s);
	else
		message_free(&m);
}

static bool on_ids(struct handover *h, struct chan_msg *msg)
{
	struct queue_ids m;

	if (!queue_ids_get(msg->payload, &m))
		return false;
	/* What is left of the last range is given up: ids are plenty. */
	h->next_id = m.first;
	h->ids = m.count;
	h->wants_ids = false;
	resume_all(h);
	return true;
}

static bool on_space(struct handover *h, struct chan_msg *msg)
{
	struct wire w = wire_from(msg->payload);

	h->space = wire_u64(&w);
	return wire_is_done(&w);
}

static bool on_blob(struct handover *h, struct chan_msg *msg)
{
	struct queue_tag t;
	struct message *m;
	struct session *s;

	if (!queue_result_get(msg->payload, &t))
		return false;
	m = find(h, t.tag);
	if (!m)
		return true;
	if (m->place != PLACE_ASKED || (t.result == QUEUE_OK && msg->nfds != 1))
		return false;
	s = m->session;
	if (t.result == QUEUE_OK) {
		message_blob(m, STEAL_FD(msg->fds[0]));
	} else {
		forget(h, m);
		message_fail(m, (enum queue_result)t.result);
	}
	if (s && s->wait == WAIT_QUEUE)
		session_resume(s);
	return true;
}

static bool on_done(struct handover *h, struct chan_msg *msg)
{
	struct queue_tag t;
	struct message *m;

	if (!queue_result_get(msg->payload, &t))
		return false;
	m = find(h, t.tag);
	if (!m || !m->committed)
		return false;
	settled(h, m, t.result);
	return true;
}

static const struct {
	uint16_t type;
	bool (*run)(struct handover *h, struct chan_msg *msg);
} messages[] = {
	{ QUEUE_DONE, on_done },
	{ QUEUE_IDS, on_ids },
	{ QUEUE_SPACE, on_space },
	{ QUEUE_BLOB, on_blob },
};

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct handover *h = ctx;

	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		if (messages[i].type == msg->type && messages[i].run(h, msg))
			return;
	log_warn("smtpd", "malformed message from the queue process");
	chan_fail(h->chan, -EPROTO);
}

/* All hopes are gone with the queue process. */
static void lose_all(struct handover *h)
{
	struct hnode *n;

	while ((n = hmap_any(&h->known))) {
		struct message *m = CONTAINER_OF(n, struct message, node);
		struct session *s = m->session;

		if (m->committed) {
			settled(h, m, QUEUE_ERROR);
			continue;
		}
		forget(h, m);
		message_fail(m, QUEUE_ERROR);
		if (s && s->wait == WAIT_QUEUE)
			session_resume(s);
	}
}

static void on_gone(void *ctx, int error)
{
	struct handover *h = ctx;

	(void)error;
	chan_free(&h->chan);
	h->wants_ids = false;
	h->expected = 0;
	/* Ids that were granted stay ours: the spool remembers. */
	lose_all(h);
	resume_all(h);
}

static void on_drained(void *ctx)
{
	resume_all(ctx);
}

void handover_queue(struct handover *h, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
		.drained = on_drained,
	};
	int r;

	if (h->chan)
		on_gone(h, 0);
	r = chan_new(h->p->loop, fd, &calls, h, &h->chan);
	if (r < 0)
		log_error("smtpd", "queue process: %s", strerror(-r));
}

struct handover *handover_new(struct smtpd *p)
{
	struct handover *h = NEW(struct handover);

	h->p = p;
	h->next_tag = 1;
	h->space = UINT64_MAX;
	hmap_init(&h->known);
	list_init(&h->waiting);
	h->timer.fn = on_timer;
	h->timer.ctx = h;
	return h;
}

void handover_free(struct handover **handover)
{
	struct handover *h = STEAL(*handover);

	if (!h)
		return;
	loop_timer_stop(h->p->loop, &h->timer);
	chan_free(&h->chan);
	hmap_done(&h->known);
	mem_free(h);
}
