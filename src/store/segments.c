/* SPDX-License-Identifier: ISC */
/*
 * store/segments.c - the set of segments: how much lives in each, which are
 * free, and making more of them before they are needed.
 *
 * Live bytes are those of records that count (doc/queue.md 4) plus those of
 * done records that name a segment in use. The latter are found again when
 * that segment is freed, through its list of who names it; the list is by
 * stamp, so entries of holders that are gone themselves are simply skipped.
 *
 * At most one job of each kind is under way: preparing a segment, removing
 * one, looking at the free space.
 */
#include "store/spool_internal.h"

#include <errno.h>

void segments_init(struct spool *sp)
{
	hmap_init(&sp->segments.by_stamp);
	list_init(&sp->segments.free);
}

static void segment_delete(struct segment *seg)
{
	mem_free(seg->named_by);
	mem_free(seg);
}

void segments_done(struct spool *sp)
{
	struct segments *s = &sp->segments;

	for (uint32_t i = 0; i < s->nslots; i++)
		if (s->slots[i])
			segment_delete(s->slots[i]);
	mem_free(s->slots);
	hmap_done(&s->by_stamp);
}

struct segment *segments_find(const struct spool *sp, uint32_t slot)
{
	return slot < sp->segments.nslots ? sp->segments.slots[slot] : NULL;
}

struct segment *segments_named(const struct spool *sp, uint64_t stamp)
{
	struct hnode *n = hmap_first(&sp->segments.by_stamp, hash_u64(stamp));

	/* hash_u64() is one-to-one: the same hash is the same stamp. */
	return n ? CONTAINER_OF(n, struct segment, by_stamp) : NULL;
}

void segment_become(struct segment *seg, enum segment_state state)
{
	seg->state = (uint8_t)state;
}

static void grow_slots(struct segments *s, uint32_t slot)
{
	uint32_t n = MAX(slot + 1, s->nslots + s->nslots / 2 + 8);

	s->slots = mem_resize(s->slots, n, sizeof(s->slots[0]));
	for (uint32_t i = s->nslots; i < n; i++)
		s->slots[i] = NULL;
	s->nslots = n;
}

static void now_free(struct segments *s, struct segment *seg)
{
	segment_become(seg, SEG_FREE);
	seg->use = SEGMENT_FREE;
	list_append(&s->free, &seg->free);
	s->nfree++;
	s->free_bytes += seg->size;
	s->changed = true;
	if (s->nfree >= SEGMENTS_SPARE)
		s->is_starved = false;
}

static void now_used(struct segments *s, struct segment *seg)
{
	s->used_bytes += seg->size;
	hmap_put(&s->by_stamp, &seg->by_stamp, hash_u64(seg->stamp));
}

struct segment *segments_add(
    struct spool *sp, uint32_t slot, const struct segment_header *h)
{
	struct segments *s = &sp->segments;
	struct segment *seg = NEW(struct segment);

	seg->slot = slot;
	seg->size = h->size;
	seg->use = h->use;
	seg->is_sure = true;
	seg->turn = h->turn;
	seg->stamp = h->stamp;
	seg->seq = h->seq;
	seg->end = SEGMENT_DATA;
	list_init(&seg->free);
	if (slot >= s->nslots)
		grow_slots(s, slot);
	s->slots[slot] = seg;
	s->count++;
	if (h->use == SEGMENT_FREE) {
		now_free(s, seg);
	} else {
		segment_become(seg, SEG_SEALED);
		now_used(s, seg);
	}
	return seg;
}

unsigned segment_next_block(const struct segment *seg)
{
	return seg->is_sure ? !seg->block : seg->block;
}

void segments_reserve(struct spool *sp, uint32_t slot)
{
	struct segments *s = &sp->segments;
	struct segment *seg = NEW(struct segment);

	seg->slot = slot;
	list_init(&seg->free);
	segment_become(seg, SEG_LOST);
	if (slot >= s->nslots)
		grow_slots(s, slot);
	s->slots[slot] = seg;
	s->count++;
}

static uint64_t new_stamp(const struct spool *sp)
{
	uint64_t stamp = 0;
	int r;

	do
		r = sp->store.ops->random(
		    sp->store.ops->fs, &stamp, sizeof(stamp));
	while (!r && (!stamp || segments_named(sp, stamp)));
	if (r < 0)
		bug("no random numbers: error %d", -r);
	return stamp;
}

struct segment *segments_take(
    struct spool *sp, enum segment_use use, unsigned leave)
{
	struct segments *s = &sp->segments;
	struct segment *seg;

	if (s->nfree <= leave)
		return NULL;
	seg = CONTAINER_OF(list_take(&s->free), struct segment, free);
	s->nfree--;
	s->free_bytes -= seg->size;
	seg->use = (uint8_t)use;
	seg->block = (uint8_t)segment_next_block(seg);
	seg->is_sure = false;
	seg->turn++;
	seg->stamp = new_stamp(sp);
	seg->seq = sp->seq;
	seg->end = SEGMENT_DATA;
	segment_become(seg, SEG_HEAD);
	now_used(s, seg);
	return seg;
}

struct segment_header segment_header_now(
    const struct spool *sp, const struct segment *seg)
{
	return (struct segment_header){
		.turn = seg->turn,
		.stamp = seg->stamp,
		.seq = seg->use == SEGMENT_FREE ? sp->seq : seg->seq,
		.mark = MAX(sp->mark, sp->mark_asked),
		.size = seg->size,
		.use = seg->use,
	};
}

/* --- accounts --------------------------------------------------------- */

void segment_weigh(struct spool *sp, struct segment *seg, int64_t bytes)
{
	seg->live += (uint64_t)bytes;
	sp->segments.live_bytes += (uint64_t)bytes;
	sp->segments.lighter |= bytes < 0;
	if (seg->live > seg->size)
		bug("segment %u: %lld live bytes", seg->slot,
		    (long long)seg->live);
}

/* Forget the holders that are gone, when the list would grow. */
static void prune_names(struct spool *sp, struct segment *seg)
{
	size_t kept = 0;

	for (size_t i = 0; i < seg->nnamed_by; i++)
		if (segments_named(sp, seg->named_by[i].stamp))
			seg->named_by[kept++] = seg->named_by[i];
	seg->nnamed_by = kept;
	seg->named_by =
	    mem_resize(seg->named_by, kept * 2 + 2, sizeof(seg->named_by[0]));
}

void segment_named(struct spool *sp, struct segment *seg,
    struct segment *holder, uint64_t bytes)
{
	size_t n = seg->nnamed_by;

	segment_weigh(sp, holder, (int64_t)bytes);
	/* Nearly always the one that was named last. */
	for (size_t i = n; i-- > 0;) {
		if (seg->named_by[i].stamp == holder->stamp) {
			seg->named_by[i].bytes += bytes;
			return;
		}
	}
	if (!n || !(n & (n - 1)))
		prune_names(sp, seg);
	seg->named_by[seg->nnamed_by++] =
	    (struct named_by){ holder->stamp, bytes };
}

void segment_freed(struct spool *sp, struct segment *seg)
{
	struct segments *s = &sp->segments;

	hmap_remove(&s->by_stamp, &seg->by_stamp);
	for (size_t i = 0; i < seg->nnamed_by; i++) {
		struct segment *holder =
		    segments_named(sp, seg->named_by[i].stamp);

		if (holder)
			segment_weigh(
			    sp, holder, -(int64_t)seg->named_by[i].bytes);
	}
	mem_free(STEAL(seg->named_by));
	seg->nnamed_by = 0;
	segment_weigh(sp, seg, -(int64_t)seg->live);
	seg->is_twice = false;
	s->used_bytes -= seg->size;
	now_free(s, seg);
}

/* --- preparing -------------------------------------------------------- */

struct prepare {
	struct job job;
	struct spool *sp;
	uint32_t slot;
	struct segment_header header;
	int result;
};

static uint32_t unused_slot(const struct segments *s)
{
	uint32_t slot = 0;

	while (slot < s->nslots && s->slots[slot])
		slot++;
	return slot;
}

static void prepare_run(struct job *job)
{
	struct prepare *p = CONTAINER_OF(job, struct prepare, job);

	p->result = segment_prepare(&p->sp->store, p->slot, &p->header);
}

static void starve(struct spool *sp)
{
	struct segments *s = &sp->segments;

	s->is_starved = true;
	s->changed = true; /* those who wait for it need an answer */
	s->retry_at = sp->now + RETRY_DELAY;
}

static void prepare_finish(struct prepare *p)
{
	struct spool *sp = p->sp;
	struct segments *s = &sp->segments;

	s->is_preparing = false;
	sp->stats.flushes += 3;
	if (p->result < 0)
		starve(sp);
	else
		(void)segments_add(sp, p->slot, &p->header);
}

static void prepare_done(struct job *job)
{
	struct prepare *p = CONTAINER_OF(job, struct prepare, job);

	prepare_finish(p);
	mem_free(p);
}

static void prepare_init(struct prepare *p, struct spool *sp)
{
	*p = (struct prepare){
		.job = { .run = prepare_run, .done = prepare_done },
		.sp = sp,
		.slot = unused_slot(&sp->segments),
		.header = { .turn = 1,
		    .seq = sp->seq,
		    .mark = MAX(sp->mark, sp->mark_asked),
		    .size = sp->config.segment_size,
		    .use = SEGMENT_FREE },
	};
	sp->segments.is_preparing = true;
}

int segments_prepare_now(struct spool *sp)
{
	struct prepare p;

	prepare_init(&p, sp);
	prepare_run(&p.job);
	prepare_finish(&p);
	return p.result;
}

static void start_preparing(struct spool *sp)
{
	struct prepare *p;

	/* Not even to be tried: it would take the last from others. */
	if (sp->segments.space < sp->config.segment_size) {
		starve(sp);
		return;
	}
	p = NEW(struct prepare);
	prepare_init(p, sp);
	workers_submit(sp->workers, LANE_FILE, &p->job);
}

/* --- removing --------------------------------------------------------- */

struct trim {
	struct job job;
	struct spool *sp;
	struct segment *seg;
};

static void trim_run(struct job *job)
{
	struct trim *t = CONTAINER_OF(job, struct trim, job);
	const struct store *st = &t->sp->store;
	char name[SEGMENT_NAME_MAX];

	/* When it fails the file is there at the next start, and free. */
	(void)st->ops->unlink(
	    st->ops->fs, st->dir, segment_name(t->seg->slot, name));
}

static void trim_done(struct job *job)
{
	struct trim *t = CONTAINER_OF(job, struct trim, job);
	struct segments *s = &t->sp->segments;

	s->is_trimming = false;
	s->slots[t->seg->slot] = NULL;
	s->count--;
	segment_delete(t->seg);
	mem_free(t);
}

static void start_trimming(struct spool *sp)
{
	struct segments *s = &sp->segments;
	struct trim *t = NEW(struct trim);

	t->job = (struct job){ .run = trim_run, .done = trim_done };
	t->sp = sp;
	t->seg = CONTAINER_OF(list_take(&s->free), struct segment, free);
	s->nfree--;
	s->free_bytes -= t->seg->size;
	s->is_trimming = true;
	workers_submit(sp->workers, LANE_FILE, &t->job);
}

/* --- space ------------------------------------------------------------ */

struct look {
	struct job job;
	struct spool *sp;
	uint64_t space;
	int result;
};

static void look_run(struct job *job)
{
	struct look *l = CONTAINER_OF(job, struct look, job);
	const struct store *st = &l->sp->store;

	l->result = st->ops->space(st->ops->fs, st->dir, &l->space);
}

static void look_finish(struct look *l)
{
	struct segments *s = &l->sp->segments;

	s->is_looking = false;
	s->space_at = l->sp->now;
	/* Not knowing is no reason to refuse mail; a write will tell. */
	s->space = l->result < 0 ? UINT64_MAX / 2 : l->space;
	s->changed = true;
}

static void look_done(struct job *job)
{
	struct look *l = CONTAINER_OF(job, struct look, job);

	look_finish(l);
	mem_free(l);
}

void segments_look_now(struct spool *sp)
{
	struct look l = { .sp = sp };

	look_run(&l.job);
	look_finish(&l);
}

static void start_looking(struct spool *sp)
{
	struct look *l = NEW(struct look);

	l->job = (struct job){ .run = look_run, .done = look_done };
	l->sp = sp;
	sp->segments.is_looking = true;
	workers_submit(sp->workers, LANE_FILE, &l->job);
}

/* While nothing comes in and nobody was refused, the disk is left alone. */
static bool wants_look(const struct spool *sp)
{
	const struct segments *s = &sp->segments;

	return !s->is_looking && sp->now >= s->space_at + RETRY_DELAY &&
	    (sp->log.arrived || sp->log.is_full || s->nfree < SEGMENTS_SPARE);
}

static bool wants_prepare(const struct spool *sp)
{
	const struct segments *s = &sp->segments;

	return !s->is_preparing && s->nfree < SEGMENTS_SPARE &&
	    sp->now >= s->retry_at;
}

void segments_run(struct spool *sp)
{
	struct segments *s = &sp->segments;

	if (sp->is_quiet)
		return;
	if (wants_look(sp))
		start_looking(sp);
	if (wants_prepare(sp))
		start_preparing(sp);
	if (!s->is_trimming && s->nfree > SEGMENTS_MOST)
		start_trimming(sp);
}

usec segments_deadline(const struct spool *sp)
{
	const struct segments *s = &sp->segments;
	usec due = USEC_NEVER;

	if (!s->is_preparing && s->nfree < SEGMENTS_SPARE)
		due = s->retry_at;
	if (sp->log.is_full && !s->is_looking)
		due = MIN(due, s->space_at + RETRY_DELAY);
	return due;
}

enum room segments_room(const struct spool *sp, unsigned more, uint64_t blob)
{
	const struct segments *s = &sp->segments;
	uint64_t free_bytes = s->free_bytes;
	uint64_t needed;

	if (s->space < sp->config.min_free ||
	    s->space - sp->config.min_free < blob)
		return ROOM_NO;
	if (s->nfree < SEGMENTS_RESERVE + more)
		return s->is_starved ? ROOM_NO : ROOM_WAIT;
	needed = s->used_bytes / 8;
	free_bytes += s->space - sp->config.min_free;
	return free_bytes >= needed ? ROOM_YES : ROOM_NO;
}
