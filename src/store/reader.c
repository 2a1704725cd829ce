/* SPDX-License-Identifier: ISC */
/*
 * store/reader.c - records come back.
 *
 * A reading takes the places of message and state as they are now; until a
 * thread gets there the cleaner may have moved them and the segment may have
 * been reused. That shows: a record that is whole and has the right id and
 * type is the right one (copies are identical), anything else sends the
 * reading to the places of that moment again. Only when those have not
 * changed meanwhile it is damage.
 */
#include "store/spool_internal.h"

#include "base/wire.h"

#include <errno.h>
#include <fcntl.h>

struct reading {
	struct job job;
	struct spool *sp;
	msgid id;
	spool_read_fn *fn;
	void *ctx;
	struct place message;
	struct place state;
	struct buf bytes; /* the message, as it was read */
	struct buf state_bytes;
	bool state_from_memory; /* it is not durable yet */
	bool message_is_whole;
	bool state_is_whole;
	bool blob_is_whole;
	int result;
};

static int read_place(
    const struct store *st, const struct place *p, struct buf *to)
{
	char name[SEGMENT_NAME_MAX];
	char *room = buf_room(to, p->length);
	ssize_t n;
	int fd;

	if (!room)
		return -EFBIG;
	fd = st->ops->open(
	    st->ops->fs, st->dir, segment_name(p->slot, name), O_RDONLY, 0);
	if (fd == -ENOENT)
		return 0; /* moved, and the segment removed */
	if (fd < 0)
		return fd;
	n = st->ops->read(st->ops->fs, fd, room, p->length, p->at);
	(void)st->ops->close(st->ops->fs, fd);
	if (n < 0)
		return (int)n;
	to->len += (size_t)n;
	return 0;
}

static bool is_whole(const struct buf *b, msgid id, enum record_type type)
{
	struct record_payload p;
	struct record r;

	return record_get(buf_span(b), &r) && r.id == id && r.type == type &&
	    record_is_whole(buf_span(b), &r) &&
	    record_split(buf_span(b), &r, &p);
}

static uint64_t blob_size(const struct record_payload *p)
{
	struct wire w = wire_from(p->body);

	return wire_u64(&w);
}

/* The message is whole: is its blob as long as it was? */
static int check_blob(struct reading *r)
{
	const struct file_ops *ops = r->sp->store.ops;
	char name[MSGID_TEXT_MAX];
	struct record_payload p = { 0 };
	struct record rec = { 0 };
	uint64_t size = 0;
	int error;
	int fd;

	r->blob_is_whole = true;
	if (!record_get(buf_span(&r->bytes), &rec) ||
	    !record_split(buf_span(&r->bytes), &rec, &p) ||
	    !(rec.flags & RECORD_BIG))
		return 0;
	(void)msgid_text(r->id, name);
	fd = ops->open(ops->fs, r->sp->blobs.dir, name, O_RDONLY, 0);
	if (fd < 0 && fd != -ENOENT)
		return fd;
	error = fd < 0 ? 0 : ops->size(ops->fs, fd, &size);
	if (fd >= 0)
		(void)ops->close(ops->fs, fd);
	r->blob_is_whole = fd >= 0 && size >= blob_size(&p);
	return error;
}

static int read_records(struct reading *r)
{
	const struct store *st = &r->sp->store;
	int error;

	error = read_place(st, &r->message, &r->bytes);
	r->message_is_whole = is_whole(&r->bytes, r->id, RECORD_MESSAGE);
	if (!error && r->message_is_whole)
		error = check_blob(r);
	if (!error && r->state.length && !r->state_from_memory)
		error = read_place(st, &r->state, &r->state_bytes);
	r->state_is_whole = (!r->state.length && !r->state_from_memory) ||
	    is_whole(&r->state_bytes, r->id, RECORD_STATE);
	return error;
}

static void reading_run(struct job *job)
{
	struct reading *r = CONTAINER_OF(job, struct reading, job);

	r->result = read_records(r);
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->slot == b->slot && a->at == b->at && a->length == b->length;
}

static void answer_reading(struct reading *r)
{
	struct spool_record record = { .id = r->id };
	struct record_payload p = { 0 };
	struct record rec = { 0 };

	if (record_get(buf_span(&r->bytes), &rec) &&
	    record_split(buf_span(&r->bytes), &rec, &p)) {
		record.envelope = p.head;
		record.is_big = rec.flags & RECORD_BIG;
		if (!record.is_big)
			record.content = p.body;
		record.size = record.is_big ? blob_size(&p) : p.body.len;
	}
	record.has_state = r->state_bytes.len > 0;
	if (record.has_state && record_get(buf_span(&r->state_bytes), &rec) &&
	    record_split(buf_span(&r->state_bytes), &rec, &p))
		record.state = p.head;
	r->fn(r->ctx, SPOOL_OK, &record);
}

static void reading_free(struct reading *r)
{
	buf_done(&r->bytes);
	buf_done(&r->state_bytes);
	mem_free(r);
}

static void reading_start(struct reading *r, const struct known *k)
{
	span pending = SPAN_NONE;

	r->message = k->message;
	r->state = k->state;
	buf_clear(&r->bytes);
	buf_clear(&r->state_bytes);
	if (k->pending)
		pending = log_pending_state(r->sp, r->id);
	buf_put(&r->state_bytes, pending);
	r->state_from_memory = pending.len > 0;
	workers_submit(r->sp->workers, LANE_FILE, &r->job);
}

static void report_blob(struct spool *sp, msgid id)
{
	struct spool_damage d = { .id = id, .what = "blob" };
	char name[MSGID_TEXT_MAX];

	(void)msgid_text(id, name);
	(void)snprintf(d.file, sizeof(d.file), "blob/%s", name);
	spool_damaged(sp, &d);
}

/*
 * Something was not whole. SPOOL_OK: a new attempt is under way. A blob that
 * is too short stays for the operator, and so does its message: only he can
 * say what it is still worth.
 */
static int read_again(struct reading *r, struct known *k)
{
	if (r->message_is_whole && !r->blob_is_whole) {
		report_blob(r->sp, r->id);
		return SPOOL_DAMAGED;
	}
	if (!r->message_is_whole && same_place(&r->message, &k->message)) {
		spool_lost_record(r->sp, k, &k->message);
		return SPOOL_DAMAGED;
	}
	if (!r->state_is_whole && same_place(&r->state, &k->state))
		spool_lost_record(r->sp, k, &k->state);
	reading_start(r, k);
	return SPOOL_OK;
}

static void reading_done(struct job *job)
{
	struct reading *r = CONTAINER_OF(job, struct reading, job);
	struct known *k = index_find(&r->sp->index, r->id);
	int result = r->result;

	if (!result && r->message_is_whole && r->state_is_whole &&
	    r->blob_is_whole) {
		answer_reading(r);
		reading_free(r);
		return;
	}
	if (!k)
		result = SPOOL_GONE;
	else if (!result)
		result = read_again(r, k);
	if (result == SPOOL_OK)
		return;
	r->fn(r->ctx, result, NULL);
	reading_free(r);
}

static void nothing_to_run(struct job *job)
{
	(void)job;
}

static void gone_done(struct job *job)
{
	struct reading *r = CONTAINER_OF(job, struct reading, job);

	r->fn(r->ctx, SPOOL_GONE, NULL);
	reading_free(r);
}

void spool_read(struct spool *sp, msgid id, spool_read_fn *fn, void *ctx)
{
	struct known *k = index_find(&sp->index, id);
	struct reading *r = NEW(struct reading);

	*r = (struct reading){
		.job = { .run = reading_run, .done = reading_done },
		.sp = sp,
		.id = id,
		.fn = fn,
		.ctx = ctx,
		.bytes = BUF_INIT(SEGMENT_MAX),
		.state_bytes = BUF_INIT(SEGMENT_MAX),
	};
	if (k) {
		reading_start(r, k);
	} else {
		r->job =
		    (struct job){ .run = nothing_to_run, .done = gone_done };
		workers_submit(sp->workers, LANE_FILE, &r->job);
	}
}

/* --- for the operator --------------------------------------------------------- */

struct saving {
	struct job job;
	struct spool *sp;
	msgid id;
	struct place where;
};

/* Best effort: the damage was told, this is what is left of it. */
static void saving_run(struct job *job)
{
	struct saving *s = CONTAINER_OF(job, struct saving, job);
	const struct store *st = &s->sp->store;
	struct buf bytes = BUF_INIT(SEGMENT_MAX);
	char name[MSGID_TEXT_MAX];
	int dir;
	int fd;

	(void)msgid_text(s->id, name);
	(void)st->ops->mkdir(st->ops->fs, st->dir, "corrupt");
	dir = st->ops->open(
	    st->ops->fs, st->dir, "corrupt", O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return;
	fd = st->ops->open(
	    st->ops->fs, dir, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd >= 0) {
		if (!read_place(st, &s->where, &bytes))
			(void)st->ops->write(
			    st->ops->fs, fd, buf_span(&bytes), 0);
		(void)st->ops->close(st->ops->fs, fd);
	}
	(void)st->ops->close(st->ops->fs, dir);
	buf_done(&bytes);
}

static void saving_done(struct job *job)
{
	mem_free(CONTAINER_OF(job, struct saving, job));
}

void save_corrupt(struct spool *sp, msgid id, const struct place *where)
{
	struct saving *s = NEW(struct saving);

	s->job = (struct job){ .run = saving_run, .done = saving_done };
	s->sp = sp;
	s->id = id;
	s->where = *where;
	workers_submit(sp->workers, LANE_FILE, &s->job);
}
