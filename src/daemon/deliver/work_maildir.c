/* SPDX-License-Identifier: ISC */
/*
 * What comes in one go is written to all Maildirs it is for, then flushed and
 * shown together, and then its names are flushed, together with the messages
 * that came meanwhile (store/maildir.c says why in this order):
 *
 *	fresh    written          in tmp/
 *	shown    flushed, moved   in new/
 *	         flushed again    answered
 *
 * Messages that fail before that are answered at once.
 */
#include "daemon/deliver/work_maildir.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/deliver/copy.h"
#include "daemon/deliver/rights.h"
#include "store/maildir.h"
#include "store/maildirsize.h"

enum {
	/* Messages and Maildirs at a time, of each of the two: files that are
	 * open. */
	ITEMS = 256,
	PLACES = 128,
	PATH_LONGEST = 8192,
	TEXT_MAX = 3 * MAILBOX_REASON_MAX,
};

/* A Maildir, and the messages in it that were not yet answered. */
struct place {
	struct buf path;
	struct maildir maildir;
	struct maildirsize size;
	bool has_size;
	uint64_t numbers[MAILDIR_BATCH];
};

struct places {
	struct place *all[PLACES]; /* those used come first */
	size_t count;              /* in use */
	size_t nitems;
};

struct maildirs {
	struct worker *w;
	struct places rooms[2];
	struct places *fresh; /* messages are written */
	struct places *shown; /* they are in new/, their names not safe yet */
	struct flusher *flusher;
	struct copy copy;
	struct mailbox_trouble trouble;
};

static struct maildirs *maildirs_new(struct worker *w)
{
	struct maildirs *m = NEW(struct maildirs);

	m->w = w;
	m->fresh = &m->rooms[0];
	m->shown = &m->rooms[1];
	m->flusher = flusher_new();
	copy_init(&m->copy);
	buf_init(&m->trouble.reason, MAILBOX_REASON_MAX);
	return m;
}

static void free_places(struct places *p)
{
	for (size_t i = 0; i < PLACES && p->all[i]; i++) {
		maildir_done(&p->all[i]->maildir);
		maildirsize_close(&p->all[i]->size);
		buf_done(&p->all[i]->path);
		mem_free(p->all[i]);
	}
}

void work_maildir_free(struct worker *w)
{
	struct maildirs *m = STEAL(w->maildirs);

	if (!m)
		return;
	free_places(m->fresh);
	free_places(m->shown);
	flusher_free(&m->flusher);
	copy_release(&m->copy);
	buf_done(&m->trouble.reason);
	mem_free(m);
}

/* Answers */

static void answer_sent(struct maildirs *m, uint64_t number)
{
	worker_settle(m->w, number,
	    &(struct verdict){
	        .class = VERDICT_SENT,
	        .status = SPAN("2.0.0"),
	        .text = SPAN("delivered to maildir"),
	    });
}

static void answer_trouble(struct maildirs *m, uint64_t number)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_done) struct buf warning = BUF_INIT(TEXT_MAX);
	const struct mailbox_trouble *t = &m->trouble;

	buf_put(&text, SPAN("maildir delivery failed: "));
	buf_put(&text, buf_span(&t->reason));
	if (t->error == -EACCES)
		buf_printf(&warning,
		    "maildir access problem for UID/GID=%lu/%lu: %.*s\n"
		    "perhaps you need to create the maildirs in advance",
		    (unsigned long)geteuid(), (unsigned long)getegid(),
		    PRI(buf_span(&t->reason)));
	worker_answer(m->w, &(struct work_done){
	    .number = number,
	    .verdict = {
		.class = t->status.ptr[0] == '4' ? VERDICT_DEFERRED
		                                 : VERDICT_BOUNCED,
		.status = t->status,
		.text = buf_span(&text),
	    },
	    .warning = buf_span(&warning),
	});
}

/* A filer leaves it to the user's worker to find out why. */
static void answer_failure(struct maildirs *m, uint64_t number)
{
	if (m->w->setup.kind == WORK_FILER)
		worker_pass(m->w, number);
	else
		answer_trouble(m, number);
}

/* Places */

static struct place *place_new(void)
{
	struct place *p = NEW(struct place);

	buf_init(&p->path, PATH_LONGEST);
	maildir_init(&p->maildir);
	maildirsize_init(&p->size);
	return p;
}

static struct place *find_place(
    const struct places *p, const struct work_item *item)
{
	for (size_t i = 0; i < p->count; i++) {
		struct place *place = p->all[i];

		if (place->maildir.spec.owner == item->uid &&
		    span_eq(buf_span(&place->path), item->path))
			return place;
	}
	return NULL;
}

static struct place *open_place(
    struct maildirs *m, const struct work_item *item)
{
	struct maildir_spec spec = {
		.other =
		    item->flags & WORK_VIRTUAL ? SPAN("4.2.0") : SPAN("5.2.0"),
		.become = m->w->setup.kind == WORK_FILER ? rights_take : NULL,
		.owner = item->uid,
		.group = item->gid,
	};
	struct places *fresh = m->fresh;
	struct place *p;

	if (!fresh->all[fresh->count])
		fresh->all[fresh->count] = place_new();
	p = fresh->all[fresh->count++];
	buf_clear(&p->path);
	buf_put(&p->path, item->path);
	spec.path = buf_cstr(&p->path);
	maildir_open(&p->maildir, &spec);
	return p;
}

/* Once something was opened there: it has to be made first, perhaps. */
static void open_size(struct place *p, const struct work_item *item)
{
	struct maildir_quota quota = { 0 };

	if (p->has_size || !(item->flags & WORK_QUOTA))
		return;
	if (item->quota.len > 0 && !maildir_quota_parse(item->quota, &quota))
		quota = (struct maildir_quota){ 0 };
	maildirsize_open(&p->size, p->maildir.root, &quota);
	p->has_size = true;
}

static void close_place(struct place *p)
{
	maildirsize_close(&p->size);
	maildir_close(&p->maildir);
	p->has_size = false;
}

/* One message */

static int refuse(
    struct maildirs *m, struct place *p, span status, const char *reason)
{
	maildir_rollback(&p->maildir);
	mailbox_trouble_set(&m->trouble, status, 0);
	buf_put(&m->trouble.reason, span_str(reason));
	return MAILDIR_REFUSED;
}

static int refuse_read(struct maildirs *m, struct place *p, int error)
{
	(void)refuse(m, p, SPAN("4.3.0"), "error reading message: ");
	buf_put(&m->trouble.reason, span_str(strerror(-error)));
	return MAILDIR_REFUSED;
}

static void put_maildir(void *maildir, span bytes)
{
	maildir_put(maildir, bytes);
}

static int add(
    struct maildirs *m, struct place *p, const struct work_item *item, int blob)
{
	struct maildir *d = &p->maildir;
	uint64_t size;
	int r;

	d->spec.size_max = item->size_max;
	r = maildir_begin(d, &m->trouble);
	if (r != MAILDIR_OK)
		return r;
	open_size(p, item);
	r = copy_item(&m->copy, item, blob, put_maildir, d);
	if (r < 0)
		return refuse_read(m, p, r);
	size = maildir_size(d);
	if (p->has_size &&
	    maildirsize_admit(&p->size, size) == MAILDIRSIZE_OVER)
		return refuse(m, p, SPAN("5.2.2"), "maildir over quota");
	r = maildir_commit(d, &m->trouble);
	if (r != MAILDIR_OK && p->has_size)
		maildirsize_forget(&p->size, size);
	return r;
}

/* How much there is in a Maildir is known when all is settled. */
static void end_quota(struct maildirs *m, const struct work_item *item)
{
	if (item->flags & WORK_QUOTA && find_place(m->shown, item))
		work_maildir_end(m->w);
}

void work_maildir(struct worker *w, const struct work_item *item, int blob)
{
	struct maildirs *m = w->maildirs;
	struct place *p;

	if (!m)
		m = w->maildirs = maildirs_new(w);
	end_quota(m, item);
	p = find_place(m->fresh, item);
	if (!p)
		p = open_place(m, item);
	if (add(m, p, item, blob) != MAILDIR_OK) {
		answer_failure(m, item->number);
	} else {
		p->numbers[p->maildir.count - 1] = item->number;
		m->fresh->nitems++;
	}
	if (m->fresh->nitems == ITEMS || m->fresh->count == PLACES ||
	    p->maildir.count == MAILDIR_BATCH)
		(void)work_maildir_advance(w);
}

/* All that was put off */

static void settle(struct maildirs *m, struct place *p)
{
	struct maildir *d = &p->maildir;
	uint64_t bytes = 0;
	uint64_t count = 0;

	for (size_t i = 0; i < d->count; i++) {
		if (maildir_result(d, i, &m->trouble) != MAILDIR_OK) {
			answer_failure(m, p->numbers[i]);
			continue;
		}
		answer_sent(m, p->numbers[i]);
		bytes += d->files[i].size;
		count++;
	}
	if (p->has_size)
		maildirsize_add(&p->size, bytes, count);
}

static void settle_all(struct maildirs *m, struct places *p)
{
	for (size_t i = 0; i < p->count; i++) {
		settle(m, p->all[i]);
		close_place(p->all[i]);
	}
	p->count = p->nitems = 0;
}

/* Whoever waits for the answers is gone. */
static void undo_all(struct places *p)
{
	for (size_t i = 0; i < p->count; i++)
		maildir_undo(&p->all[i]->maildir);
}

bool work_maildir_advance(struct worker *w)
{
	struct maildirs *m = w->maildirs;
	struct maildir *all[2 * PLACES];
	struct places *shown;
	size_t n = 0;

	if (!m || m->fresh->count + m->shown->count == 0)
		return false;
	if (worker_is_alone(w)) {
		undo_all(m->fresh);
		undo_all(m->shown);
	}
	for (size_t i = 0; i < m->fresh->count; i++)
		all[n++] = &m->fresh->all[i]->maildir;
	for (size_t i = 0; i < m->shown->count; i++)
		all[n++] = &m->shown->all[i]->maildir;
	maildir_advance(all, n, m->flusher);
	shown = m->shown;
	settle_all(m, shown);
	m->shown = m->fresh;
	m->fresh = shown;
	copy_release(&m->copy);
	return true;
}

void work_maildir_end(struct worker *w)
{
	while (work_maildir_advance(w))
		continue;
}
