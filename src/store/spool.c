/* SPDX-License-Identifier: ISC */
/*
 * store/spool.c - the public face: open and close, poll, and the calls that
 * only check something and hand over to log.c, blob.c and reader.c.
 *
 * Results never reach the caller from inside one of his calls: they wait in
 * sp->answers for spool_poll(). So a caller's callback may call anything here
 * but spool_poll() and spool_close(), and needs no care about who is on the
 * stack.
 */
#include "store/spool_internal.h"

#include <errno.h>
#include <fcntl.h>

enum { GATHER_MAX = 8000 /* us */ };

/* --- opening and closing -------------------------------------------------- */

static int take_lock(struct spool *sp)
{
	const struct store *st = &sp->store;
	bool write = !sp->config.read_only;
	int r;

	r = st->ops->open(st->ops->fs, st->dir, "lock",
	    write ? O_RDWR | O_CREAT : O_RDONLY, 0600);
	if (r < 0)
		return r;
	sp->lock = r;
	r = st->ops->lock(st->ops->fs, sp->lock, write);
	return r == -EWOULDBLOCK ? -EBUSY : r;
}

static int check_config(struct spool_config *c)
{
	if (!c->segment_size)
		c->segment_size = SEGMENT_DEFAULT;
	if (!c->gather_max)
		c->gather_max = GATHER_MAX;
	if (c->segment_size < SEGMENT_MIN || c->segment_size > SEGMENT_MAX ||
	    c->segment_size % SEGMENT_BLOCK)
		return -EINVAL;
	return 0;
}

static void spool_free(struct spool *sp)
{
	const struct store *st = &sp->store;

	cleaner_done(sp);
	log_end(sp);
	blobs_close(sp);
	segments_done(sp);
	index_done(&sp->index);
	workers_free(&sp->workers);
	if (sp->lock >= 0)
		(void)st->ops->close(st->ops->fs, sp->lock);
	mem_free(sp->answers);
	mem_free(sp);
}

static int start(struct spool *sp)
{
	int r;

	r = take_lock(sp);
	if (!r)
		r = blobs_open(sp);
	if (!r)
		r = workers_new(sp->config.threads, &sp->workers);
	if (!r)
		r = recover(sp);
	return r;
}

int spool_open(const struct file_ops *ops, int dir,
    const struct spool_config *config, struct spool **ret_spool)
{
	struct spool *sp = NEW(struct spool);
	int r;

	sp->store = (struct store){ ops, dir };
	sp->config = *config;
	sp->lock = -1;
	sp->blobs.dir = -1;
	sp->is_quiet = true;
	sp->seq = 1;
	sp->next_counter = MSGID_FIRST_COUNTER;
	segments_init(sp);
	index_init(&sp->index);
	cleaner_init(sp);
	r = check_config(&sp->config);
	log_init(sp);
	if (!r)
		r = start(sp);
	if (r) {
		spool_free(sp);
		return r;
	}
	sp->is_quiet = config->read_only;
	*ret_spool = sp;
	return 0;
}

void spool_close(struct spool **spool)
{
	struct spool *sp = *spool;

	if (!sp)
		return;
	sp->is_quiet = true;
	spool_settle(sp);
	log_refuse_parked(sp);
	spool_settle(sp);
	*spool = NULL; /* callbacks could still use it */
	spool_free(sp);
}

/* --- poll ----------------------------------------------------------------- */

void spool_answer(struct spool *sp, spool_done_fn *fn, void *ctx, int result)
{
	size_t n = sp->nanswers;

	if (!fn)
		return;
	if (!(n & (n - 1)))
		sp->answers = mem_resize(
		    sp->answers, n ? n * 2 : 1, sizeof(sp->answers[0]));
	sp->answers[sp->nanswers++] = (struct answer){ fn, ctx, result };
}

/* Callbacks may ask for more: those answers are for the next time. */
static bool deliver_answers(struct spool *sp)
{
	struct answer *answers = STEAL(sp->answers);
	size_t n = sp->nanswers;

	sp->nanswers = 0;
	for (size_t i = 0; i < n; i++)
		answers[i].fn(answers[i].ctx, answers[i].result);
	mem_free(answers);
	return n > 0;
}

static bool poll_once(struct spool *sp, bool all)
{
	bool progress = workers_collect(sp->workers);

	progress |= deliver_answers(sp);
	segments_run(sp);
	log_run(sp, all);
	cleaner_run(sp);
	return progress;
}

static bool has_threads(const struct spool *sp)
{
	return sp->config.threads > 0;
}

usec spool_poll(struct spool *sp, usec now)
{
	usec due;

	sp->now = now;
	do
		(void)poll_once(sp, false);
	while (!has_threads(sp) && (workers_busy(sp->workers) || sp->nanswers));
	if (sp->nanswers)
		return now;
	due = MIN(log_deadline(sp), segments_deadline(sp));
	return MIN(due, cleaner_deadline(sp));
}

void spool_settle(struct spool *sp)
{
	for (;;) {
		(void)poll_once(sp, true);
		if (log_is_idle(sp) && !workers_busy(sp->workers) &&
		    !sp->nanswers)
			return;
		workers_wait(sp->workers);
	}
}

int spool_eventfd(const struct spool *sp)
{
	return workers_eventfd(sp->workers);
}

void spool_expect(struct spool *sp, unsigned commits)
{
	gather_expect(&sp->log.gather, commits);
}

/* --- ids ------------------------------------------------------------------ */

bool spool_grant_ids(struct spool *sp, uint32_t count, uint64_t *ret_first)
{
	uint64_t end = sp->next_counter + count;

	/* Ask in time, so that nobody waits for the answer. */
	if (end + MARK_LOW > MAX(sp->mark, sp->mark_asked)) {
		sp->mark_asked = end + MARK_AHEAD;
		log_put_number(sp, RECORD_MARK, sp->mark_asked);
	}
	if (end > sp->mark)
		return false;
	*ret_first = sp->next_counter;
	sp->next_counter = end;
	return true;
}

/* --- records in ----------------------------------------------------------- */

size_t spool_max_record(const struct spool *sp)
{
	/* Two of them fit into a segment, whatever their digests. */
	return (sp->config.segment_size - SEGMENT_DATA) / 2 - SEGMENT_BLOCK -
	    2 * RECORD_HEADER;
}

static void check_writable(const struct spool *sp)
{
	if (sp->config.read_only)
		bug("the spool was opened for reading");
}

static bool fits_a_record(const struct spool *sp, span digest, uint64_t size)
{
	return digest.len <= SPOOL_DIGEST_MAX &&
	    size + 2 * digest.len <= spool_max_record(sp);
}

void spool_append(struct spool *sp, const struct spool_message *m,
    spool_done_fn *fn, void *ctx)
{
	struct item item = {
		.record = { .id = m->id, .type = RECORD_MESSAGE },
		.payload = { m->digest, m->envelope, m->content },
		.fn = fn,
		.ctx = ctx,
	};
	uint64_t size = (uint64_t)m->envelope.len + m->content.len;

	check_writable(sp);
	if (!fits_a_record(sp, m->digest, size)) {
		struct spool_blob *blob = m->blob;

		spool_blob_free(sp, &blob);
		spool_answer(sp, fn, ctx, SPOOL_TOO_BIG);
	} else if (m->blob) {
		blob_append(sp, m, fn, ctx);
	} else if (!log_put_message(sp, &item)) {
		spool_answer(sp, fn, ctx, SPOOL_FULL);
	}
}

void spool_put_state(
    struct spool *sp, const struct spool_state *s, spool_done_fn *fn, void *ctx)
{
	struct known *k = index_find(&sp->index, s->id);
	struct item item = {
		.record = { .id = s->id, .type = RECORD_STATE },
		.payload = { .digest = s->digest, .head = s->bytes },
		.fn = fn,
		.ctx = ctx,
	};

	check_writable(sp);
	if (!k) {
		spool_answer(sp, fn, ctx, SPOOL_GONE);
	} else if (!fits_a_record(sp, s->digest, s->bytes.len)) {
		spool_answer(sp, fn, ctx, SPOOL_TOO_BIG);
	} else {
		k->pending++;
		log_put(sp, &item);
	}
}

void spool_finish(struct spool *sp, msgid id)
{
	struct known *k = index_find(&sp->index, id);
	struct segment *seg;
	bool is_big;

	check_writable(sp);
	if (!k)
		return;
	seg = segments_find(sp, k->message.slot);
	is_big = k->flags & KNOWN_BIG;
	spool_forget(sp, k);
	log_put_done(sp, id, is_big, seg->stamp);
}

/* --- accounts ------------------------------------------------------------- */

void spool_moved(struct spool *sp, struct place *was, struct place is)
{
	if (was->length)
		segment_weigh(
		    sp, segments_find(sp, was->slot), -(int64_t)was->length);
	if (is.length)
		segment_weigh(sp, segments_find(sp, is.slot), is.length);
	*was = is;
}

void spool_forget(struct spool *sp, struct known *k)
{
	static const struct place nowhere;

	spool_moved(sp, &k->message, nowhere);
	spool_moved(sp, &k->state, nowhere);
	index_remove(&sp->index, k);
}

bool spool_has(const struct spool *sp, msgid id)
{
	return index_find(&sp->index, id) != NULL;
}

bool spool_has_room(const struct spool *sp, uint64_t size)
{
	/* What fits into a record takes no space that is not prepared. */
	uint64_t blob = size > spool_max_record(sp) ? size : 0;

	return segments_room(sp, 0, blob) != ROOM_NO;
}

void spool_get_stats(const struct spool *sp, struct spool_stats *ret)
{
	const struct segments *s = &sp->segments;

	*ret = sp->stats;
	ret->messages = sp->index.count;
	ret->live_bytes = s->live_bytes;
	ret->disk_bytes = s->used_bytes + s->free_bytes;
	ret->segments = s->count;
	ret->free_segments = s->nfree;
	ret->index_bytes = index_bytes(&sp->index);
}

/* --- damage --------------------------------------------------------------- */

void spool_damaged(struct spool *sp, const struct spool_damage *d)
{
	sp->stats.damages++;
	if (sp->config.calls.damaged)
		sp->config.calls.damaged(sp->config.ctx, d);
}

void spool_lost_record(
    struct spool *sp, struct known *k, const struct place *where)
{
	bool is_message = where == &k->message;
	struct spool_damage d = {
		.id = k->id,
		.at = where->at,
		.length = where->length,
		.what = is_message ? "message record" : "state record",
		.is_lost = is_message,
	};
	static const struct place nowhere;

	(void)segment_name(where->slot, d.file);
	if (!sp->config.read_only)
		save_corrupt(sp, k->id, where);
	/* Without its state a message starts over: better twice than never. */
	if (is_message)
		spool_forget(sp, k);
	else
		spool_moved(sp, &k->state, nowhere);
	spool_damaged(sp, &d);
}
