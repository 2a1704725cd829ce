/* SPDX-License-Identifier: ISC */
/*
 * A flush of one file after another costs a journal commit and a cache flush
 * of the disk each. So first all files are told to write out what they have,
 * which the disk may do in any order; then several threads flush, for whom
 * the kernel and the disk put together what they ask for at the same time.
 * doc/decisions/0005 has the numbers.
 */
#include "daemon/deliver/batch.h"

#include "daemon/deliver/box.h"
#include "os/clock.h"

/* Fewer than this are flushed without the help of threads. */
enum { ENOUGH_FOR_THREADS = 4 };

struct batch {
	struct worker *w;
	const struct mailbox_ops *ops;
	struct hmap boxes; /* by path: all */
	struct list open;
	size_t nopen;
	struct list refused;
	struct list aside;
	struct copy copy;
	struct workers *threads;
	unsigned nthreads;
};

struct batch *batch_new(
    struct worker *w, unsigned threads, const struct mailbox_ops *ops)
{
	struct batch *b = NEW(struct batch);

	b->w = w;
	b->ops = ops;
	b->nthreads = threads;
	hmap_init(&b->boxes);
	list_init(&b->open);
	list_init(&b->refused);
	list_init(&b->aside);
	copy_init(&b->copy);
	return b;
}

static void drop(struct batch *b, struct box *box)
{
	list_remove(&box->link);
	hmap_remove(&b->boxes, &box->node);
	box_free(box);
}

static struct box *first_of(const struct list *boxes)
{
	return CONTAINER_OF(boxes->next, struct box, link);
}

void batch_free(struct batch **batch)
{
	struct batch *b = STEAL(*batch);

	if (!b)
		return;
	while (!list_is_empty(&b->aside))
		drop(b, first_of(&b->aside));
	workers_free(&b->threads);
	hmap_done(&b->boxes);
	copy_release(&b->copy);
	mem_free(b);
}

static struct box *find_box(struct batch *b, span path, uint64_t hash)
{
	struct hnode *n;

	for (n = hmap_first(&b->boxes, hash); n; n = hmap_next(n, hash)) {
		struct box *box = CONTAINER_OF(n, struct box, node);

		if (span_eq(box->path, path))
			return box;
	}
	return NULL;
}

/* Into the list of its state. */
static void file_box(struct batch *b, struct box *box)
{
	struct list *const lists[] = {
		[BOX_LOCKED] = &b->aside,
		[BOX_OPEN] = &b->open,
		[BOX_REFUSED] = &b->refused,
	};

	list_remove(&box->link);
	list_append(lists[box->state], &box->link);
	b->nopen += box->state == BOX_OPEN;
}

/* Flushing */

static void run_flush(struct job *job)
{
	struct box *box = CONTAINER_OF(job, struct box, flush);

	box->flushed = mailbox_flush(&box->mailbox);
}

static void flush_is_done(struct job *job)
{
	(void)job;
}

static bool has_threads(struct batch *b)
{
	if (b->nthreads == 0 || b->nopen < ENOUGH_FOR_THREADS)
		return false;
	/* One is for the other lane. */
	return b->threads || workers_new(b->nthreads + 1, &b->threads) == 0;
}

static void flush_all(struct batch *b)
{
	bool threads = has_threads(b);

	LIST_FOR(l, &b->open)
	mailbox_start(&CONTAINER_OF(l, struct box, link)->mailbox);
	LIST_FOR(l, &b->open)
	{
		struct box *box = CONTAINER_OF(l, struct box, link);

		box->flush.run = run_flush;
		box->flush.done = flush_is_done;
		if (threads)
			workers_submit(b->threads, LANE_FILE, &box->flush);
		else
			run_flush(&box->flush);
	}
	while (threads && workers_busy(b->threads) > 0) {
		workers_wait(b->threads);
		(void)workers_collect(b->threads);
	}
}

static void settle_open(struct batch *b)
{
	bool alone = worker_is_alone(b->w);

	if (!alone)
		flush_all(b);
	while (!list_is_empty(&b->open)) {
		struct box *box = first_of(&b->open);

		if (alone)
			box_undo(box);
		else
			box_settle(box, box->flushed);
		/* More than fitted: at once again. */
		if (box_has_kept(box))
			file_box(b, box);
		else
			drop(b, box);
	}
	b->nopen = 0;
}

void batch_end(struct batch *b)
{
	if (!list_is_empty(&b->open))
		settle_open(b);
	while (!list_is_empty(&b->refused))
		drop(b, first_of(&b->refused));
	copy_release(&b->copy);
}

/* Items */

static struct box *get_box(struct batch *b, const struct work_item *item)
{
	uint64_t hash = hash_bytes(item->path);
	struct box *box = find_box(b, item->path, hash);

	if (box && !box_is_for(box, item) && box->state != BOX_LOCKED) {
		/* The same file in another role: one after the other. */
		batch_end(b);
		box = find_box(b, item->path, hash);
	}
	if (box)
		return box;
	if (b->nopen == BATCH_BOXES)
		batch_end(b);
	box = box_new(b->w, item, b->ops);
	hmap_put(&b->boxes, &box->node, hash);
	box_open(box);
	file_box(b, box);
	return box;
}

void batch_add(struct batch *b, const struct work_item *item, int blob)
{
	struct box *box = get_box(b, item);

	if (!box_is_for(box, item) || box->state == BOX_REFUSED)
		box_refuse(box, item->number, item->address);
	else if (box->state == BOX_LOCKED)
		box_keep(box, item);
	else
		box_append(box, &b->copy, item, blob);
	if (box->nwritten == BOX_MAX)
		batch_end(b);
}

/* What was put aside */

usec batch_next(const struct batch *b)
{
	usec next = UINT64_MAX;

	LIST_FOR(l, &b->aside)
	next = MIN(next, CONTAINER_OF(l, struct box, link)->again);
	return next;
}

void batch_retry(struct batch *b)
{
	usec now = clock_monotonic();

	LIST_FOR(l, &b->aside)
	{
		struct box *box = CONTAINER_OF(l, struct box, link);

		if (box->again > now || b->nopen == BATCH_BOXES)
			continue;
		box_open(box);
		if (box->state == BOX_LOCKED)
			continue;
		file_box(b, box);
		box_take_kept(box, &b->copy);
	}
}
