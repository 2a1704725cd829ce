/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/claims.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/deliver/work.h"
#include "mail/address.h"

/* The worker's end */

/* The parent is gone, or not itself: the message can be tried again. */
static int lost(struct mailbox_trouble *t)
{
	t->status = SPAN("4.3.0");
	buf_clear(&t->reason);
	buf_put(&t->reason, SPAN("lost connection with the mail system"));
	return MAILBOX_REFUSED;
}

/* The status as one of the constants that it can be. */
static span known_status(span status)
{
	static const span known[] = {
		SPAN_INIT("4.2.0"),
		SPAN_INIT("5.2.0"),
		SPAN_INIT("5.2.2"),
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (span_eq(known[i], status))
			return known[i];
	return SPAN("4.3.0");
}

static int take_claim(
    const struct work_claimed *answer, struct sync_msg *msg, struct mailbox *m)
{
	if (msg->nfds != (answer->has_lock ? 2 : 1))
		return -EPROTO;
	m->fd = STEAL_FD(msg->fds[0]);
	if (answer->has_lock)
		m->lock.fd = STEAL_FD(msg->fds[1]);
	m->left = (struct dotlock_left){
		.found = answer->left,
		.inode = answer->left_inode,
		.size = answer->left_size,
	};
	return MAILBOX_OK;
}

int claims_ask(struct sync_conn *conn, const char *name, struct mailbox *m,
    struct mailbox_trouble *t)
{
	struct work_claimed answer;
	struct sync_msg msg;

	wire_put_span(sync_begin(conn, WORK_CLAIM), span_str(name));
	sync_end(conn);
	if (sync_recv(conn, &msg) != SYNC_OK || msg.type != WORK_CLAIMED ||
	    !work_claimed_get(msg.payload, &answer))
		return lost(t);
	if (answer.result == MAILBOX_OK)
		return take_claim(&answer, &msg, m) < 0 ? lost(t) : MAILBOX_OK;
	t->status = known_status(answer.status);
	buf_clear(&t->reason);
	buf_put(&t->reason, span_first(answer.reason, MAILBOX_REASON_MAX));
	return answer.result == MAILBOX_LOCKED ? MAILBOX_LOCKED
	                                       : MAILBOX_REFUSED;
}

void claims_give_back(struct sync_conn *conn, struct mailbox *m, bool damaged)
{
	mailbox_abandon(m);
	wire_put_u8(sync_begin(conn, WORK_RELEASE), damaged);
	sync_end(conn);
	/* If the parent is gone, the lock file is the next one's to repair. */
	(void)!sync_flush(conn);
}

/* The parent's end */

struct claims {
	struct chan *chan;
	const struct mailbox_spec *spec;
	const struct claims_calls *calls;
	void *ctx;
	struct buf name; /* of the claim; empty: there is none */
	struct mailbox mailbox;
};

static void refuse_claim(
    struct claims *c, int result, const struct mailbox_trouble *t)
{
	struct work_claimed answer = {
		.result = (uint8_t)result,
		.status = t->status,
		.reason = buf_span(&t->reason),
	};

	work_claimed_put(chan_begin(c->chan, WORK_CLAIMED), &answer);
	chan_end(c->chan);
	buf_clear(&c->name);
}

static void grant_claim(struct claims *c)
{
	struct mailbox *m = &c->mailbox;
	int fds[2] = { m->fd, m->lock.fd };
	struct work_claimed answer = {
		.result = MAILBOX_OK,
		.has_lock = m->lock.fd >= 0,
		.left = m->left.found,
		.left_inode = m->left.inode,
		.left_size = m->left.size,
	};

	work_claimed_put(
	    chan_begin_fds(c->chan, WORK_CLAIMED, fds, answer.has_lock ? 2 : 1),
	    &answer);
	chan_end(c->chan);
	mailbox_close(m);
}

static bool on_claim(struct claims *c, span payload)
{
	struct mailbox_trouble trouble = {
		.reason = BUF_INIT(MAILBOX_REASON_MAX),
	};
	struct mailbox_spec spec = *c->spec;
	struct wire w = wire_from(payload);
	span name = wire_span(&w);
	int r;

	if (!wire_is_done(&w) || c->name.len > 0 ||
	    !c->calls->may_claim(c->ctx, name))
		return false;
	buf_put(&c->name, name);
	spec.name = buf_cstr(&c->name);
	mailbox_init(&c->mailbox);
	r = mailbox_claim(&c->mailbox, &spec, &trouble);
	if (r == MAILBOX_OK)
		grant_claim(c);
	else
		refuse_claim(c, r, &trouble);
	buf_done(&trouble.reason);
	return true;
}

static bool on_release(struct claims *c, span payload)
{
	struct mailbox_spec spec = *c->spec;
	struct wire w = wire_from(payload);
	bool damaged = wire_u8(&w);

	if (!wire_is_done(&w) || c->name.len == 0)
		return false;
	spec.name = buf_cstr(&c->name);
	if (damaged)
		mailbox_abandon(&c->mailbox);
	else
		mailbox_release(&c->mailbox, &spec);
	buf_clear(&c->name);
	return true;
}

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct claims *c = ctx;
	bool ok = false;

	if (msg->type == WORK_CLAIM)
		ok = on_claim(c, msg->payload);
	else if (msg->type == WORK_RELEASE)
		ok = on_release(c, msg->payload);
	if (!ok)
		c->calls->broken(c->ctx);
}

/* The worker's other line tells of its end. */
static void on_gone(void *ctx, int error)
{
	(void)ctx;
	(void)error;
}

int claims_new(struct loop *l, int fd, const struct mailbox_spec *spec,
    const struct claims_calls *calls, void *ctx, struct claims **ret_claims)
{
	static const struct chan_calls chan_calls = {
		.message = on_message,
		.gone = on_gone,
	};
	struct claims *c = NEW(struct claims);
	int r;

	c->spec = spec;
	c->calls = calls;
	c->ctx = ctx;
	buf_init(&c->name, ADDRESS_MAX);
	mailbox_init(&c->mailbox);
	r = chan_new(l, fd, &chan_calls, c, &c->chan);
	if (r < 0) {
		claims_free(&c);
		return r;
	}
	*ret_claims = c;
	return 0;
}

void claims_free(struct claims **claims)
{
	struct claims *c = STEAL(*claims);

	if (!c)
		return;
	chan_free(&c->chan);
	mailbox_close(&c->mailbox);
	mailbox_abandon(&c->mailbox);
	buf_done(&c->name);
	mem_free(c);
}
