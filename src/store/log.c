/* SPDX-License-Identifier: ISC */
/*
 * store/log.c - records go in: heads, groups, the group commit.
 *
 *	log_put*() --room--> gathering --due--> flying --flush--> entered
 *	     |                   |                 |
 *	     no room          head full         failed: log_fail()
 *	     v                   v                 v
 *	   parked --room-->   closed --------->  placed again, or refused
 *
 * One group of the hot head is in flight at a time (its thread does one write
 * and one flush), and one gathers behind it. When the head is full in the
 * middle of a group, that group is closed as it is and the next one begins
 * on a new head; closed groups leave in order.
 *
 * A record is encoded once, into the group's buffer. Records that have to
 * move (out of a failed group, into or out of the park) are copied from one
 * buffer to the next with a new stamp; nobody needs to know what they mean.
 *
 * Only durable records are entered in the index and in the footer-to-be.
 */
#include "store/spool_internal.h"

#include <errno.h>
#include <fcntl.h>

void log_init(struct spool *sp)
{
	list_init(&sp->log.closed);
	gather_init(&sp->log.gather, sp->config.gather_max);
	sp->log.parked_enough = GROUP_ENOUGH;
}

/* --- groups ----------------------------------------------------------- */

static struct group *group_new(struct spool *sp, struct head *head)
{
	struct group *g = NEW(struct group);

	g->sp = sp;
	g->head = head;
	g->fd = -1;
	list_init(&g->link);
	buf_init(&g->bytes, GROUP_MAX);
	buf_init(&g->entries, GROUP_MAX);
	if (head) {
		g->at = head->end;
		head->groups++;
	}
	return g;
}

static void group_free(struct group *g)
{
	if (!g)
		return;
	buf_done(&g->bytes);
	buf_done(&g->entries);
	mem_free(g->waiters);
	mem_free(g);
}

static void add_waiter(struct group *g, size_t at, const struct item *item)
{
	size_t n = g->nwaiters;

	if (!item->fn)
		return;
	if (!(n & (n - 1)))
		g->waiters = mem_resize(
		    g->waiters, n ? n * 2 : 1, sizeof(g->waiters[0]));
	g->waiters[g->nwaiters++] = (struct waiter){ at, item->fn, item->ctx };
}

static bool item_is_number(const struct item *item)
{
	return item->record.type != RECORD_MESSAGE &&
	    item->record.type != RECORD_STATE;
}

static uint64_t item_size(const struct item *item)
{
	const struct record_payload *p = &item->payload;

	if (item->copy.ptr)
		return item->copy.len;
	if (item_is_number(item))
		return record_size(sizeof(item->number));
	return record_size((uint64_t)p->digest.len + p->head.len + p->body.len);
}

static size_t item_entry_size(const struct item *item)
{
	if (item_is_number(item))
		return ENTRY_HEADER + sizeof(item->number);
	return ENTRY_HEADER +
	    (item->copy.ptr ? item->record.digest : item->payload.digest.len);
}

/* Encode it at the end of the group. */
static void group_put(struct group *g, const struct item *item)
{
	size_t start = g->bytes.len;
	struct record r = item->record;
	struct entry e;

	r.stamp = g->head ? g->head->seg->stamp : 0;
	r.group = (uint32_t)(g->at / SEGMENT_BLOCK);
	if (!r.seq)
		r.seq = g->sp->seq++;
	if (item->copy.ptr)
		record_put_copy(&g->bytes, item->copy, r.stamp, r.group);
	else if (item_is_number(item))
		record_put_number(&g->bytes, &r, item->number);
	else
		record_put(&g->bytes, &r, &item->payload);
	if (!g->bytes.failed) {
		entry_of_record(&e, span_from(buf_span(&g->bytes), start), &r,
		    (uint32_t)(g->at + start));
		entry_put(&g->entries, &e);
		if (g->head)
			g->head->planned += entry_size(&e);
	}
	if (g->bytes.failed || g->entries.failed)
		bug("a group of more than %d bytes", GROUP_MAX);
	add_waiter(g, start, item);
	if (r.type == RECORD_MESSAGE)
		g->messages++;
	else if (item->fn)
		g->hurry = true;
}

static uint64_t align_block(uint64_t n)
{
	return (n + SEGMENT_BLOCK - 1) / SEGMENT_BLOCK * SEGMENT_BLOCK;
}

/* With zeros up to the block's end: nothing follows it in there (I3). */
static void group_pad(struct group *g)
{
	size_t n = align_block(g->bytes.len) - g->bytes.len;
	char *room = buf_room(&g->bytes, n);

	if (!room)
		bug("a group of more than %d bytes", GROUP_MAX);
	memset(room, 0, n);
	g->bytes.len += n;
	g->head->end += (uint32_t)g->bytes.len;
}

/* --- heads ------------------------------------------------------------ */

static struct head *head_new(struct segment *seg)
{
	struct head *h = NEW(struct head);

	h->seg = seg;
	h->fd = -1;
	h->end = SEGMENT_DATA;
	h->is_fresh = true;
	buf_init(&h->entries, SEGMENT_MAX);
	return h;
}

static bool head_fits(
    const struct head *h, const struct group *g, const struct item *item)
{
	uint64_t used = g ? g->bytes.len : 0;
	uint64_t end = align_block(h->end + used + item_size(item));
	size_t entries = h->planned + item_entry_size(item);

	/* Room for a note of what was torn, should it be needed. */
	if (h->torn)
		entries += ENTRY_HEADER + sizeof(item->number);
	return end + (h->torn ? SEGMENT_BLOCK : 0) +
	    segment_footer_size(entries) <=
	    h->seg->size;
}

struct seal {
	struct job job;
	struct spool *sp;
	struct segment *seg;
	struct buf entries;
	uint32_t slot;
	uint32_t size;
	uint64_t stamp;
	int fd;           /* to be closed */
	bool with_header; /* it was torn, and guessed */
	unsigned block;
	struct segment_header header;
	int result;
};

static void seal_run(struct job *job)
{
	struct seal *s = CONTAINER_OF(job, struct seal, job);
	const struct store *st = &s->sp->store;

	/* Without footer the segment is scanned at the next start: the same
	 * result, only slower. */
	if (s->with_header)
		s->result =
		    segment_set_header(st, s->slot, s->block, &s->header);
	if (!s->result)
		s->result = segment_seal(
		    st, s->slot, s->size, buf_span(&s->entries), s->stamp);
	if (s->fd >= 0)
		(void)st->ops->close(st->ops->fs, s->fd);
}

static void seal_done(struct job *job)
{
	struct seal *s = CONTAINER_OF(job, struct seal, job);

	s->sp->stats.flushes++;
	if (s->with_header && !s->result)
		s->seg->is_sure = true;
	segment_become(s->seg, SEG_SEALED);
	buf_done(&s->entries);
	mem_free(s);
}

static void start_seal(
    struct spool *sp, struct segment *seg, struct buf *entries, int fd)
{
	struct seal *s = NEW(struct seal);

	*s = (struct seal){
		.job = { .run = seal_run, .done = seal_done },
		.sp = sp,
		.seg = seg,
		.entries = *entries,
		.slot = seg->slot,
		.size = seg->size,
		.stamp = seg->stamp,
		.fd = fd,
		.with_header = !seg->is_sure,
		.block = seg->block,
		.header = segment_header_now(sp, seg),
	};
	*entries = (struct buf){ 0 };
	segment_become(seg, SEG_CLOSING);
	workers_submit(sp->workers, LANE_FILE, &s->job);
}

void log_seal(struct spool *sp, struct segment *seg, struct buf *entries)
{
	start_seal(sp, seg, entries, -1);
}

static void head_free(struct spool *sp, struct head *h)
{
	if (!h)
		return;
	if (h->fd >= 0)
		(void)sp->store.ops->close(sp->store.ops->fs, h->fd);
	buf_done(&h->entries);
	mem_free(h);
}

/* No more groups for this head; when the last one has landed, seal it. */
static void head_close(struct spool *sp, struct head *h)
{
	struct log *log = &sp->log;

	h->is_closing = true;
	segment_become(h->seg, SEG_CLOSING);
	if (log->hot == h)
		log->hot = NULL;
	if (log->cold == h)
		log->cold = NULL;
	if (h->groups)
		return;
	if (h->seg->is_sure)
		start_seal(sp, h->seg, &h->entries, STEAL_FD(h->fd));
	else /* not even its header got there: for the cleaner to free */
		segment_become(h->seg, SEG_SEALED);
	head_free(sp, h);
}

/* A group of the head is through, well or not. */
static void head_unref(struct spool *sp, struct head *h)
{
	h->groups--;
	if (h->is_closing)
		head_close(sp, h);
}

void log_resume(struct spool *sp, struct segment *seg, struct scan *scan)
{
	struct head *h = head_new(seg);

	h->is_fresh = !seg->is_sure;
	h->end = scan->end;
	h->torn = scan->torn;
	buf_done(&h->entries);
	h->entries = scan->entries;
	scan->entries = (struct buf){ 0 };
	h->planned = h->entries.len;
	segment_become(seg, SEG_HEAD);
	if (seg->use == SEGMENT_COLD)
		sp->log.cold = h;
	else
		sp->log.hot = h;
}

/* --- placing ------------------------------------------------------------ */

static void close_gathering(struct log *log)
{
	struct group *g = log->gathering;

	if (!g)
		return;
	group_pad(g);
	list_append(&log->closed, &g->link);
	log->gathering = NULL;
	gather_left(&log->gather);
}

/* A new hot head, if more than `leave` segments are free. */
static bool roll(struct spool *sp, unsigned leave)
{
	struct segment *seg = segments_take(sp, SEGMENT_HOT, leave);

	if (!seg)
		return false;
	close_gathering(&sp->log);
	if (sp->log.hot)
		head_close(sp, sp->log.hot);
	sp->log.hot = head_new(seg);
	return true;
}

/* What a crash left torn behind the head's last group is noted first. */
static struct group *open_group(struct spool *sp, struct head *h)
{
	struct group *g = group_new(sp, h);
	struct item torn = { .record = { .type = RECORD_TORN } };

	torn.number = h->torn;
	if (h->torn)
		group_put(g, &torn);
	h->torn = 0;
	return g;
}

static bool hot_fits(const struct log *log, const struct item *item)
{
	return log->hot && head_fits(log->hot, log->gathering, item);
}

static bool place(struct spool *sp, const struct item *item, unsigned leave)
{
	struct log *log = &sp->log;

	if (!hot_fits(log, item) && !roll(sp, leave))
		return false;
	if (!log->gathering) {
		log->gathering = open_group(sp, log->hot);
		log->gathering->serial = ++log->serial;
	}
	group_put(log->gathering, item);
	log->arrived += item->record.type == RECORD_MESSAGE;
	return true;
}

static void park(struct spool *sp, const struct item *item)
{
	struct log *log = &sp->log;
	struct known *k;

	if (!log->parked)
		log->parked = group_new(sp, NULL);
	if (item->record.type == RECORD_STATE &&
	    log->parked->bytes.len > PARKED_MAX) {
		k = index_find(&sp->index, item->record.id);
		if (k)
			k->pending--;
		spool_answer(sp, item->fn, item->ctx, SPOOL_FULL);
		return;
	}
	group_put(log->parked, item);
}

bool log_put_message(struct spool *sp, const struct item *item)
{
	struct log *log = &sp->log;
	enum room room = segments_room(sp, !hot_fits(log, item), 0);

	log->is_full = room == ROOM_NO;
	if (log->is_full)
		return false;
	if (room == ROOM_WAIT || log->parked ||
	    !place(sp, item, SEGMENTS_RESERVE))
		park(sp, item);
	return true;
}

void log_put(struct spool *sp, const struct item *item)
{
	if (sp->log.parked || !place(sp, item, 1))
		park(sp, item);
}

void log_put_done(struct spool *sp, msgid id, bool is_big, uint64_t stamp)
{
	struct item item = {
		.record = { .id = id,
		    .type = RECORD_DONE,
		    .flags = is_big ? RECORD_BIG : 0 },
		.number = stamp,
	};

	log_put(sp, &item);
}

void log_put_number(struct spool *sp, enum record_type type, uint64_t number)
{
	struct item item = {
		.record = { .type = (uint8_t)type },
		.number = number,
	};

	log_put(sp, &item);
}

/* --- placing again ------------------------------------------------------ */

/* Why records are taken out of the group they were in. */
struct again {
	int failed;     /* the group's negative errno, or 0 */
	uint64_t stamp; /* of the failed group's segment */
};

static int refusal(int error)
{
	return error == -ENOSPC || error == -EDQUOT ? SPOOL_FULL : error;
}

static void message_again(
    struct spool *sp, const struct item *item, const struct again *why)
{
	bool is_big = item->record.flags & RECORD_BIG;

	if (why->failed) {
		/* It may have reached the disk: a crash must not bring back
		 * what was refused. */
		log_put_done(sp, item->record.id, is_big, why->stamp);
		spool_answer(sp, item->fn, item->ctx, refusal(why->failed));
	} else if (!log_put_message(sp, item)) {
		if (is_big)
			blob_remove(sp, item->record.id);
		spool_answer(sp, item->fn, item->ctx, SPOOL_FULL);
	}
}

static void state_again(
    struct spool *sp, const struct item *item, const struct again *why)
{
	struct known *k = index_find(&sp->index, item->record.id);

	if (!k) {
		spool_answer(sp, item->fn, item->ctx, SPOOL_GONE);
	} else if (k->pending > 1 && (why->failed || !item->fn)) {
		/* A newer one is on its way, perhaps ahead of this. */
		k->pending--;
		spool_answer(sp, item->fn, item->ctx, why->failed);
	} else {
		log_put(sp, item);
	}
}

static void note_again(
    struct spool *sp, const struct item *item, const struct again *why)
{
	struct item fresh = *item;

	(void)why;
	if (item->record.type == RECORD_TORN)
		return; /* of no use elsewhere */
	fresh.number = record_number(item->copy);
	if (item->record.type == RECORD_MARK ||
	    segments_named(sp, fresh.number))
		log_put(sp, &fresh);
	else if (item->record.flags & RECORD_BIG)
		blob_remove(sp, item->record.id);
}

typedef void again_fn(
    struct spool *sp, const struct item *item, const struct again *why);

static again_fn *const agains[RECORD_TYPES] = {
	[RECORD_MESSAGE] = message_again,
	[RECORD_STATE] = state_again,
	[RECORD_DONE] = note_again,
	[RECORD_MARK] = note_again,
	[RECORD_TORN] = note_again,
};

/* All records of a group that nobody else refers to any more. */
static void place_again(
    struct spool *sp, const struct group *g, const struct again *why)
{
	span rest = buf_span(&g->bytes);
	struct item item = { 0 };
	size_t next = 0;

	while (record_get(rest, &item.record)) {
		size_t at = g->bytes.len - rest.len;
		const struct waiter *w =
		    next < g->nwaiters ? &g->waiters[next] : NULL;

		item.copy = span_first(rest, record_size(item.record.length));
		item.fn = NULL;
		if (w && w->at == at) {
			item.fn = w->fn;
			item.ctx = w->ctx;
			next++;
		}
		agains[item.record.type](sp, &item, why);
		rest = span_from(rest, item.copy.len);
	}
}

/* Try again what found no room. */
static void unpark(struct spool *sp)
{
	static const struct again nothing_failed;
	struct group *parked = STEAL(sp->log.parked);

	sp->segments.changed = false;
	if (!parked)
		return;
	place_again(sp, parked, &nothing_failed);
	group_free(parked);
	sp->log.parked_enough = GROUP_ENOUGH;
	if (sp->log.parked)
		sp->log.parked_enough += 2 * sp->log.parked->bytes.len;
}

void log_refuse_parked(struct spool *sp)
{
	struct group *parked = STEAL(sp->log.parked);

	for (size_t i = 0; parked && i < parked->nwaiters; i++)
		spool_answer(sp, parked->waiters[i].fn, parked->waiters[i].ctx,
		    SPOOL_FULL);
	group_free(parked);
}

/* --- committing --------------------------------------------------------- */

static int commit_write(struct group *g)
{
	const struct store *st = &g->sp->store;
	char name[SEGMENT_NAME_MAX];
	int r = 0;

	if (g->fd < 0)
		g->fd = st->ops->open(st->ops->fs, st->dir,
		    segment_name(g->slot, name), O_RDWR, 0);
	if (g->fd < 0)
		return g->fd;
	if (g->with_header)
		r = segment_write_header(st, g->fd, g->block, &g->header);
	if (!r)
		r = st->ops->write(
		    st->ops->fs, g->fd, buf_span(&g->bytes), g->at);
	if (!r)
		r = st->ops->flush(st->ops->fs, g->fd);
	return r;
}

static void commit_run(struct job *job)
{
	struct group *g = CONTAINER_OF(job, struct group, job);

	g->result = commit_write(g);
}

static void start_commit(
    struct group *g, enum worker_lane lane, void (*done)(struct job *job))
{
	struct head *h = g->head;

	g->job = (struct job){ .run = commit_run, .done = done };
	g->slot = h->seg->slot;
	g->fd = h->fd;
	g->with_header = h->is_fresh;
	g->header = segment_header_now(g->sp, h->seg);
	g->block = h->seg->block;
	workers_submit(g->sp->workers, lane, &g->job);
}

static void enter_message(
    struct spool *sp, struct segment *seg, const struct entry *e)
{
	struct known *k = index_get(&sp->index, e->id);

	k->message = (struct place){ seg->slot, e->at, e->length };
	k->flags = e->flags & RECORD_BIG ? KNOWN_BIG : 0;
	segment_weigh(sp, seg, e->length);
	sp->stats.appended++;
}

static void enter_state(
    struct spool *sp, struct segment *seg, const struct entry *e)
{
	struct known *k = index_find(&sp->index, e->id);

	if (!k)
		return; /* finished meanwhile */
	k->pending--;
	spool_moved(
	    sp, &k->state, (struct place){ seg->slot, e->at, e->length });
}

static void enter_done(
    struct spool *sp, struct segment *seg, const struct entry *e)
{
	struct segment *named = segments_named(sp, e->number);

	if (named)
		segment_named(sp, named, seg, e->length);
	if (e->flags & RECORD_BIG)
		blob_remove(sp, e->id);
}

static void enter_mark(
    struct spool *sp, struct segment *seg, const struct entry *e)
{
	(void)seg;
	sp->mark = MAX(sp->mark, e->number);
}

typedef void enter_fn(
    struct spool *sp, struct segment *seg, const struct entry *e);

static enter_fn *const enters[RECORD_TYPES] = {
	[RECORD_MESSAGE] = enter_message,
	[RECORD_STATE] = enter_state,
	[RECORD_DONE] = enter_done,
	[RECORD_MARK] = enter_mark,
};

/* What every group brings when it is durable: header, descriptor, footer. */
static void group_landed(struct group *g)
{
	struct spool *sp = g->sp;
	struct head *h = g->head;

	if (g->with_header) {
		h->is_fresh = false;
		h->seg->is_sure = true;
		sp->mark = MAX(sp->mark, g->header.mark);
	}
	h->seg->end = (uint32_t)(g->at + g->bytes.len);
	buf_put(&h->entries, buf_span(&g->entries));
	if (h->entries.failed)
		bug("a footer larger than any segment");
}

static void enter_group(struct group *g)
{
	struct spool *sp = g->sp;
	span rest = buf_span(&g->entries);
	struct entry e;

	while (entry_get(&rest, &e))
		if (enters[e.type])
			enters[e.type](sp, g->head->seg, &e);
	for (size_t i = 0; i < g->nwaiters; i++)
		spool_answer(sp, g->waiters[i].fn, g->waiters[i].ctx, SPOOL_OK);
}

/*
 * The disk refused a group. Nothing more goes to its head; what else was
 * meant for it, and what may not be lost, is placed elsewhere, in order.
 */
static void log_fail(struct spool *sp, struct group *failed)
{
	struct again why = { failed->result, failed->head->seg->stamp };
	static const struct again nothing_failed;
	struct head *h = failed->head;
	struct list others = LIST_INIT(others);
	struct list *link;

	sp->log.quiet_until = sp->now + RETRY_DELAY;
	sp->log.last_error = failed->result;
	close_gathering(&sp->log);
	list_splice(&others, &sp->log.closed);
	if (!h->is_closing)
		head_close(sp, h);
	place_again(sp, failed, &why);
	while ((link = list_take(&others))) {
		struct group *g = CONTAINER_OF(link, struct group, link);

		if (g->head != h) {
			list_append(&sp->log.closed, &g->link);
			continue;
		}
		place_again(sp, g, &nothing_failed);
		head_unref(sp, h);
		group_free(g);
	}
}

static void commit_done(struct job *job)
{
	struct group *g = CONTAINER_OF(job, struct group, job);
	struct spool *sp = g->sp;

	sp->log.flying = NULL;
	sp->log.landed = g->serial;
	sp->stats.commits++;
	sp->stats.flushes++;
	g->head->fd = g->fd;
	if (g->result < 0) {
		log_fail(sp, g);
	} else {
		group_landed(g);
		enter_group(g);
	}
	head_unref(sp, g->head);
	group_free(g);
}

/* --- when --------------------------------------------------------------- */

static usec gathering_due(const struct log *log, usec now)
{
	const struct group *g = log->gathering;

	if (g->hurry || g->bytes.len >= GROUP_ENOUGH)
		return now;
	if (g->messages && log->gather.waiting)
		return gather_due(&log->gather, now);
	return g->since + LAZY_DELAY;
}

static struct group *next_group(struct spool *sp, bool all)
{
	struct log *log = &sp->log;

	if (list_is_empty(&log->closed) && log->gathering &&
	    (all || gathering_due(log, sp->now) <= sp->now))
		close_gathering(log);
	if (list_is_empty(&log->closed))
		return NULL;
	return CONTAINER_OF(list_take(&log->closed), struct group, link);
}

void log_run(struct spool *sp, bool all)
{
	struct log *log = &sp->log;

	if (sp->segments.changed ||
	    (log->parked && log->parked->bytes.len > log->parked_enough))
		unpark(sp);
	if (log->arrived)
		gather_arrived(&log->gather, sp->now, log->arrived);
	log->arrived = 0;
	if (log->gathering && !log->gathering->since)
		log->gathering->since = sp->now;
	if (log->flying || (!all && sp->now < log->quiet_until))
		return;
	log->flying = next_group(sp, all);
	if (log->flying)
		start_commit(log->flying, LANE_LOG, commit_done);
}

usec log_deadline(const struct spool *sp)
{
	const struct log *log = &sp->log;
	usec due = USEC_NEVER;

	if (log->flying)
		return USEC_NEVER;
	if (!list_is_empty(&log->closed))
		due = sp->now;
	else if (log->gathering)
		due = gathering_due(log, sp->now);
	return due == USEC_NEVER ? due : MAX(due, log->quiet_until);
}

uint64_t log_hurry(struct spool *sp)
{
	if (sp->log.gathering)
		sp->log.gathering->hurry = true;
	return sp->log.serial;
}

bool log_passed(const struct spool *sp, uint64_t serial)
{
	/* Idle: it failed, and what was in it found no room. */
	return sp->log.landed >= serial || log_is_idle(sp);
}

bool log_is_idle(const struct spool *sp)
{
	const struct log *log = &sp->log;

	return !log->flying && !log->gathering && list_is_empty(&log->closed);
}

/* --- looking back --------------------------------------------------------- */

static span state_in_group(const struct group *g, msgid id, span older)
{
	span rest = buf_span(&g->entries);
	struct entry e;

	while (entry_get(&rest, &e))
		if (e.type == RECORD_STATE && e.id == id)
			older =
			    span_of(g->bytes.data + (e.at - g->at), e.length);
	return older;
}

span log_pending_state(const struct spool *sp, msgid id)
{
	const struct log *log = &sp->log;
	span newest = SPAN_NONE;

	if (log->flying)
		newest = state_in_group(log->flying, id, newest);
	LIST_FOR(it, &log->closed)
	newest =
	    state_in_group(CONTAINER_OF(it, struct group, link), id, newest);
	if (log->gathering)
		newest = state_in_group(log->gathering, id, newest);
	if (log->parked)
		newest = state_in_group(log->parked, id, newest);
	return newest;
}

/* --- the cold head -------------------------------------------------------- */

struct group *log_cold_group(struct spool *sp)
{
	struct log *log = &sp->log;
	struct segment *seg;

	if (!log->cold) {
		seg = segments_take(sp, SEGMENT_COLD, 0);
		if (!seg)
			return NULL;
		log->cold = head_new(seg);
	}
	return open_group(sp, log->cold);
}

bool log_cold_put(struct group *g, const struct item *item)
{
	if (!head_fits(g->head, g, item)) {
		head_close(g->sp, g->head); /* once this group is through */
		return false;
	}
	group_put(g, item);
	return true;
}

void log_cold_write(struct group *g, void (*done)(struct job *job))
{
	group_pad(g);
	start_commit(g, LANE_FILE, done);
}

void log_cold_landed(struct group *g)
{
	struct head *h = g->head;

	g->sp->stats.flushes++;
	h->fd = g->fd;
	if (g->result < 0)
		head_close(g->sp, h);
	else
		group_landed(g);
}

void log_cold_end(struct group *g)
{
	if (!g)
		return;
	head_unref(g->sp, g->head);
	group_free(g);
}

void log_end(struct spool *sp)
{
	struct log *log = &sp->log;

	group_free(log->parked);
	group_free(log->gathering);
	head_free(sp, log->hot);
	head_free(sp, log->cold);
}
