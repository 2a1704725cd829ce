/* SPDX-License-Identifier: ISC */
/*
 * store/recover.c - what the directory says at the start (doc/queue.md 11).
 *
 * The meaning of a log does not depend on the order of its records, so the
 * segments are read as the directory lists them, and every record is entered
 * in the index as it comes: also states without a message (yet), also
 * messages that a done record has ended already. A second walk over the
 * entries settles what needed to see all of them.
 *
 * Until the end of recovery all entries stay in memory, because the digests
 * that `found` is given lie in them. `facts` are what the index has no room
 * for; they are found by the message's number in the index.
 */
#include "store/spool_internal.h"

#include <errno.h>

struct fact {
	span digest;
	span state_digest;
	uint64_t state_seq;
	uint64_t ended_in; /* the stamp that a done record named */
};

struct recovery {
	struct spool *sp;
	uint32_t *slots;
	struct loaded *loaded; /* of each of them */
	size_t n;
	struct fact *facts;
	size_t nfacts;
	struct ended *ended; /* records that need another done (I6) */
	size_t nended;
	int error;
};

/* --- the directory -------------------------------------------------------- */

struct names {
	struct recovery *r;
	struct buf unfinished; /* names, each with its NUL */
};

static bool see_file(void *ctx, const char *name)
{
	struct names *names = ctx;
	struct recovery *r = names->r;
	uint32_t slot;

	if (segment_slot(name, &slot)) {
		if (!(r->n & (r->n - 1)))
			r->slots = mem_resize(
			    r->slots, r->n ? r->n * 2 : 1, sizeof(r->slots[0]));
		r->slots[r->n++] = slot;
	} else if (segment_is_unfinished(name)) {
		buf_put(&names->unfinished, span_of(name, strlen(name) + 1));
	}
	return true;
}

static int list_segments(struct recovery *r)
{
	struct names names = { r, BUF_INIT(SEGMENT_MAX) };
	const struct store *st = &r->sp->store;
	span rest;
	int error;

	error = st->ops->list(st->ops->fs, st->dir, see_file, &names);
	rest = buf_span(&names.unfinished);
	while (!error && rest.len && !r->sp->config.read_only) {
		(void)st->ops->unlink(st->ops->fs, st->dir, rest.ptr);
		rest = span_from(rest, strlen(rest.ptr) + 1);
	}
	buf_done(&names.unfinished);
	r->loaded = mem_new(r->n, sizeof(r->loaded[0]));
	return error;
}

static void report_unreadable(
    struct recovery *r, uint32_t slot, const char *what, bool is_lost)
{
	struct spool_damage d = { .what = what, .is_lost = is_lost };

	(void)segment_name(slot, d.file);
	spool_damaged(r->sp, &d);
}

static void add_segment(struct recovery *r, size_t i)
{
	const struct loaded *l = &r->loaded[i];
	struct spool *sp = r->sp;
	struct segment *seg;

	if (l->what || l->is_lost)
		report_unreadable(r, r->slots[i],
		    l->what ? l->what : "segment header", l->is_lost);
	if (l->is_lost) {
		segments_reserve(sp, r->slots[i]);
		return;
	}
	seg = segments_add(sp, r->slots[i], &l->header);
	seg->block = (uint8_t)l->block;
	seg->is_sure = !l->is_guessed;
	sp->seq = MAX(sp->seq, l->header.seq);
	sp->next_counter = MAX(sp->next_counter, l->header.mark);
}

static int load_segments(struct recovery *r)
{
	unsigned flags = r->sp->config.read_only ? 0 : LOAD_FLUSH;
	int error = 0;

	for (size_t i = 0; i < r->n && !error; i++) {
		error = segment_load(
		    &r->sp->store, r->slots[i], flags, &r->loaded[i]);
		if (!error)
			add_segment(r, i);
	}
	return error;
}

static struct segment *segment_of(const struct recovery *r, size_t i)
{
	return segments_find(r->sp, r->slots[i]);
}

static bool in_use(const struct segment *seg)
{
	return seg->state != SEG_FREE && seg->state != SEG_LOST;
}

/* --- first walk: everything into the index ------------------------------------ */

static struct fact *fact_of(struct recovery *r, const struct known *k)
{
	size_t number = index_number(&r->sp->index, k);

	if (number >= r->nfacts) {
		size_t n = MAX(number + 1, r->nfacts * 2);

		r->facts = mem_resize(r->facts, n, sizeof(r->facts[0]));
		memset(r->facts + r->nfacts, 0,
		    (n - r->nfacts) * sizeof(r->facts[0]));
		r->nfacts = n;
	}
	return &r->facts[number];
}

/* Copies go from hot to cold, and from cold to a cold head opened later. */
static bool is_newer_copy(const struct segment *a, const struct segment *b)
{
	if (a->use != b->use)
		return a->use == SEGMENT_COLD;
	return a->seq > b->seq;
}

static void replay_message(
    struct recovery *r, struct segment *seg, const struct entry *e)
{
	struct known *k = index_get(&r->sp->index, e->id);
	struct fact *f = fact_of(r, k);
	struct segment *other = NULL;

	if (k->message.length && k->message.slot != seg->slot)
		other = segments_find(r->sp, k->message.slot);
	if (other && is_newer_copy(other, seg)) {
		seg->is_twice = true;
		return;
	}
	if (other)
		other->is_twice = true;
	k->message = (struct place){ seg->slot, e->at, e->length };
	k->flags |= e->flags & RECORD_BIG ? KNOWN_BIG : 0;
	f->digest = e->digest;
	r->sp->next_counter =
	    MAX(r->sp->next_counter, msgid_counter(e->id) + 1);
}

static void replay_state(
    struct recovery *r, struct segment *seg, const struct entry *e)
{
	struct known *k = index_get(&r->sp->index, e->id);
	struct fact *f = fact_of(r, k);

	if (e->seq < f->state_seq)
		return;
	/* The same one twice: either copy will do. */
	k->state = (struct place){ seg->slot, e->at, e->length };
	f->state_seq = e->seq;
	f->state_digest = e->digest;
}

static void replay_done(
    struct recovery *r, struct segment *seg, const struct entry *e)
{
	struct known *k = index_get(&r->sp->index, e->id);
	struct fact *f = fact_of(r, k);

	(void)seg;
	k->flags |= KNOWN_DEAD;
	f->ended_in = e->number;
}

static void replay_mark(
    struct recovery *r, struct segment *seg, const struct entry *e)
{
	(void)seg;
	r->sp->next_counter = MAX(r->sp->next_counter, e->number);
}

typedef void replay_fn(
    struct recovery *r, struct segment *seg, const struct entry *e);

static replay_fn *const replays[RECORD_TYPES] = {
	[RECORD_MESSAGE] = replay_message,
	[RECORD_STATE] = replay_state,
	[RECORD_DONE] = replay_done,
	[RECORD_MARK] = replay_mark,
};

/* --- second walk: what needed to see everything -------------------------------- */

/* A finished message's record that no done we know of names (I6). */
static void settle_message(
    struct recovery *r, struct segment *seg, const struct entry *e)
{
	struct known *k = index_find(&r->sp->index, e->id);

	if (!k || !(k->flags & KNOWN_DEAD) ||
	    fact_of(r, k)->ended_in == seg->stamp)
		return;
	if (!(r->nended & (r->nended - 1)))
		r->ended = mem_resize(r->ended, r->nended ? r->nended * 2 : 1,
		    sizeof(r->ended[0]));
	r->ended[r->nended++] = (struct ended){ e->id, seg->stamp };
}

static void settle_done(
    struct recovery *r, struct segment *seg, const struct entry *e)
{
	struct segment *named = segments_named(r->sp, e->number);

	if (named)
		segment_named(r->sp, named, seg, e->length);
}

static replay_fn *const settles[RECORD_TYPES] = {
	[RECORD_MESSAGE] = settle_message,
	[RECORD_DONE] = settle_done,
};

static void note_entry(
    struct spool *sp, struct segment *seg, const struct entry *e)
{
	sp->seq = MAX(sp->seq, e->seq + 1);
	seg->end = MAX(seg->end, e->at + e->length);
}

static void walk(struct recovery *r, replay_fn *const fns[RECORD_TYPES])
{
	for (size_t i = 0; i < r->n; i++) {
		struct segment *seg = segment_of(r, i);
		span rest = buf_span(&r->loaded[i].scan.entries);
		struct entry e;

		if (!in_use(seg))
			continue;
		while (entry_get(&rest, &e)) {
			if (fns == replays)
				note_entry(r->sp, seg, &e);
			if (fns[e.type])
				fns[e.type](r, seg, &e);
		}
	}
}

/* --- faults ------------------------------------------------------------------------ */

/*
 * A record that its segment's scan found unreadable. When it was a message
 * that lives elsewhere or is finished, or not a message, nothing is lost.
 */
static void report_fault(
    struct recovery *r, uint32_t slot, const struct fault *f)
{
	struct known *k = index_find(&r->sp->index, f->id);
	struct spool_damage d = {
		.id = f->id,
		.at = f->at,
		.length = f->length,
		.what = f->type == RECORD_STATE ? "state record" : "record",
		.is_lost = !f->type || f->type == RECORD_MESSAGE,
	};

	if (f->type == RECORD_MESSAGE && k &&
	    (k->message.length || (k->flags & KNOWN_DEAD)))
		d.is_lost = false;
	(void)segment_name(slot, d.file);
	spool_damaged(r->sp, &d);
}

static void report_faults(struct recovery *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct scan *s = &r->loaded[i].scan;

		for (size_t n = 0; n < s->nfaults; n++)
			report_fault(r, r->slots[i], &s->faults[n]);
	}
}

/* --- what is alive ------------------------------------------------------------------- */

/* Drop the finished and the states without message; weigh the others. */
static void weigh_index(struct spool *sp)
{
	for (size_t i = 0; i < index_numbers(&sp->index); i++) {
		struct known *k = index_at(&sp->index, i);

		if (!k)
			continue;
		if (!k->message.length || (k->flags & KNOWN_DEAD)) {
			index_remove(&sp->index, k);
			continue;
		}
		segment_weigh(
		    sp, segments_find(sp, k->message.slot), k->message.length);
		if (k->state.length)
			segment_weigh(sp, segments_find(sp, k->state.slot),
			    k->state.length);
	}
}

static void tell_found(struct recovery *r)
{
	struct spool *sp = r->sp;

	for (size_t i = 0; i < index_numbers(&sp->index); i++) {
		const struct known *k = index_at(&sp->index, i);
		struct spool_found found;

		if (!k || !sp->config.calls.found)
			continue;
		found = (struct spool_found){
			.id = k->id,
			.digest = r->facts[i].digest,
			.state_digest = r->facts[i].state_digest,
			.has_state = k->state.length > 0,
			.is_big = k->flags & KNOWN_BIG,
		};
		sp->config.calls.found(sp->config.ctx, &found);
	}
}

/* --- going on ------------------------------------------------------------------------ */

/* The newest unsealed segment of that use: where we go on writing. */
static size_t find_head(const struct recovery *r, enum segment_use use)
{
	size_t best = r->n;

	for (size_t i = 0; i < r->n; i++) {
		const struct segment *seg = segment_of(r, i);

		if (!in_use(seg) || seg->use != use || seg->is_twice ||
		    r->loaded[i].is_sealed || r->loaded[i].what)
			continue;
		if (best == r->n || seg->seq > segment_of(r, best)->seq)
			best = i;
	}
	return best;
}

static void resume_heads(struct recovery *r)
{
	size_t hot = find_head(r, SEGMENT_HOT);
	size_t cold = find_head(r, SEGMENT_COLD);

	for (size_t i = 0; i < r->n; i++) {
		struct segment *seg = segment_of(r, i);
		struct loaded *l = &r->loaded[i];

		if (!in_use(seg) || l->is_sealed)
			continue;
		if (!l->scan.entries.len && !l->what)
			segment_freed(r->sp, seg); /* nothing got there */
		else if (i == hot || i == cold)
			log_resume(r->sp, seg, &l->scan);
		else
			log_seal(r->sp, seg, &l->scan.entries);
	}
}

/*
 * The first group: from here on this run's ids are reserved, what was torn
 * is known as torn, and no finished message can come back.
 */
static int first_group(struct recovery *r)
{
	struct spool *sp = r->sp;
	int error;

	segments_look_now(sp);
	if (!sp->log.hot && !sp->segments.nfree) {
		error = segments_prepare_now(sp);
		if (error && error != -ENOSPC && error != -EDQUOT)
			return error;
	}
	sp->mark_asked = sp->next_counter + MARK_AHEAD;
	log_put_number(sp, RECORD_MARK, sp->mark_asked);
	for (size_t i = 0; i < r->nended; i++)
		log_put_done(sp, r->ended[i].id, false, r->ended[i].stamp);
	spool_settle(sp);
	error = sp->log.last_error;
	if (sp->mark >= sp->mark_asked || error == -ENOSPC || error == -EDQUOT)
		return 0;
	return error;
}

static int recover_messages(struct recovery *r)
{
	int error;

	error = list_segments(r);
	if (!error)
		error = load_segments(r);
	if (error)
		return error;
	walk(r, replays);
	walk(r, settles);
	report_faults(r);
	weigh_index(r->sp);
	error = recover_blobs(r->sp);
	if (error)
		return error;
	tell_found(r);
	r->sp->segments.lighter = true;
	return 0;
}

int recover(struct spool *sp)
{
	struct recovery r = { .sp = sp };
	int error;

	error = recover_messages(&r);
	if (!error && !sp->config.read_only) {
		resume_heads(&r);
		error = first_group(&r);
	}
	for (size_t i = 0; r.loaded && i < r.n; i++)
		loaded_done(&r.loaded[i]);
	mem_free(r.loaded);
	mem_free(r.slots);
	mem_free(r.facts);
	mem_free(r.ended);
	return error;
}
