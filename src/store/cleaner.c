/* SPDX-License-Identifier: ISC */
/*
 * store/cleaner.c - live records out of mostly dead segments.
 *
 *	IDLE -> LOADING -> STEP -> READING -> WRITING -+
 *	  |                 ^  \                       |
 *	  |                 +---\----------------------+
 *	  +--nothing lives in it-> WAITING -> FREEING -> IDLE
 *
 * One victim at a time, and it is freed before another is chosen (I7): a
 * done record names the segment of the message record it ends, and with two
 * segments holding the same record, freeing the wrong one first would let
 * that done be dropped while the other record is still there. A victim that
 * had to be left (an error, a crash) is marked is_twice and comes first.
 *
 * A step reads STEP_BYTES (less of small segments), copies what still counts into the cold
 * head and flushes that, all in the file lane: commits do not notice. Then
 * it rests as long as it took, so that at most half of the disk is the
 * cleaner's, unless it is far behind or messages are being refused.
 *
 * What happens to a message while its copy is being written is settled in
 * clean_copied(): the index moves to the copy only if it still points into
 * the victim, and a message finished meanwhile gets a second done record, for
 * the copy.
 */
#include "store/spool_internal.h"

#include <errno.h>
#include <fcntl.h>

enum {
	STEP_BYTES = 256 * 1024,
	STEP_RECORDS = 1024,
	GAP_BYTES = 4096,   /* read through gaps up to this */
	LOOK_DELAY = 10000, /* us after a search that found no victim */
};

/* One record to be copied. */
struct piece {
	struct entry entry; /* its digest is not to be used */
	size_t at;          /* where it lies in `bytes`, once read */
};

struct clean_read {
	struct job job;
	struct spool *sp;
	uint32_t slot;
	struct piece *pieces;
	size_t npieces;
	size_t next; /* the first that is not copied yet */
	uint64_t total;
	struct buf bytes;
	int result;
};

static void clean_step(struct spool *sp);

void cleaner_init(struct spool *sp)
{
	sp->cleaner = (struct cleaner){ 0 };
}

static void read_free(struct clean_read *r)
{
	if (!r)
		return;
	buf_done(&r->bytes);
	mem_free(r->pieces);
	mem_free(r);
}

/* Forget everything about the victim but the victim. */
static void forget_work(struct cleaner *c)
{
	loaded_done(&c->loaded);
	read_free(STEAL(c->read));
	mem_free(STEAL(c->ended));
	c->nended = 0;
	c->rest = SPAN_NONE;
}

void cleaner_done(struct spool *sp)
{
	forget_work(&sp->cleaner);
}

/* --- choosing ----------------------------------------------------------- */

/* More is used than I13 wants, by so many segments more than the slack. */
static bool is_above(const struct spool *sp, unsigned more)
{
	const struct segments *s = &sp->segments;
	uint64_t slack =
	    (uint64_t)(SEGMENTS_SLACK + more) * sp->config.segment_size;

	/* 7/4 and not 2: begin a little earlier. */
	return s->used_bytes > s->live_bytes + s->live_bytes / 4 * 3 + slack;
}

/* Messages are refused, or soon would be. */
static bool is_short_of_space(const struct spool *sp)
{
	return sp->segments.is_starved;
}

static bool wants_cleaning(const struct spool *sp)
{
	return is_short_of_space(sp) || is_above(sp, 0);
}

static bool is_behind(const struct spool *sp)
{
	return is_short_of_space(sp) || is_above(sp, SEGMENTS_SLACK);
}

static uint32_t step_bytes(const struct segment *seg)
{
	return MIN((uint32_t)STEP_BYTES, seg->size / 8);
}

/* What its live records would take as copies, a group for each step. */
static uint64_t packed(const struct segment *seg)
{
	return seg->live +
	    (seg->live / step_bytes(seg) + 1) * (uint64_t)SEGMENT_BLOCK;
}

/*
 * What cleaning it would win: the dead, and holes such as the padding after
 * each group; not what no longer fitted at its end, because the copies would
 * not fit any better. That keeps the cleaner from packing the same bytes
 * again and again. Only a head that was closed early is taken for its end.
 */
static uint64_t gain(const struct segment *seg)
{
	bool is_short = seg->end < seg->size / 4;
	uint64_t now = (is_short ? seg->size : seg->end) - SEGMENT_DATA;

	return now > packed(seg) ? now - packed(seg) : 0;
}

/* A quarter at least, or a tenth when space is short. */
static bool is_worth_it(const struct spool *sp, const struct segment *seg)
{
	uint32_t used = seg->end - SEGMENT_DATA;

	return gain(seg) > used / (is_short_of_space(sp) ? 10 : 4);
}

static struct segment *better(struct segment *a, struct segment *b)
{
	if (!a || !b->live)
		return b;
	return a->live && gain(b) > gain(a) ? b : a;
}

/* The next victim, or NULL. */
static struct segment *choose(const struct spool *sp)
{
	struct segment *best = NULL;

	for (uint32_t i = 0; i < sp->segments.nslots; i++) {
		struct segment *seg = sp->segments.slots[i];

		if (seg && seg->is_twice)
			return seg->state == SEG_SEALED ? seg : NULL;
		if (seg && seg->state == SEG_SEALED &&
		    (!seg->is_stuck || !seg->live))
			best = better(best, seg);
	}
	if (!best || !best->live)
		return best;
	if (!sp->log.cold && !sp->segments.nfree)
		return NULL;
	return wants_cleaning(sp) && is_worth_it(sp, best) ? best : NULL;
}

/* --- giving up, and starting over ----------------------------------------- */

/* Leave the victim as it is; it will be chosen again. */
static void give_up(struct spool *sp)
{
	struct cleaner *c = &sp->cleaner;

	forget_work(c);
	segment_become(c->victim, SEG_SEALED);
	c->victim = NULL;
	c->stage = CLEAN_IDLE;
	c->not_before = sp->now + RETRY_DELAY;
	sp->segments.lighter = true;
}

/* The next step, after a rest as long as the last took. */
static void rest_then_step(struct spool *sp)
{
	struct cleaner *c = &sp->cleaner;

	c->stage = CLEAN_STEP;
	c->not_before = sp->now;
	if (!is_behind(sp) && sp->now > c->step_began)
		c->not_before += sp->now - c->step_began;
}

/* --- freeing -------------------------------------------------------------- */

struct freeing {
	struct job job;
	struct spool *sp;
	struct segment_header header;
	uint32_t slot;
	unsigned block;
	int result;
};

static void free_run(struct job *job)
{
	struct freeing *f = CONTAINER_OF(job, struct freeing, job);

	f->result =
	    segment_set_header(&f->sp->store, f->slot, f->block, &f->header);
}

static void free_done(struct job *job)
{
	struct freeing *f = CONTAINER_OF(job, struct freeing, job);
	struct spool *sp = f->sp;
	struct cleaner *c = &sp->cleaner;

	sp->stats.flushes++;
	if (f->result < 0) {
		give_up(sp);
	} else {
		c->victim->turn = f->header.turn;
		c->victim->block = (uint8_t)f->block;
		c->victim->is_sure = true;
		segment_freed(sp, STEAL(c->victim));
		forget_work(c);
		c->stage = CLEAN_IDLE;
	}
	mem_free(f);
}

/*
 * Nothing in it counts any more. Some of that may be because of messages just
 * finished: wait until their dones are durable. A crash before that would
 * bring the message back, and its state must be there, too.
 */
static void start_waiting(struct spool *sp)
{
	struct cleaner *c = &sp->cleaner;

	c->wait_for = log_hurry(sp);
	c->stage = CLEAN_WAITING;
}

/* Say on disk that it is free (I8). */
static void start_freeing(struct spool *sp)
{
	struct cleaner *c = &sp->cleaner;
	struct freeing *f = NEW(struct freeing);

	f->job = (struct job){ .run = free_run, .done = free_done };
	f->sp = sp;
	f->slot = c->victim->slot;
	f->block = segment_next_block(c->victim);
	f->header = segment_header_now(sp, c->victim);
	f->header.use = SEGMENT_FREE;
	f->header.seq = sp->seq;
	f->header.turn++;
	segment_become(c->victim, SEG_FREEING);
	c->stage = CLEAN_FREEING;
	workers_submit(sp->workers, LANE_FILE, &f->job);
}

/* --- loading -------------------------------------------------------------- */

struct load {
	struct job job;
	struct spool *sp;
	uint32_t slot;
	struct loaded loaded;
	int result;
};

static void load_run(struct job *job)
{
	struct load *l = CONTAINER_OF(job, struct load, job);

	l->result = segment_load(&l->sp->store, l->slot, 0, &l->loaded);
}

/* What was unreadable and is not needed; lost records are found later. */
static void report_load(struct spool *sp, const struct loaded *l)
{
	struct spool_damage d = { .what = l->what };

	(void)segment_name(sp->cleaner.victim->slot, d.file);
	if (l->what)
		spool_damaged(sp, &d);
}

static void load_done(struct job *job)
{
	struct load *l = CONTAINER_OF(job, struct load, job);
	struct cleaner *c = &l->sp->cleaner;
	bool is_ours = !l->result && l->loaded.header.stamp == c->victim->stamp;

	if (!l->result) {
		c->loaded = l->loaded;
		report_load(l->sp, &l->loaded);
	}
	c->rest = buf_span(&c->loaded.scan.entries);
	if (is_ours)
		rest_then_step(l->sp);
	else
		give_up(l->sp);
	mem_free(l);
}

static void start_loading(struct spool *sp)
{
	struct cleaner *c = &sp->cleaner;
	struct load *l = NEW(struct load);

	l->job = (struct job){ .run = load_run, .done = load_done };
	l->sp = sp;
	l->slot = c->victim->slot;
	c->step_began = sp->now;
	c->stage = CLEAN_LOADING;
	workers_submit(sp->workers, LANE_FILE, &l->job);
}

/* --- copying -------------------------------------------------------------- */

static bool is_at(const struct place *p, uint32_t slot, uint32_t at)
{
	return p->length && p->slot == slot && p->at == at;
}

/* The place in the index that points at this record, or NULL: it is dead. */
static struct place *place_of(
    struct spool *sp, const struct entry *e, struct known **ret_k)
{
	uint32_t slot = sp->cleaner.victim->slot;
	struct known *k = index_find(&sp->index, e->id);

	*ret_k = k;
	if (k && e->type == RECORD_MESSAGE && is_at(&k->message, slot, e->at))
		return &k->message;
	if (k && e->type == RECORD_STATE && is_at(&k->state, slot, e->at))
		return &k->state;
	return NULL;
}

static bool still_counts(struct spool *sp, const struct entry *e)
{
	struct known *k;

	if (e->type == RECORD_DONE) {
		struct segment *named = segments_named(sp, e->number);

		return named && named != sp->cleaner.victim;
	}
	return place_of(sp, e, &k) != NULL;
}

static void add_piece(struct clean_read *r, const struct entry *e)
{
	size_t n = r->npieces;

	if (!(n & (n - 1)))
		r->pieces =
		    mem_resize(r->pieces, n ? n * 2 : 1, sizeof(r->pieces[0]));
	r->pieces[r->npieces++] = (struct piece){ .entry = *e };
	r->total += e->length;
}

/* A done is made again from what the footer says. */
static bool wants_reading(const struct piece *p)
{
	return p->entry.type != RECORD_DONE;
}

/* One read for pieces that lie close together. */
static int read_run(struct clean_read *r, int fd, size_t from, size_t to)
{
	const struct store *st = &r->sp->store;
	uint32_t at = r->pieces[from].entry.at;
	const struct entry *last = &r->pieces[to - 1].entry;
	size_t n = last->at + last->length - at;
	char *room = buf_room(&r->bytes, n);
	ssize_t got;

	if (!room)
		return -EFBIG;
	memset(room, 0, n);
	got = st->ops->read(st->ops->fs, fd, room, n, at);
	if (got < 0)
		return (int)got;
	for (size_t i = from; i < to; i++)
		r->pieces[i].at = r->bytes.len + r->pieces[i].entry.at - at;
	r->bytes.len += n;
	return 0;
}

static bool continues_run(const struct piece *last, const struct piece *p)
{
	uint64_t end = (uint64_t)last->entry.at + last->entry.length;

	return wants_reading(p) && p->entry.at >= end &&
	    p->entry.at <= end + GAP_BYTES;
}

static int read_pieces(struct clean_read *r, int fd)
{
	size_t from = 0;
	int error = 0;

	while (!error && from < r->npieces) {
		size_t to = from + 1;

		if (!wants_reading(&r->pieces[from])) {
			from++;
			continue;
		}
		while (to < r->npieces &&
		    continues_run(&r->pieces[to - 1], &r->pieces[to]))
			to++;
		error = read_run(r, fd, from, to);
		from = to;
	}
	return error;
}

static void read_run_job(struct job *job)
{
	struct clean_read *r = CONTAINER_OF(job, struct clean_read, job);
	const struct store *st = &r->sp->store;
	char name[SEGMENT_NAME_MAX];
	int fd;

	fd = st->ops->open(
	    st->ops->fs, st->dir, segment_name(r->slot, name), O_RDONLY, 0);
	r->result = fd < 0 ? fd : read_pieces(r, fd);
	if (fd >= 0)
		(void)st->ops->close(st->ops->fs, fd);
}

static void read_done(struct job *job)
{
	struct clean_read *r = CONTAINER_OF(job, struct clean_read, job);

	if (r->result < 0)
		give_up(r->sp);
	else
		clean_step(r->sp);
}

/* Returns false when there is nothing left to read. */
static bool start_reading(struct spool *sp)
{
	struct cleaner *c = &sp->cleaner;
	struct clean_read *r = NEW(struct clean_read);
	uint32_t step = step_bytes(c->victim);
	struct entry e;

	r->job = (struct job){ .run = read_run_job, .done = read_done };
	r->sp = sp;
	r->slot = c->victim->slot;
	buf_init(&r->bytes, SEGMENT_MAX);
	while (r->total < step && r->npieces < STEP_RECORDS &&
	    entry_get(&c->rest, &e))
		if (still_counts(sp, &e))
			add_piece(r, &e);
	if (!r->npieces) {
		read_free(r);
		return false;
	}
	c->read = r;
	c->stage = CLEAN_READING;
	workers_submit(sp->workers, LANE_FILE, &r->job);
	return true;
}

enum copy_result { COPY_OK, COPY_FULL, COPY_SKIPPED };

static enum copy_result copy_piece(
    struct spool *sp, struct group *g, const struct piece *p)
{
	const struct clean_read *r = sp->cleaner.read;
	const struct entry *e = &p->entry;
	struct item item = { .record = { .id = e->id,
		                 .type = e->type,
		                 .flags = e->flags,
		                 .seq = e->seq },
		.number = e->number };
	struct place *place;
	struct known *k;
	span bytes;

	if (!still_counts(sp, e))
		return COPY_SKIPPED;
	if (e->type == RECORD_DONE)
		return log_cold_put(g, &item) ? COPY_OK : COPY_FULL;
	bytes = span_of(r->bytes.data + p->at, e->length);
	place = place_of(sp, e, &k);
	if (!record_get(bytes, &item.record) || item.record.id != e->id ||
	    !record_is_whole(bytes, &item.record)) {
		spool_lost_record(sp, k, place);
		return COPY_SKIPPED;
	}
	item.copy = bytes;
	return log_cold_put(g, &item) ? COPY_OK : COPY_FULL;
}

/* Does the index still point into the victim? Then it moves to the copy. */
static void clean_copied(
    struct spool *sp, struct segment *to, const struct entry *e)
{
	struct cleaner *c = &sp->cleaner;
	struct known *k = index_find(&sp->index, e->id);
	struct place *p = NULL;

	if (k)
		p = e->type == RECORD_MESSAGE ? &k->message : &k->state;
	if (p && p->length && p->slot == c->victim->slot) {
		spool_moved(
		    sp, p, (struct place){ to->slot, e->at, e->length });
	} else if (!k && e->type == RECORD_MESSAGE) {
		if (!(c->nended & (c->nended - 1)))
			c->ended = mem_resize(c->ended,
			    c->nended ? c->nended * 2 : 1, sizeof(c->ended[0]));
		c->ended[c->nended++] = (struct ended){ e->id, to->stamp };
	}
	sp->stats.cleaned_bytes += e->length;
}

static void enter_copies(struct spool *sp, struct group *g)
{
	struct segment *to = g->head->seg;
	span rest = buf_span(&g->entries);
	struct entry e;

	sp->cleaner.victim->is_twice = true;
	while (entry_get(&rest, &e)) {
		struct segment *named;

		if (e.type == RECORD_MESSAGE || e.type == RECORD_STATE)
			clean_copied(sp, to, &e);
		if (e.type != RECORD_DONE)
			continue;
		named = segments_named(sp, e.number);
		if (named)
			segment_named(sp, named, to, e.length);
	}
}

static void copy_done(struct job *job)
{
	struct group *g = CONTAINER_OF(job, struct group, job);
	struct spool *sp = g->sp;

	log_cold_landed(g);
	if (g->result < 0) {
		give_up(sp);
	} else {
		enter_copies(sp, g);
		rest_then_step(sp);
	}
	log_cold_end(g);
}

static void put_ended(struct spool *sp, struct group *g)
{
	struct cleaner *c = &sp->cleaner;

	while (c->nended) {
		const struct ended *e = &c->ended[c->nended - 1];
		struct item item = {
			.record = { .id = e->id, .type = RECORD_DONE },
			.number = e->stamp,
		};

		if (!log_cold_put(g, &item))
			return;
		c->nended--;
	}
}

/* Returns false when a record did not fit. */
static bool put_copies(struct spool *sp, struct group *g)
{
	struct clean_read *r = sp->cleaner.read;

	for (; r && r->next < r->npieces; r->next++)
		if (copy_piece(sp, g, &r->pieces[r->next]) == COPY_FULL)
			return false;
	read_free(STEAL(sp->cleaner.read));
	return true;
}

/* Second dones first: then those of the last copies come last. */
static void start_copying(struct spool *sp)
{
	struct cleaner *c = &sp->cleaner;
	struct group *g = log_cold_group(sp);
	bool was_fresh;

	if (!g) {
		give_up(sp);
		return;
	}
	was_fresh = g->head->end == SEGMENT_DATA;
	put_ended(sp, g);
	if (!c->nended && !put_copies(sp, g) && was_fresh && !g->bytes.len) {
		/* It fits nowhere: segments were larger once. */
		c->victim->is_stuck = true;
		log_cold_end(g);
		give_up(sp);
		return;
	}
	if (g->bytes.len) {
		c->stage = CLEAN_WRITING;
		log_cold_write(g, copy_done);
	} else {
		log_cold_end(g);
		rest_then_step(sp);
	}
}

/* Bytes of the victim that still count and are not done records. */
static uint64_t left_behind(const struct spool *sp)
{
	const struct segment *victim = sp->cleaner.victim;
	uint64_t left = victim->live;

	for (uint32_t i = 0; i < sp->segments.nslots; i++) {
		const struct segment *seg = sp->segments.slots[i];

		for (size_t n = 0; seg && n < seg->nnamed_by; n++)
			if (seg->named_by[n].stamp == victim->stamp)
				left -= seg->named_by[n].bytes;
	}
	return left;
}

/*
 * The footer was unreadable, and so were some records: what the index knows
 * and nobody found is lost. Rare, so a walk over the whole index will do.
 */
static void report_left_behind(struct spool *sp)
{
	uint32_t slot = sp->cleaner.victim->slot;

	for (size_t i = 0; i < index_numbers(&sp->index); i++) {
		struct known *k = index_at(&sp->index, i);

		if (k && k->state.length && k->state.slot == slot)
			spool_lost_record(sp, k, &k->state);
		if (k && k->message.length && k->message.slot == slot)
			spool_lost_record(sp, k, &k->message);
	}
}

static void clean_step(struct spool *sp)
{
	struct cleaner *c = &sp->cleaner;

	c->step_began = sp->now;
	if (c->nended || c->read) {
		start_copying(sp);
	} else if (!start_reading(sp)) {
		if (left_behind(sp))
			report_left_behind(sp);
		start_waiting(sp);
	}
}

/* --- when ----------------------------------------------------------------- */

static bool may_look(const struct spool *sp)
{
	const struct cleaner *c = &sp->cleaner;

	return sp->segments.lighter && sp->now >= c->not_before &&
	    sp->now >= c->looked_at + LOOK_DELAY;
}

static void look_for_victim(struct spool *sp)
{
	struct cleaner *c = &sp->cleaner;

	c->victim = choose(sp);
	if (!c->victim) {
		c->looked_at = sp->now;
		sp->segments.lighter = false;
		return;
	}
	segment_become(c->victim, SEG_VICTIM);
	if (!c->victim->live && !c->victim->is_twice)
		start_waiting(sp);
	else
		start_loading(sp);
}

void cleaner_run(struct spool *sp)
{
	struct cleaner *c = &sp->cleaner;

	if (sp->is_quiet)
		return;
	if (c->stage == CLEAN_STEP && sp->now >= c->not_before)
		clean_step(sp);
	if (c->stage == CLEAN_IDLE && may_look(sp))
		look_for_victim(sp);
	if (c->stage == CLEAN_WAITING && log_passed(sp, c->wait_for))
		start_freeing(sp);
}

usec cleaner_deadline(const struct spool *sp)
{
	const struct cleaner *c = &sp->cleaner;

	if (c->stage == CLEAN_STEP)
		return c->not_before;
	if (c->stage == CLEAN_IDLE && sp->segments.lighter)
		return MAX(c->not_before, c->looked_at + LOOK_DELAY);
	return USEC_NEVER;
}
