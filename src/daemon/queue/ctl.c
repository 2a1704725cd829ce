/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/ctl.c - mailq and postqueue.
 *
 * A listing is made in slices: a slice of messages is read from the spool,
 * and when all of it is there it is sent, and the next slice is read when
 * the command has taken that. So a million messages are listed in bounded
 * memory, in the order of their arrival, while mail goes on.
 *
 * Anybody may connect. The kernel tells who it is; authorized_mailq_users
 * and authorized_flush_users tell what he may do.
 */
#include "daemon/queue/active.h"

#include "ipc/msg_ctl.h"
#include "os/log.h"
#include "os/sock.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

enum { SLICE = 64, CLIENTS_MAX = 64 };

struct item {
	msgid id;
	enum ctl_queue queue;
};

struct ctl {
	struct list link; /* in q->ctls */
	struct queue *q;
	struct chan *chan; /* NULL: gone, waiting for its reads */
	uid_t uid;
	struct item *items;
	size_t nitems;
	size_t next;             /* first item not yet in a slice */
	unsigned reads;          /* of this slice, not answered */
	struct buf slots[SLICE]; /* encoded entries of this slice */
	uint32_t sent;
};

struct slot_read {
	struct ctl *c;
	struct buf *slot;
	struct item item;
};

static void ctl_free(struct ctl *c)
{
	if (c->chan)
		chan_free(&c->chan);
	if (c->reads)
		return; /* the last read comes back here */
	for (size_t i = 0; i < SLICE; i++)
		buf_done(&c->slots[i]);
	list_remove(&c->link);
	mem_free(c->items);
	mem_free(c);
}

static void end(struct ctl *c, uint32_t count)
{
	wire_put_u32(chan_begin(c->chan, CTL_END), count);
	chan_end(c->chan);
}

/* ---- who may ---- */

/*
 * "static:anyone", or a list of user names. Names are looked up when asked:
 * the sandbox leaves the password file open to us.
 */
static bool is_listed(span list, uid_t uid)
{
	struct passwd *pw = getpwuid(uid);
	span word;

	while ((word = span_word(&list, " \t\r\n,")).len) {
		if (span_eq(word, SPAN("static:anyone")))
			return true;
		if (pw && span_eq(word, span_str(pw->pw_name)))
			return true;
	}
	return false;
}

static bool may(struct ctl *c, span list, const char *what)
{
	struct passwd *pw;
	struct buf text = BUF_INIT(512);

	if (c->uid == 0 || c->uid == getuid() || is_listed(list, c->uid))
		return true;
	pw = getpwuid(c->uid);
	buf_printf(&text, "User %s(%ld) is not allowed to %s",
	    pw ? pw->pw_name : "unknown", (long)c->uid, what);
	wire_put_span(chan_begin(c->chan, CTL_DENIED), buf_span(&text));
	chan_end(c->chan);
	buf_done(&text);
	return false;
}

/* ---- listing ---- */

static enum ctl_queue queue_of(const struct message *m)
{
	if (m->flags & MESSAGE_HELD)
		return CTL_HOLD;
	if (m->active)
		return CTL_ACTIVE;
	return m->flags & MESSAGE_FRESH ? CTL_INCOMING : CTL_DEFERRED;
}

static int by_queue_and_age(const void *x, const void *y)
{
	const struct item *a = x;
	const struct item *b = y;

	if (a->queue != b->queue)
		return a->queue < b->queue ? -1 : 1;
	return (msgid_counter(a->id) > msgid_counter(b->id)) -
	    (msgid_counter(a->id) < msgid_counter(b->id));
}

static void collect(struct ctl *c)
{
	const struct roster *x = &c->q->roster;

	c->items = mem_new(x->by_id.count, sizeof(*c->items));
	for (struct hnode *n = hmap_each(&x->by_id, NULL); n;
	     n = hmap_each(&x->by_id, n)) {
		struct message *m = CONTAINER_OF(n, struct message, node);

		/* Not on the disk yet: there is no such message. */
		if (m->active && m->active->origin)
			continue;
		c->items[c->nitems++] =
		    (struct item){ .id = m->id, .queue = queue_of(m) };
	}
	qsort(c->items, c->nitems, sizeof(*c->items), by_queue_and_age);
}

static struct ctl_entry entry_of(
    const struct envelope *e, const struct item *item)
{
	return (struct ctl_entry){
		.id = item->id,
		.arrival = e->arrival,
		.size = e->size,
		.queue = (uint8_t)item->queue,
		.sender = e->sender,
	};
}

static void put_active(
    struct buf *out, const struct active *a, const struct item *item)
{
	struct ctl_entry entry = entry_of(&a->envelope, item);
	struct state s = active_state(a);

	entry.rcpts = mem_new(s.nrcpts + s.nparts, sizeof(*entry.rcpts));
	entry.forced_expire = a->message->flags & MESSAGE_EXPIRE;
	entry.nrcpts = state_list(&a->envelope, &s, entry.rcpts);
	ctl_entry_put(out, &entry);
	mem_free(entry.rcpts);
	mem_free(s.rcpts);
	mem_free(s.parts);
}

static void put_record(
    struct buf *out, const struct spool_record *rec, const struct item *item)
{
	struct wire w = wire_from(rec->envelope);
	struct state s = { 0 };
	struct ctl_entry entry;
	struct envelope e;
	struct arena scratch;

	arena_init(&scratch, FRAME_MAX);
	if (envelope_get(&w, &scratch, &e) &&
	    (!rec->has_state || state_get(rec->state, &scratch, &s))) {
		entry = entry_of(&e, item);
		entry.rcpts = arena_alloc(
		    &scratch, e.nrcpts + s.nparts, sizeof(*entry.rcpts));
		if (entry.rcpts)
			entry.nrcpts = state_list(&e, &s, entry.rcpts);
		ctl_entry_put(out, &entry);
	}
	arena_done(&scratch);
}

/* The whole slice is there. */
static void send_slice(struct ctl *c)
{
	for (size_t i = 0; i < SLICE; i++) {
		struct buf *slot = &c->slots[i];

		if (slot->len && !slot->failed) {
			buf_put(chan_begin(c->chan, CTL_ENTRY), buf_span(slot));
			chan_end(c->chan);
			c->sent++;
		}
		buf_clear(slot);
	}
}

static void list_on(struct ctl *c);

static void on_read(void *ctx, int result, const struct spool_record *rec)
{
	struct slot_read *s = ctx;
	struct ctl *c = s->c;

	/* Gone in the meantime: it was delivered. */
	if (result == SPOOL_OK)
		put_record(s->slot, rec, &s->item);
	mem_free(s);
	if (--c->reads)
		return;
	if (!c->chan) {
		ctl_free(c);
		return;
	}
	send_slice(c);
	list_on(c);
}

static void read_item(struct ctl *c, struct buf *slot, const struct item *item)
{
	struct message *m = roster_find(&c->q->roster, item->id);
	struct slot_read *s;

	if (!m)
		return;
	if (m->active && m->active->rcpts) {
		put_active(slot, m->active, item);
		return;
	}
	s = NEW(struct slot_read);
	*s = (struct slot_read){ .c = c, .slot = slot, .item = *item };
	c->reads++;
	spool_read(c->q->spool, item->id, on_read, s);
	queue_touch_spool(c->q);
}

/* Slice after slice, until something is waited for: the spool (on_read) or
 * the command, which has to take what is there (on_drained). */
static void list_on(struct ctl *c)
{
	while (c->next < c->nitems) {
		if (chan_backlog(c->chan) > CHAN_HIGH_WATER)
			return;
		for (size_t i = 0; i < SLICE && c->next < c->nitems; i++)
			read_item(c, &c->slots[i], &c->items[c->next++]);
		if (c->reads)
			return;
		send_slice(c);
	}
	end(c, c->sent);
}

/* ---- requests ---- */

static void on_list(struct ctl *c, span payload UNUSED)
{
	if (!may(c, c->q->set.authorized_mailq_users, "view the mail queue"))
		return;
	collect(c);
	list_on(c);
}

static bool may_flush(struct ctl *c)
{
	return may(c, c->q->set.authorized_flush_users, "flush the mail queue");
}

static void on_flush(struct ctl *c, span payload UNUSED)
{
	if (may_flush(c))
		end(c, active_hurry(c->q, NULL));
}

static void on_flush_id(struct ctl *c, span payload)
{
	struct wire w = wire_from(payload);
	struct message *m = NULL;
	msgid id;

	if (!may_flush(c))
		return;
	if (msgid_parse(wire_span(&w), &id))
		m = roster_find(&c->q->roster, id);
	end(c, m ? active_hurry(c->q, m) : 0);
}

static void on_flush_site(struct ctl *c, span payload)
{
	struct wire w = wire_from(payload);
	span site = wire_span(&w);
	const struct roster *x = &c->q->roster;
	uint32_t count = 0;

	if (!may_flush(c))
		return;
	/* One with recipients in several domains may have one there. */
	for (struct hnode *n = hmap_each(&x->by_id, NULL); n;
	     n = hmap_each(&x->by_id, n)) {
		struct message *m = CONTAINER_OF(n, struct message, node);

		if ((m->flags & MESSAGE_MANY) ||
		    span_eq_nocase(roster_domain(m), site))
			count += active_hurry(c->q, m);
	}
	end(c, count);
}

static const struct {
	uint16_t type;
	void (*run)(struct ctl *c, span payload);
} requests[] = {
	{ CTL_LIST, on_list },
	{ CTL_FLUSH, on_flush },
	{ CTL_FLUSH_ID, on_flush_id },
	{ CTL_FLUSH_SITE, on_flush_site },
};

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct ctl *c = ctx;

	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		if (requests[i].type != msg->type || c->items)
			continue;
		requests[i].run(c, msg->payload);
		return;
	}
	chan_fail(c->chan, -EPROTO);
}

static void on_gone(void *ctx, int error UNUSED)
{
	ctl_free(ctx);
}

static void on_drained(void *ctx)
{
	struct ctl *c = ctx;

	if (c->items && !c->reads && c->next < c->nitems)
		list_on(c);
}

/* When it is crowded, the one of a user that is here longest makes room: so
 * nobody keeps others out by doing nothing. */
static void make_room(struct queue *q)
{
	struct ctl *oldest = NULL;
	size_t n = 0;

	LIST_FOR(l, &q->ctls)
	{
		struct ctl *c = CONTAINER_OF(l, struct ctl, link);

		n++;
		if (!oldest && c->chan && c->uid != 0)
			oldest = c;
	}
	if (n >= CLIENTS_MAX && oldest)
		chan_fail(oldest->chan, -EBUSY);
}

static void on_connect(void *ctx, unsigned events UNUSED)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
		.drained = on_drained,
	};
	struct queue *q = ctx;
	struct ctl *c;
	uid_t uid;
	int fd = sock_accept(q->ctl_fd, NULL);

	if (fd < 0)
		return;
	if (sock_peer_uid(fd, &uid) < 0) {
		(void)close(fd);
		return;
	}
	make_room(q);
	c = NEW(struct ctl);
	c->q = q;
	c->uid = uid;
	for (size_t i = 0; i < SLICE; i++)
		buf_init(&c->slots[i], FRAME_MAX);
	list_init(&c->link);
	list_append(&q->ctls, &c->link);
	if (chan_new(q->loop, fd, &calls, c, &c->chan) < 0)
		ctl_free(c);
}

void ctl_init(struct queue *q)
{
	list_init(&q->ctls);
	q->ctl_fd = -1;
}

void ctl_unlisten(struct queue *q)
{
	loop_unwatch(&q->ctl_watch);
	if (q->ctl_fd >= 0)
		(void)close(STEAL_FD(q->ctl_fd));
}

void ctl_end(struct queue *q)
{
	ctl_unlisten(q);
	LIST_FOR(l, &q->ctls)
	ctl_free(CONTAINER_OF(l, struct ctl, link));
}

void ctl_listen(struct queue *q, int fd)
{
	int r;

	ctl_unlisten(q);
	q->ctl_fd = fd;
	r = loop_watch(q->loop, fd, LOOP_IN, on_connect, q, &q->ctl_watch);
	if (r < 0)
		log_warn("qmgr", "control socket: %s", strerror(-r));
}
