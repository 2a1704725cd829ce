/* SPDX-License-Identifier: ISC */
/*
 * An item ends in one of three ways: refused before anything was written
 * (answered at once), failed and undone while it was written (the same), or
 * written. Those written are answered when the flush has come back; if it
 * fails, or if nobody is there to be answered, all of them are undone.
 */
#include "daemon/deliver/batch.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "daemon/deliver/copy.h"
#include "daemon/deliver/rights.h"
#include "os/error.h"
#include "os/file.h"

enum {
	PATH_LONGEST = 8192,
	TEXT_MAX = 3 * MAILBOX_REASON_MAX,
};

struct batch {
	struct worker *w;
	struct mailbox_spec spec;
	int dir; /* worker: of the mailbox that is open */

	struct buf path; /* as in the item; empty: no batch */
	struct buf user;
	struct buf parent; /* the path, cut at its last slash */
	struct buf name;
	struct mailbox mailbox;
	bool is_virtual; /* texts of virtual(8) */
	bool is_open;
	bool is_refused; /* all of this batch get the trouble */
	struct mailbox_trouble trouble;
	uint64_t written[BATCH_MAX]; /* numbers of items to answer */
	uint64_t offsets[BATCH_MAX];
	size_t nwritten;

	struct copy copy;
};

struct batch *batch_new(struct worker *w, const struct mailbox_ops *ops)
{
	struct batch *b = NEW(struct batch);

	b->w = w;
	b->dir = -1;
	b->spec = (struct mailbox_spec){
		.any_owner = w->setup.any_owner,
		.attempts = w->setup.attempts,
		.delay = w->setup.delay,
		.stale = w->setup.stale,
		.ops = ops,
	};
	buf_init(&b->path, PATH_LONGEST);
	buf_init(&b->user, PATH_LONGEST);
	buf_init(&b->parent, PATH_LONGEST);
	buf_init(&b->name, PATH_LONGEST);
	buf_init(&b->trouble.reason, MAILBOX_REASON_MAX);
	copy_init(&b->copy);
	mailbox_init(&b->mailbox);
	return b;
}

void batch_free(struct batch **batch)
{
	struct batch *b = STEAL(*batch);

	if (!b)
		return;
	buf_done(&b->path);
	buf_done(&b->user);
	buf_done(&b->parent);
	buf_done(&b->name);
	buf_done(&b->trouble.reason);
	copy_release(&b->copy);
	mem_free(b);
}

/* Answers */

static void answer_sent(struct batch *b, size_t i)
{
	worker_answer(b->w, &(struct work_done){
	    .number = b->written[i],
	    .offset = b->offsets[i],
	    .verdict = {
		.class = VERDICT_SENT,
		.status = SPAN("2.0.0"),
		.text = SPAN("delivered to mailbox"),
	    },
	});
}

static void put_subject(const struct batch *b, struct buf *text)
{
	if (b->is_virtual)
		buf_printf(text,
		    "delivery failed to mailbox %s/%s: ", b->spec.path,
		    b->spec.name);
	else
		buf_printf(text, "cannot update mailbox %s/%s for user %.*s. ",
		    b->spec.path, b->spec.name, PRI(buf_span(&b->user)));
}

/* The number of the item, and its recipient. */
static void answer_trouble(struct batch *b, uint64_t number, span address)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_done) struct buf warning = BUF_INIT(TEXT_MAX);
	span status = b->trouble.status;

	put_subject(b, &text);
	if (b->is_virtual && b->trouble.special) {
		/* Only a table can have led there. */
		status = SPAN("5.3.5");
		buf_put(&text, SPAN("mail system configuration error"));
		buf_printf(&warning, "recipient %.*s: %.*s", PRI(address),
		    PRI(buf_span(&b->trouble.reason)));
	} else {
		buf_put(&text, buf_span(&b->trouble.reason));
	}
	worker_answer(b->w, &(struct work_done){
	    .number = number,
	    .verdict = {
		.class = status.ptr[0] == '4' ? VERDICT_DEFERRED
		                              : VERDICT_BOUNCED,
		.status = status,
		.text = buf_span(&text),
	    },
	    .foreign = b->trouble.foreign,
	    .warning = buf_span(&warning),
	});
}

/* The mailbox */

/*
 * As Postfix: a scribe is the user where everybody may write, and also where
 * a group may, with that group; else the lock and a new mailbox are made by
 * root, and given away.
 */
static int take_rights(struct batch *b, const struct work_item *item)
{
	struct stat st;

	b->spec.owner = item->uid;
	b->spec.group = item->gid;
	b->spec.give_away = false;
	if (b->w->dir < 0 || geteuid() != 0)
		return 0;
	if (fstat(b->spec.dir, &st) < 0)
		return -errno;
	if (st.st_mode & S_IWOTH)
		return rights_take(item->uid, item->gid);
	if (st.st_mode & S_IWGRP)
		return rights_take(item->uid, st.st_gid);
	b->spec.give_away = true;
	return rights_return();
}

static void release(struct batch *b)
{
	bool damaged = b->mailbox.damaged;

	mailbox_close(&b->mailbox);
	if (damaged)
		mailbox_abandon(&b->mailbox);
	else
		mailbox_release(&b->mailbox, &b->spec);
}

static int claim(struct batch *b)
{
	int r;

	mailbox_init(&b->mailbox);
	r = mailbox_claim(&b->mailbox, &b->spec, &b->trouble);
	for (uint32_t i = 1; r == MAILBOX_LOCKED && i < b->spec.attempts; i++) {
		/* What is answered already need not wait with us. A line
		 * that is gone shows at the next receive. */
		(void)!sync_flush(b->w->line);
		mailbox_wait(&b->spec);
		r = mailbox_claim(&b->mailbox, &b->spec, &b->trouble);
	}
	return r;
}

/* Where the mailbox is: its directory and its name there. */
static void split_path(struct batch *b, span path)
{
	ssize_t slash = span_rfind(path, '/');

	buf_clear(&b->parent);
	buf_clear(&b->name);
	if (b->w->dir >= 0) {
		buf_put(&b->parent, b->w->setup.paths[0]);
		buf_put(&b->name, path);
	} else {
		buf_put(&b->parent, span_first(path, (size_t)MAX(slash, 0)));
		buf_put(&b->name, span_from(path, (size_t)(slash + 1)));
	}
	b->spec.path = buf_cstr(&b->parent);
	b->spec.name = buf_cstr(&b->name);
}

/* 0 or a negative errno. */
static int open_parent(struct batch *b)
{
	const char *path = b->parent.len > 0 ? b->spec.path : "/";

	b->spec.dir = b->w->dir;
	if (b->w->dir >= 0)
		return 0;
	b->dir = os_error(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
	b->spec.dir = b->dir;
	return b->dir < 0 ? b->dir : 0;
}

static int refuse_parent(struct batch *b, int error)
{
	mailbox_trouble_set(&b->trouble,
	    mailbox_status(
	        error, b->is_virtual ? SPAN("4.2.0") : SPAN("5.2.0")),
	    error);
	if (b->spec.locks & MAILBOX_DOTLOCK)
		buf_printf(&b->trouble.reason,
		    "unable to create lock file %s/%s.lock: %s", b->spec.path,
		    b->spec.name, strerror(-error));
	else
		buf_printf(&b->trouble.reason, "cannot open file: %s",
		    strerror(-error));
	return MAILBOX_REFUSED;
}

static void open_mailbox(struct batch *b, const struct work_item *item)
{
	int r;

	buf_clear(&b->path);
	buf_put(&b->path, item->path);
	buf_clear(&b->user);
	buf_put(&b->user, item->user);
	b->is_virtual = item->flags & WORK_VIRTUAL;
	b->spec.other = b->is_virtual ? SPAN("4.2.0") : SPAN_NONE;
	b->spec.locks = item->locks;
	b->spec.size_max = item->size_max;
	split_path(b, item->path);
	b->is_refused = true;
	r = open_parent(b);
	if (r == 0)
		r = take_rights(b, item);
	if (r < 0) {
		(void)refuse_parent(b, r);
		return;
	}
	if (claim(b) != MAILBOX_OK)
		return;
	if (mailbox_lock(&b->mailbox, &b->spec, &b->trouble) != MAILBOX_OK) {
		release(b);
		return;
	}
	b->is_refused = false;
	b->is_open = true;
}

/* Nobody would hear of what we did, and it would be done again. */
static bool is_alone(const struct batch *b)
{
	struct pollfd p = { .fd = sync_fd(b->w->line) };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

static void finish(struct batch *b)
{
	int r = MAILBOX_OK;

	if (is_alone(b)) {
		mailbox_undo(&b->mailbox);
		b->nwritten = 0;
	} else {
		r = mailbox_sync(&b->mailbox, &b->trouble);
	}
	release(b);
	for (size_t i = 0; i < b->nwritten; i++) {
		if (r == MAILBOX_OK)
			answer_sent(b, i);
		else
			answer_trouble(b, b->written[i], SPAN_NONE);
	}
}

void batch_end(struct batch *b)
{
	if (b->is_open)
		finish(b);
	b->nwritten = 0;
	b->is_open = false;
	b->is_refused = false;
	fd_close(&b->dir);
	buf_clear(&b->path);
	copy_release(&b->copy);
}

/* One message */

static void put_mailbox(void *mailbox, span bytes)
{
	mailbox_put(mailbox, bytes);
}

static int refuse_read(struct batch *b, int error)
{
	mailbox_rollback(&b->mailbox);
	mailbox_trouble_set(&b->trouble, SPAN("4.3.0"), error);
	buf_printf(
	    &b->trouble.reason, "error reading message: %s", strerror(-error));
	return MAILBOX_REFUSED;
}

static int append(struct batch *b, const struct work_item *item, int blob)
{
	int r;

	mailbox_begin(&b->mailbox);
	b->offsets[b->nwritten] = b->mailbox.end;
	r = copy_item(&b->copy, item, blob, put_mailbox, &b->mailbox);
	if (r < 0)
		return refuse_read(b, r);
	return mailbox_commit(&b->mailbox, &b->trouble);
}

void batch_add(struct batch *b, const struct work_item *item, int blob)
{
	if (b->path.len > 0 && !span_eq(buf_span(&b->path), item->path))
		batch_end(b);
	if (b->path.len == 0)
		open_mailbox(b, item);
	if (b->is_refused || append(b, item, blob) != MAILBOX_OK) {
		answer_trouble(b, item->number, item->address);
		return;
	}
	b->written[b->nwritten++] = item->number;
	if (b->nwritten == BATCH_MAX)
		batch_end(b);
}
