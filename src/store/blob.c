/* SPDX-License-Identifier: ISC */
/*
 * store/blob.c - content too large to be copied through memory.
 *
 * The file has no name while it is written, so that nothing is left of a
 * message that never comes to its end, not even after a crash. When the
 * message is appended a thread names it, flushes its bytes, then its name,
 * and only then its record goes into the log (I2). The name comes before the
 * flush because most file systems then write both with one journal commit;
 * a name without a record is removed at the next start (I10).
 */
#include "store/spool_internal.h"

#include "base/wire.h"

#include <errno.h>
#include <fcntl.h>

enum { NAME_MAX_LENGTH = 32 };

struct spool_blob {
	int fd;
	char name[NAME_MAX_LENGTH]; /* empty: it has none yet */
};

int blobs_open(struct spool *sp)
{
	const struct store *st = &sp->store;
	int r = 0;

	if (!sp->config.read_only)
		r = st->ops->mkdir(st->ops->fs, st->dir, "blob");
	if (r < 0 && r != -EEXIST)
		return r;
	/* Also when it was there: whoever made it may not have got so far. */
	r = 0;
	if (!sp->config.read_only)
		r = st->ops->flush_dir(st->ops->fs, st->dir);
	if (r < 0)
		return r;
	r = st->ops->open(
	    st->ops->fs, st->dir, "blob", O_RDONLY | O_DIRECTORY, 0);
	if (r == -ENOENT && sp->config.read_only)
		return 0;
	if (r < 0)
		return r;
	sp->blobs.dir = r;
	return 0;
}

void blobs_close(struct spool *sp)
{
	const struct store *st = &sp->store;

	if (sp->blobs.dir >= 0)
		(void)st->ops->close(st->ops->fs, sp->blobs.dir);
	sp->blobs.dir = -1;
}

static const char *blob_name(msgid id, char name[MSGID_TEXT_MAX])
{
	(void)msgid_text(id, name);
	return name;
}

/* --- a new one -------------------------------------------------------------- */

static bool says_no_unnamed_files(int error)
{
	return error == -EOPNOTSUPP || error == -EISDIR || error == -EINVAL ||
	    error == -ENOENT;
}

static int open_unnamed(struct spool *sp)
{
	const struct store *st = &sp->store;
	int fd = -EOPNOTSUPP;

	if (!sp->blobs.only_named)
		fd = st->ops->open(
		    st->ops->fs, sp->blobs.dir, "", O_RDWR | O_TMPFILE, 0600);
	if (says_no_unnamed_files(fd))
		sp->blobs.only_named = true;
	return fd;
}

static int open_named(struct spool *sp, char name[NAME_MAX_LENGTH])
{
	const struct store *st = &sp->store;

	(void)snprintf(name, NAME_MAX_LENGTH, "new-%llu",
	    (unsigned long long)++sp->blobs.counter);
	return st->ops->open(
	    st->ops->fs, sp->blobs.dir, name, O_RDWR | O_CREAT | O_EXCL, 0600);
}

int spool_blob_new(struct spool *sp, struct spool_blob **ret_blob)
{
	char name[NAME_MAX_LENGTH] = "";
	struct spool_blob *b;
	int fd;

	if (segments_room(sp, 0, SEGMENT_BLOCK) == ROOM_NO)
		return SPOOL_FULL;
	fd = open_unnamed(sp);
	if (fd < 0 && sp->blobs.only_named)
		fd = open_named(sp, name);
	if (fd == -ENOSPC || fd == -EDQUOT)
		return SPOOL_FULL;
	if (fd < 0)
		return fd;
	b = NEW(struct spool_blob);
	b->fd = fd;
	memcpy(b->name, name, sizeof(name));
	*ret_blob = b;
	return 0;
}

int spool_blob_fd(const struct spool_blob *blob)
{
	return blob->fd;
}

void spool_blob_free(struct spool *sp, struct spool_blob **blob)
{
	const struct store *st = &sp->store;
	struct spool_blob *b = *blob;

	*blob = NULL;
	if (!b)
		return;
	if (b->name[0])
		(void)st->ops->unlink(st->ops->fs, sp->blobs.dir, b->name);
	(void)st->ops->close(st->ops->fs, b->fd);
	mem_free(b);
}

/* --- publishing --------------------------------------------------------------- */

struct publish {
	struct job job;
	struct spool *sp;
	int dir;
	struct spool_blob *blob;
	msgid id;
	struct buf copy; /* digest, envelope */
	size_t digest;
	spool_done_fn *fn;
	void *ctx;
	uint64_t size;
	int result;
};

static int blob_publish(struct publish *p)
{
	const struct file_ops *ops = p->sp->store.ops;
	char name[MSGID_TEXT_MAX];
	int r;

	(void)blob_name(p->id, name);
	if (p->blob->name[0])
		r = ops->rename(ops->fs, p->dir, p->blob->name, name);
	else
		r = ops->link(ops->fs, p->blob->fd, p->dir, name);
	if (r < 0)
		return r;
	/* Whatever happens now, it is to be removed under this name. */
	(void)snprintf(p->blob->name, sizeof(p->blob->name), "%s", name);
	r = ops->flush(ops->fs, p->blob->fd);
	if (!r)
		r = ops->flush_dir(ops->fs, p->dir);
	if (!r)
		r = ops->size(ops->fs, p->blob->fd, &p->size);
	return r;
}

static void publish_run(struct job *job)
{
	struct publish *p = CONTAINER_OF(job, struct publish, job);

	p->result = blob_publish(p);
}

static void append_published(struct publish *p)
{
	span copy = buf_span(&p->copy);
	struct buf size = BUF_INIT(sizeof(p->size));
	struct item item = {
		.record = { .id = p->id,
		    .type = RECORD_MESSAGE,
		    .flags = RECORD_BIG },
		.payload = { .digest = span_first(copy, p->digest),
		    .head = span_from(copy, p->digest) },
		.fn = p->fn,
		.ctx = p->ctx,
	};

	wire_put_u64(&size, p->size);
	item.payload.body = buf_span(&size);
	if (!log_put_message(p->sp, &item)) {
		blob_remove(p->sp, p->id);
		spool_answer(p->sp, p->fn, p->ctx, SPOOL_FULL);
	}
	buf_done(&size);
}

static void publish_done(struct job *job)
{
	struct publish *p = CONTAINER_OF(job, struct publish, job);
	bool is_full = p->result == -ENOSPC || p->result == -EDQUOT;

	p->sp->stats.flushes += 2;
	if (p->result < 0) {
		/* Named or not, spool_blob_free() removes what there is. */
		spool_answer(
		    p->sp, p->fn, p->ctx, is_full ? SPOOL_FULL : p->result);
	} else {
		append_published(p);
		p->blob->name[0] = '\0';
	}
	spool_blob_free(p->sp, &p->blob);
	buf_done(&p->copy);
	mem_free(p);
}

void blob_append(struct spool *sp, const struct spool_message *m,
    spool_done_fn *fn, void *ctx)
{
	struct publish *p = NEW(struct publish);

	p->job = (struct job){ .run = publish_run, .done = publish_done };
	p->sp = sp;
	p->dir = sp->blobs.dir;
	p->blob = m->blob;
	p->id = m->id;
	p->digest = m->digest.len;
	p->fn = fn;
	p->ctx = ctx;
	buf_init(&p->copy, SEGMENT_MAX);
	buf_put(&p->copy, m->digest);
	buf_put(&p->copy, m->envelope);
	workers_submit(sp->workers, LANE_FILE, &p->job);
}

/* --- removing ------------------------------------------------------------------ */

struct removal {
	struct job job;
	const struct file_ops *ops;
	int dir;
	msgid id;
};

static void remove_run(struct job *job)
{
	struct removal *r = CONTAINER_OF(job, struct removal, job);
	char name[MSGID_TEXT_MAX];

	/* If it stays it is an orphan, for the next start to remove. */
	(void)r->ops->unlink(r->ops->fs, r->dir, blob_name(r->id, name));
}

static void remove_done(struct job *job)
{
	mem_free(CONTAINER_OF(job, struct removal, job));
}

void blob_remove(struct spool *sp, msgid id)
{
	struct removal *r = NEW(struct removal);

	r->job = (struct job){ .run = remove_run, .done = remove_done };
	r->ops = sp->store.ops;
	r->dir = sp->blobs.dir;
	r->id = id;
	workers_submit(sp->workers, LANE_FILE, &r->job);
}

/* --- reading, and the start -------------------------------------------------------- */

int spool_open_blob(struct spool *sp, msgid id, int *ret_fd)
{
	const struct file_ops *ops = sp->store.ops;
	char name[MSGID_TEXT_MAX];
	int fd;

	if (!spool_has(sp, id) || sp->blobs.dir < 0)
		return SPOOL_GONE;
	fd =
	    ops->open(ops->fs, sp->blobs.dir, blob_name(id, name), O_RDONLY, 0);
	if (fd == -ENOENT)
		return SPOOL_DAMAGED;
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

struct listing {
	struct spool *sp;
	struct buf orphans; /* names, each with its NUL */
};

static bool see_blob(void *ctx, const char *name)
{
	struct listing *l = ctx;
	struct known *k = NULL;
	msgid id;

	if (msgid_parse(span_str(name), &id))
		k = index_find(&l->sp->index, id);
	if (k && (k->flags & KNOWN_BIG))
		k->flags |= KNOWN_SEEN;
	else
		buf_put(&l->orphans, span_of(name, strlen(name) + 1));
	return true;
}

static void remove_orphans(struct spool *sp, span names)
{
	const struct file_ops *ops = sp->store.ops;

	while (names.len) {
		(void)ops->unlink(ops->fs, sp->blobs.dir, names.ptr);
		names = span_from(names, strlen(names.ptr) + 1);
	}
}

static void report_missing(struct spool *sp)
{
	for (size_t i = 0; i < index_numbers(&sp->index); i++) {
		struct known *k = index_at(&sp->index, i);
		struct spool_damage d = { .what = "blob missing",
			.is_lost = true };
		char name[MSGID_TEXT_MAX];

		if (!k || !(k->flags & KNOWN_BIG))
			continue;
		if (k->flags & KNOWN_SEEN) {
			k->flags &= (uint16_t)~KNOWN_SEEN;
			continue;
		}
		d.id = k->id;
		(void)snprintf(
		    d.file, sizeof(d.file), "blob/%s", blob_name(k->id, name));
		spool_forget(sp, k);
		spool_damaged(sp, &d);
	}
}

int recover_blobs(struct spool *sp)
{
	const struct file_ops *ops = sp->store.ops;
	struct listing l = { sp, BUF_INIT(SEGMENT_MAX) };
	int r = 0;

	if (sp->blobs.dir >= 0)
		r = ops->list(ops->fs, sp->blobs.dir, see_blob, &l);
	if (!r && !sp->config.read_only)
		remove_orphans(sp, buf_span(&l.orphans));
	buf_done(&l.orphans);
	if (!r)
		report_missing(sp);
	return r;
}
