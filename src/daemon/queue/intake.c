/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/intake.c - taking messages from smtpd.
 *
 * A hand-over (`struct intake_tag`) lives from the first word about it to
 * the DONE. When its smtpd is gone, nobody is left to tell: a message whose
 * commit is under way is delivered all the same (the client may send it
 * again, never lose it), a blob that was being written is dropped.
 */
#include "daemon/queue/active.h"

#include "os/log.h"

#include <errno.h>

enum {
	SPACE_INTERVAL = 1000 * 1000, /* how often free space is looked at */
	/* smtpd may have read a little more before it asked for a blob. */
	CONTENT_MAX = 2 * QUEUE_INLINE_MAX,
	RANGE = QUEUE_IDS_BATCH,
	RANGES_MAX = 16384,      /* that one smtpd may use ids of */
	GRANT_PAUSE = 10 * 1000, /* at least, between two grants */
	BLOBS_MAX = 4096,        /* that one smtpd may write at a time */
	EXPECTED_MAX = 65536,    /* of one smtpd */
};

/* Counters of ids: first <= counter < end. */
struct range {
	uint64_t first;
	uint64_t end;
};

struct intake {
	struct list link; /* in q->intakes */
	struct queue *q;
	struct chan *chan;
	struct list blobs;   /* struct intake_tag: being written */
	struct list commits; /* struct intake_tag: on the way to the disk */
	unsigned instance;
	uint32_t expected;
	bool wants_ids;
	usec granted;         /* when it got ids last */
	struct range *ranges; /* its ids, in ascending order */
	size_t nranges;
	size_t nblobs;
	uint64_t space_told;
};

struct intake_tag {
	struct active_origin origin;
	struct list link;
	struct intake *intake; /* NULL: gone */
	uint64_t tag;
	struct spool_blob *blob;
};

static struct intake_tag *find_blob(struct intake *in, uint64_t tag)
{
	LIST_FOR(l, &in->blobs)
	{
		struct intake_tag *t = CONTAINER_OF(l, struct intake_tag, link);

		if (t->tag == tag)
			return t;
	}
	return NULL;
}

static struct intake_tag *add_tag(struct intake *in, uint64_t tag)
{
	struct intake_tag *t = NEW(struct intake_tag);

	t->intake = in;
	t->tag = tag;
	list_append(&in->blobs, &t->link);
	in->nblobs++;
	return t;
}

static void start_commit(struct intake *in, struct intake_tag *t)
{
	list_remove(&t->link);
	list_append(&in->commits, &t->link);
	in->nblobs--;
}

static void drop_tag(struct queue *q, struct intake_tag *t)
{
	list_remove(&t->link);
	t->intake->nblobs--;
	spool_blob_free(q->spool, &t->blob);
	mem_free(t);
}

static void send_done(struct intake *in, uint64_t tag, enum queue_result r)
{
	queue_result_put(chan_begin(in->chan, QUEUE_DONE), tag, r);
	chan_end(in->chan);
}

/* ---- ids ---- */

/*
 * Nobody uses an id that is another's. Ids are given away in ascending order,
 * so a new range continues the last one or follows it; the oldest ones are
 * forgotten when millions of messages have come since.
 */
static void add_range(struct intake *in, uint64_t first, uint32_t count)
{
	size_t old;

	if (in->nranges && in->ranges[in->nranges - 1].end == first) {
		in->ranges[in->nranges - 1].end += count;
		return;
	}
	if (in->nranges == RANGES_MAX) {
		old = in->nranges / 2;
		in->nranges -= old;
		memmove(in->ranges, in->ranges + old,
		    in->nranges * sizeof(*in->ranges));
	}
	if (!(in->nranges & (in->nranges - 1)))
		in->ranges = mem_resize(in->ranges,
		    in->nranges ? in->nranges * 2 : 1, sizeof(*in->ranges));
	in->ranges[in->nranges++] = (struct range){ first, first + count };
}

/* smtpd goes on with ids that a former queue process has granted. */
static bool is_granted(const struct intake *in, uint64_t counter)
{
	size_t from = 0;
	size_t to = in->nranges;

	if (counter < in->q->first_id)
		return counter >= MSGID_FIRST_COUNTER;
	while (from < to) {
		size_t mid = (from + to) / 2;

		if (counter < in->ranges[mid].first)
			to = mid;
		else if (counter >= in->ranges[mid].end)
			from = mid + 1;
		else
			return true;
	}
	return false;
}

static bool take_ids(struct queue *q, uint32_t count, uint64_t *ret_first)
{
	if (!spool_grant_ids(q->spool, count, ret_first))
		return false;
	q->first_id = MIN(q->first_id, *ret_first);
	return true;
}

static void grant(struct intake *in)
{
	struct queue_ids m = { .count = RANGE };
	usec now = loop_now(in->q->loop);

	in->wants_ids = true;
	/* Nobody takes mail that fast: all ids would be used up one day. */
	if (in->granted && now < in->granted + GRANT_PAUSE)
		return;
	if (!take_ids(in->q, m.count, &m.first)) {
		queue_touch_spool(in->q);
		return;
	}
	in->wants_ids = false;
	in->granted = now;
	add_range(in, m.first, m.count);
	queue_ids_put(chan_begin(in->chan, QUEUE_IDS), &m);
	chan_end(in->chan);
}

void intake_retry(struct queue *q)
{
	LIST_FOR(l, &q->intakes)
	{
		struct intake *in = CONTAINER_OF(l, struct intake, link);

		if (in->wants_ids)
			grant(in);
	}
}

msgid intake_new_id(struct queue *q)
{
	uint64_t counter;

	if (!take_ids(q, 1, &counter))
		return 0;
	return msgid_make(counter, loop_wall(q->loop));
}

/* ---- space ---- */

/* The largest message that would be taken: as Postfix, there must be room
 * for queue_minfree, and for one and a half times the largest message. */
static uint64_t acceptable(struct queue *q)
{
	uint64_t limit = q->set.message_size_limit;

	if (!spool_has_room(q->spool, limit + limit / 2))
		return 0;
	return limit ? limit : UINT64_MAX;
}

static void tell_space(struct intake *in)
{
	uint64_t space = acceptable(in->q);

	if (space == in->space_told)
		return;
	in->space_told = space;
	wire_put_u64(chan_begin(in->chan, QUEUE_SPACE), space);
	chan_end(in->chan);
}

static void on_space_timer(void *ctx)
{
	struct queue *q = ctx;

	LIST_FOR(l, &q->intakes)
	tell_space(CONTAINER_OF(l, struct intake, link));
	intake_retry(q);
	loop_timer_set(
	    q->loop, &q->space_timer, loop_now(q->loop) + SPACE_INTERVAL);
}

/* ---- messages ---- */

static void on_committed(struct active_origin *o, enum queue_result r)
{
	struct intake_tag *t = CONTAINER_OF(o, struct intake_tag, origin);

	if (t->intake)
		send_done(t->intake, t->tag, r);
	list_remove(&t->link);
	mem_free(t);
}

static bool is_sound(const struct queue_commit *m, const struct intake_tag *t)
{
	const struct intake *in = t->intake;
	msgid id = m->envelope.id;

	return m->envelope.nrcpts && m->blob == (t->blob != NULL) &&
	    m->content.len <= (m->blob ? 0 : CONTENT_MAX) &&
	    is_granted(in, msgid_counter(id)) &&
	    !roster_find(&in->q->roster, id);
}

/* The envelope's own bytes are the end of the payload; it was decoded once
 * to check it, and is stored as it came. */
static bool take_message(struct intake *in, struct intake_tag *t, span payload,
    const struct queue_commit *m)
{
	struct queue *q = in->q;
	struct active *a;
	size_t head = 8 + 1 + 4 + m->content.len;

	if (!is_sound(m, t))
		return false;
	a = active_new(q, m->envelope.id);
	buf_put(&a->envelope_bytes, span_from(payload, head));
	buf_put(&a->content_bytes, m->content);
	a->blob = STEAL(t->blob);
	start_commit(in, t);
	t->origin.committed = on_committed;
	a->origin = &t->origin;
	if (!active_decode(a))
		bug("an envelope that was sound a moment ago");
	active_commit(a);
	return true;
}

static bool on_commit(struct intake *in, span payload)
{
	struct arena scratch;
	struct queue_commit m;
	struct intake_tag *t;
	bool taken = false;

	arena_init(&scratch, FRAME_MAX);
	if (queue_commit_get(payload, &scratch, &m)) {
		t = find_blob(in, m.tag);
		if (!t)
			t = add_tag(in, m.tag);
		taken = take_message(in, t, payload, &m);
	}
	arena_done(&scratch);
	return taken;
}

static bool on_want_blob(struct intake *in, span payload)
{
	struct intake_tag *t;
	uint64_t tag;
	int fd;
	int r = -EMFILE;

	if (!queue_tag_get(payload, &tag) || find_blob(in, tag))
		return false;
	t = add_tag(in, tag);
	if (in->nblobs <= BLOBS_MAX)
		r = spool_blob_new(in->q->spool, &t->blob);
	if (r) {
		if (r < 0)
			log_warn(
			    "qmgr", "new file in the queue: %s", strerror(-r));
		queue_result_put(chan_begin(in->chan, QUEUE_BLOB), tag,
		    r == SPOOL_FULL ? QUEUE_FULL : QUEUE_ERROR);
		drop_tag(in->q, t);
	} else {
		fd = spool_blob_fd(t->blob);
		queue_result_put(chan_begin_fds(in->chan, QUEUE_BLOB, &fd, 1),
		    tag, QUEUE_OK);
	}
	chan_end(in->chan);
	return true;
}

static bool on_drop(struct intake *in, span payload)
{
	struct intake_tag *t;
	uint64_t tag;

	if (!queue_tag_get(payload, &tag))
		return false;
	t = find_blob(in, tag);
	if (t)
		drop_tag(in->q, t);
	return true;
}

static void tell_expected(struct queue *q)
{
	unsigned sum = 0;

	LIST_FOR(l, &q->intakes)
	sum += CONTAINER_OF(l, struct intake, link)->expected;
	spool_expect(q->spool, sum);
}

static bool on_expect(struct intake *in, span payload)
{
	struct wire w = wire_from(payload);

	in->expected = MIN(wire_u32(&w), (uint32_t)EXPECTED_MAX);
	tell_expected(in->q);
	return wire_is_done(&w);
}

static bool on_more_ids(struct intake *in, span payload)
{
	if (payload.len)
		return false;
	grant(in);
	return true;
}

static const struct {
	uint16_t type;
	bool (*run)(struct intake *in, span payload);
} messages[] = {
	{ QUEUE_COMMIT, on_commit },
	{ QUEUE_EXPECT, on_expect },
	{ QUEUE_WANT_BLOB, on_want_blob },
	{ QUEUE_DROP, on_drop },
	{ QUEUE_MORE_IDS, on_more_ids },
};

static void on_message(void *ctx, struct chan_msg *msg)
{
	struct intake *in = ctx;

	for (size_t i = 0; i < ARRAY_LEN(messages); i++)
		if (messages[i].type == msg->type &&
		    messages[i].run(in, msg->payload))
			return;
	log_warn(
	    "qmgr", "malformed message from smtpd process %u", in->instance);
	chan_fail(in->chan, -EPROTO);
}

static void forget_blobs(struct intake *in)
{
	LIST_FOR(l, &in->blobs)
	drop_tag(in->q, CONTAINER_OF(l, struct intake_tag, link));
}

static void intake_free(struct intake *in)
{
	forget_blobs(in);
	LIST_FOR(l, &in->commits)
	{
		CONTAINER_OF(l, struct intake_tag, link)->intake = NULL;
		list_remove(l);
	}
	list_remove(&in->link);
	chan_free(&in->chan);
	mem_free(in->ranges);
	mem_free(in);
}

static void on_gone(void *ctx, int error UNUSED)
{
	struct intake *in = ctx;
	struct queue *q = in->q;

	intake_free(in);
	tell_expected(q);
	queue_peer_gone(q);
}

void intake_forget_blobs(struct queue *q)
{
	LIST_FOR(l, &q->intakes)
	forget_blobs(CONTAINER_OF(l, struct intake, link));
}

void intake_end(struct queue *q)
{
	LIST_FOR(l, &q->intakes)
	intake_free(CONTAINER_OF(l, struct intake, link));
}

void intake_add(struct queue *q, unsigned instance, int fd)
{
	static const struct chan_calls calls = {
		.message = on_message,
		.gone = on_gone,
	};
	struct intake *in = NEW(struct intake);
	int r;

	in->q = q;
	in->instance = instance;
	in->space_told = UINT64_MAX - 1;
	list_init(&in->link);
	list_init(&in->blobs);
	list_init(&in->commits);
	r = chan_new(q->loop, fd, &calls, in, &in->chan);
	if (r < 0) {
		log_warn(
		    "qmgr", "smtpd process %u: %s", instance, strerror(-r));
		mem_free(in);
		return;
	}
	list_append(&q->intakes, &in->link);
	tell_space(in);
	grant(in);
}

void intake_init(struct queue *q)
{
	list_init(&q->intakes);
	q->first_id = UINT64_MAX;
	q->space_timer.fn = on_space_timer;
	q->space_timer.ctx = q;
	loop_timer_set(
	    q->loop, &q->space_timer, loop_now(q->loop) + SPACE_INTERVAL);
}
