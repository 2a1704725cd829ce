/* SPDX-License-Identifier: ISC */
/*
 * An item ends in one of three ways: refused before anything was written
 * (answered at once), failed and undone while it was written (the same), or
 * written. Those written are answered when the flush has come back; if it
 * fails, all of them are undone.
 */
#include "daemon/deliver/box.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/deliver/rights.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"

enum {
	TEXTS_MAX = 64 * 1024,
	TEXT_MAX = 6 * MAILBOX_REASON_MAX,
	ARENA_PER_BYTE = 16,
	ARENA_BASE = 4096,
};

struct kept {
	struct list link;
	struct content *content;
	size_t len;
	char bytes[]; /* of the item, encoded, without content */
};

static bool is_scribe(const struct worker *w)
{
	return w->setup.kind == WORK_SCRIBE;
}

/* Making one */

/* Where the mailbox is: its directory and its name there. */
static bool set_path(struct box *box, const struct work_item *item)
{
	struct worker *w = box->w;
	span dir = is_scribe(w) ? w->setup.paths[0] : SPAN_NONE;
	span name = item->path;

	if (!is_scribe(w)) {
		ssize_t slash = span_rfind(name, '/');

		dir = span_first(name, (size_t)MAX(slash, 0));
		name = span_from(name, (size_t)(slash + 1));
	}
	box->path = arena_dup(&box->texts, item->path);
	box->user = arena_dup(&box->texts, item->user);
	box->spec.path = arena_cstr(&box->texts, dir);
	box->spec.name = arena_cstr(&box->texts, name);
	return box->path.ptr && box->user.ptr && box->spec.path &&
	    box->spec.name;
}

static void refuse(struct box *box, span status, const char *text)
{
	box->state = BOX_REFUSED;
	mailbox_trouble_set(&box->trouble, status, 0);
	buf_put(&box->trouble.reason, span_str(text));
}

static unsigned rules_of(const struct worker *w, const struct work_item *item)
{
	unsigned rules = 0;

	if (w->setup.any_owner)
		rules |= MAILBOX_ANY_OWNER;
	if (item->kind == WORK_FILE)
		rules |= MAILBOX_ANY_FILE;
	return rules;
}

struct box *box_new(struct worker *w, const struct work_item *item,
    const struct mailbox_ops *ops)
{
	struct box *box = NEW(struct box);

	box->w = w;
	box->kind = item->kind;
	box->is_virtual = item->flags & WORK_VIRTUAL;
	box->dir = -1;
	list_init(&box->link);
	list_init(&box->kept);
	arena_init(&box->texts, TEXTS_MAX);
	buf_init(&box->trouble.reason, MAILBOX_REASON_MAX);
	buf_init(&box->trouble.warning, MAILBOX_REASON_MAX);
	mailbox_trouble_set(&box->trouble, SPAN("4.2.0"), 0);
	mailbox_init(&box->mailbox);
	box->write = (struct box_rights){ item->uid, item->gid };
	box->spec = (struct mailbox_spec){
		.rules = rules_of(w, item),
		.other =
		    item->flags & WORK_VIRTUAL ? SPAN("4.2.0") : SPAN("5.2.0"),
		/* Without root all mailboxes are our own. */
		.owner = geteuid() == 0 ? item->uid : geteuid(),
		.group = item->gid,
		.locks = item->locks,
		.stale = w->setup.stale,
		.size_max = item->size_max,
		.ops = ops,
	};
	if (!set_path(box, item))
		refuse(box, box->spec.other, strerror(ENAMETOOLONG));
	return box;
}

static void forget(struct kept *kept)
{
	list_remove(&kept->link);
	content_unref(&kept->content);
	mem_free(kept);
}

void box_free(struct box *box)
{
	LIST_FOR(l, &box->kept)
	forget(CONTAINER_OF(l, struct kept, link));
	fd_close(&box->dir);
	arena_done(&box->texts);
	buf_done(&box->trouble.reason);
	buf_done(&box->trouble.warning);
	mem_free(box);
}

bool box_is_for(const struct box *box, const struct work_item *item)
{
	return box->kind == item->kind && box->write.uid == item->uid &&
	    box->write.gid == item->gid && box->spec.locks == item->locks &&
	    box->spec.size_max == item->size_max &&
	    box->is_virtual == !!(item->flags & WORK_VIRTUAL) &&
	    span_eq(box->path, item->path) && span_eq(box->user, item->user);
}

/* Rights */

/*
 * As Postfix: a scribe is the user where everybody may write, and also where
 * a group may, with that group; else the lock and a new mailbox are made by
 * root, and given away.
 */
static int choose_rights(struct box *box)
{
	struct stat st;

	box->claim = box->write;
	box->spec.maker = box->write.uid;
	box->spec.rules &= ~(unsigned)MAILBOX_GIVE_AWAY;
	if (geteuid() != 0) {
		box->spec.maker = geteuid();
		return 0;
	}
	if (!is_scribe(box->w))
		return 0;
	if (fstat(box->w->dir, &st) < 0)
		return -errno;
	if (st.st_mode & S_IWOTH)
		return 0;
	if (st.st_mode & S_IWGRP) {
		box->claim.gid = st.st_gid;
		return 0;
	}
	box->claim = (struct box_rights){ 0, 0 };
	box->spec.maker = 0;
	box->spec.rules |= MAILBOX_GIVE_AWAY;
	return 0;
}

/* Only a scribe can be several people. */
static int take(const struct box *box, struct box_rights r)
{
	return !is_scribe(box->w) || geteuid() != 0 ? 0
	                                            : rights_take(r.uid, r.gid);
}

/* Opening */

/* 0 or a negative errno. */
static int open_parent(struct box *box)
{
	const char *path = box->spec.path[0] ? box->spec.path : "/";

	box->spec.dir = box->w->dir;
	if (box->w->dir >= 0)
		return 0;
	fd_close(&box->dir);
	box->dir = os_error(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
	box->spec.dir = box->dir;
	/* It appeared just now. */
	if (box->dir >= 0 && is_scribe(box->w))
		return -ENOENT;
	return box->dir < 0 ? box->dir : 0;
}

/* The first thing that would have failed; a warning if it may fail, and then
 * the next. */
static void refuse_parent(struct box *box, int error)
{
	struct buf *reason = &box->trouble.reason;

	refuse(box, mailbox_status(error, box->spec.other), "");
	if (box->spec.locks & MAILBOX_DOTLOCK) {
		buf_printf(reason, "unable to create lock file %s/%s.lock: %s",
		    box->spec.path, box->spec.name, strerror(-error));
		if (!(box->spec.rules & MAILBOX_ANY_FILE))
			return;
		buf_put(&box->trouble.warning, buf_span(reason));
		buf_clear(reason);
	}
	buf_printf(reason, "%s: %s",
	    error == -ENOENT ? "cannot create file exclusively"
	                     : "cannot open file",
	    strerror(-error));
}

static void refuse_rights(struct box *box, int error)
{
	refuse(box, SPAN("4.3.0"), "");
	buf_printf(&box->trouble.reason, "cannot act as uid %u: %s",
	    box->write.uid, strerror(-error));
}

static void let_go(struct box *box)
{
	mailbox_close(&box->mailbox);
	/* Without the rights a lock file stays, and is told to be stale. */
	if (take(box, box->claim) == 0)
		mailbox_release(&box->mailbox, &box->spec);
	fd_close(&box->dir);
}

/* MAILBOX_LOCKED: somebody has it; try again, or give up. */
static void wait_or_refuse(struct box *box)
{
	const struct work_setup *s = &box->w->setup;
	usec now = clock_monotonic();
	usec spread = s->delay / 2;

	if (++box->attempts >= s->attempts) {
		box->state = BOX_REFUSED;
		return;
	}
	/* The low bits of the clock are random enough to part two waiters. */
	box->again = now + s->delay - spread / 2 + (spread ? now % spread : 0);
}

void box_open(struct box *box)
{
	int r;

	if (box->state == BOX_REFUSED)
		return;
	r = open_parent(box);
	if (r < 0) {
		refuse_parent(box, r);
		return;
	}
	mailbox_init(&box->mailbox);
	r = choose_rights(box);
	if (r == 0)
		r = take(box, box->claim);
	if (r < 0) {
		refuse_rights(box, r);
		return;
	}
	r = mailbox_claim(&box->mailbox, &box->spec, &box->trouble);
	if (r == MAILBOX_OK && take(box, box->write) < 0) {
		let_go(box);
		refuse_rights(box, -EPERM);
		return;
	}
	if (r == MAILBOX_OK)
		r = mailbox_lock(&box->mailbox, &box->spec, &box->trouble);
	if (r == MAILBOX_OK) {
		box->state = BOX_OPEN;
		return;
	}
	let_go(box);
	box->state = r == MAILBOX_LOCKED ? BOX_LOCKED : BOX_REFUSED;
	if (r == MAILBOX_LOCKED)
		wait_or_refuse(box);
}

/* Answers */

static void put_what_failed(const struct box *box, struct buf *text)
{
	const char *path = box->spec.path;
	const char *name = box->spec.name;

	if (box->kind == WORK_FILE)
		buf_printf(
		    text, "cannot append message to file %s/%s: ", path, name);
	else if (box->is_virtual)
		buf_printf(
		    text, "delivery failed to mailbox %s/%s: ", path, name);
	else
		buf_printf(text, "cannot update mailbox %s/%s for user %.*s. ",
		    path, name, PRI(box->user));
}

void box_refuse(struct box *box, uint64_t number, span address)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	CLEANUP(buf_done) struct buf warning = BUF_INIT(TEXT_MAX);
	const struct mailbox_trouble *t = &box->trouble;
	span status = t->status;

	put_what_failed(box, &text);
	buf_put(&warning, buf_span(&t->warning));
	if (box->is_virtual && t->special) {
		/* Only a table can have led there. */
		status = SPAN("5.3.5");
		buf_put(&text, SPAN("mail system configuration error"));
		buf_printf(&warning, "recipient %.*s: %.*s", PRI(address),
		    PRI(buf_span(&t->reason)));
	} else {
		buf_put(&text, buf_span(&t->reason));
	}
	worker_answer(box->w,
	    &(struct work_done){
	        .number = number,
	        .verdict = {
	            .class = status.ptr[0] == '4' ? VERDICT_DEFERRED
	                                          : VERDICT_BOUNCED,
	            .status = status,
	            .text = buf_span(&text),
	        },
	        .foreign = t->foreign,
	        .warning = buf_span(&warning),
	    });
}

static void answer_sent(struct box *box, size_t i)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

	if (box->kind == WORK_FILE)
		buf_printf(&text, "delivered to file: %s/%s", box->spec.path,
		    box->spec.name);
	else
		buf_put(&text, SPAN("delivered to mailbox"));
	worker_answer(box->w,
	    &(struct work_done){
	        .number = box->written[i].number,
	        .verdict = {
	            .class = VERDICT_SENT,
	            .status = SPAN("2.0.0"),
	            .text = buf_span(&text),
	        },
	        .warning = buf_span(&box->trouble.warning),
	        .offset = box->written[i].offset,
	    });
}

/* One message */

static void put_mailbox(void *mailbox, span bytes)
{
	mailbox_put(mailbox, bytes);
}

static int append(
    struct box *box, struct copy *copy, const struct work_item *item, int blob)
{
	int r;

	mailbox_begin(&box->mailbox);
	r = copy_item(copy, item, blob, put_mailbox, &box->mailbox);
	if (r == 0)
		return mailbox_commit(&box->mailbox, &box->trouble);
	mailbox_rollback(&box->mailbox);
	mailbox_trouble_set(&box->trouble, SPAN("4.3.0"), r);
	buf_printf(
	    &box->trouble.reason, "error reading message: %s", strerror(-r));
	return MAILBOX_REFUSED;
}

void box_append(
    struct box *box, struct copy *copy, const struct work_item *item, int blob)
{
	uint64_t offset = box->mailbox.end;
	int r = take(box, box->write);

	if (r < 0)
		refuse_rights(box, r);
	else
		r = append(box, copy, item, blob);
	if (r != MAILBOX_OK) {
		box_refuse(box, item->number, item->address);
		/* refuse_rights() is about this message. */
		box->state = BOX_OPEN;
		return;
	}
	box->written[box->nwritten].number = item->number;
	box->written[box->nwritten].offset = offset;
	box->nwritten++;
}

/* Items that wait */

void box_keep(struct box *box, const struct work_item *item)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(FRAME_MAX);
	struct work_item bare = *item;
	struct kept *kept;

	bare.content = SPAN_NONE;
	work_item_put(&bytes, &bare);
	kept = mem_new(1, sizeof(*kept) + bytes.len);
	memcpy(kept->bytes, bytes.data, bytes.len);
	kept->len = bytes.len;
	kept->content = content_ref(box->w->content);
	list_append(&box->kept, &kept->link);
}

bool box_has_kept(const struct box *box)
{
	return !list_is_empty(&box->kept);
}

static void take_one(
    struct box *box, struct copy *copy, const struct kept *kept)
{
	CLEANUP(arena_done) struct arena arena;
	struct work_item item;

	arena_init(&arena, ARENA_BASE + ARENA_PER_BYTE * kept->len);
	if (!work_item_get(span_of(kept->bytes, kept->len), &arena, &item))
		bug("an item changed while it waited");
	item.content = buf_span(&kept->content->bytes);
	if (box->state == BOX_OPEN)
		box_append(box, copy, &item, kept->content->blob);
	else
		box_refuse(box, item.number, item.address);
}

void box_take_kept(struct box *box, struct copy *copy)
{
	LIST_FOR(l, &box->kept)
	{
		struct kept *kept = CONTAINER_OF(l, struct kept, link);

		if (box->nwritten == BOX_MAX)
			return;
		take_one(box, copy, kept);
		forget(kept);
	}
}

/* The end */

void box_undo(struct box *box)
{
	mailbox_undo(&box->mailbox);
	box->nwritten = 0;
	let_go(box);
	box->state = BOX_LOCKED;
}

void box_settle(struct box *box, int flushed)
{
	int r = mailbox_flushed(&box->mailbox, flushed, &box->trouble);

	let_go(box);
	for (size_t i = 0; i < box->nwritten; i++) {
		if (r == MAILBOX_OK)
			answer_sent(box, i);
		else
			box_refuse(box, box->written[i].number, SPAN_NONE);
	}
	box->nwritten = 0;
	box->attempts = 0;
	box->again = 0;
	box->state = BOX_LOCKED;
}
