/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/deliver/batch.h"
#include "daemon/deliver/filer.h"
#include "daemon/deliver/fits.h"
#include "daemon/deliver/look.h"
#include "daemon/deliver/rights.h"
#include "daemon/deliver/runner.h"
#include "daemon/deliver/work_maildir.h"
#include "mail/date.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/file.h"
#include "os/priv.h"
#include "os/sandbox.h"

enum {
	ARENA_SETUP = 4 << 20,
	ARENA_PER_BYTE = 16,
	ARENA_BASE = 1 << 16,
	THREADS = 8, /* that flush mailboxes */
};

static const struct {
	const char *option;
	const char *title;
} names[WORK_KINDS] = {
	[WORK_SCRIBE] = { "--scribe", "deliver-scribe" },
	[WORK_FILER] = { "--filer", "deliver-filer" },
	[WORK_WORKER] = { "--worker", "deliver-worker" },
	[WORK_RUNNER] = { "--runner", "deliver-runner" },
};

static void run_mbox(struct worker *w, const struct work_item *item, int blob)
{
	batch_add(w->batch, item, blob);
}

/*
 * A directory may be replaced, or a disk mounted over it, while we hold the old
 * one, in which nobody would find his mail. What we may not see has not
 * changed.
 */
static bool is_spool_there(const struct worker *w)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_MAX);
	struct stat named;
	struct stat held;

	buf_put(&path, w->setup.paths[0]);
	if (stat(buf_cstr(&path), &named) < 0)
		return w->dir < 0 || (errno != ENOENT && errno != ENOTDIR);
	if (w->dir < 0)
		return !S_ISDIR(named.st_mode);
	return fstat(w->dir, &held) == 0 && held.st_dev == named.st_dev &&
	    held.st_ino == named.st_ino;
}

static void run_spool(struct worker *w, const struct work_item *item, int blob)
{
	if (is_spool_there(w))
		run_mbox(w, item, blob);
	else
		worker_pass(w, item->number);
}

/*
 * Who does what, and how. A kind without a row is one that the parent must not
 * ask for.
 */
static const struct work_row {
	uint8_t processes; /* bits of enum work_kind */
	work_fn *run;      /* NULL: nothing but what all items have */
} rows[WORK_DOS] = {
	[WORK_SPOOL] = { 1 << WORK_SCRIBE, run_spool },
	[WORK_MBOX] = { 1 << WORK_WORKER, run_mbox },
	[WORK_FILE] = { 1 << WORK_RUNNER, run_mbox },
	[WORK_MAILDIR] = { 1 << WORK_WORKER | 1 << WORK_FILER, work_maildir },
	[WORK_COMMAND] = { 1 << WORK_RUNNER, run_command },
	[WORK_READ] = { 1 << WORK_WORKER, look_read },
	[WORK_LOOK] = { 1 << WORK_SCRIBE, look_nothing },
};

/* All that was put off is flushed and answered. */
static void end_all(struct worker *w)
{
	batch_end(w->batch);
	work_maildir_end(w);
}

const char *worker_option(enum work_kind kind)
{
	return names[kind].option;
}

bool worker_kind(const char *option, enum work_kind *ret)
{
	for (enum work_kind k = 0; k < WORK_KINDS; k++) {
		if (strcmp(option, names[k].option) == 0) {
			*ret = k;
			return true;
		}
	}
	return false;
}

void worker_answer(struct worker *w, const struct work_done *done)
{
	work_done_put(sync_begin(w->line, WORK_DONE), done);
	sync_end(w->line);
}

void worker_settle(
    struct worker *w, uint64_t number, const struct verdict *verdict)
{
	worker_answer(
	    w, &(struct work_done){ .number = number, .verdict = *verdict });
}

void worker_pass(struct worker *w, uint64_t number)
{
	work_reach_put(sync_begin(w->line, WORK_REACH),
	    &(struct work_reach){ number, SPAN_NONE });
	sync_end(w->line);
}

bool worker_is_alone(const struct worker *w)
{
	struct pollfd p = { .fd = sync_fd(w->line) };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

/* Content that is good for more than one item */

struct content *content_new(void)
{
	struct content *c = NEW(struct content);

	c->refs = 1;
	c->blob = -1;
	buf_init(&c->bytes, FRAME_MAX);
	return c;
}

struct content *content_ref(struct content *c)
{
	c->refs++;
	return c;
}

void content_unref(struct content **content)
{
	struct content *c = STEAL(*content);

	if (!c || --c->refs > 0)
		return;
	fd_close(&c->blob);
	buf_done(&c->bytes);
	mem_free(c);
}

/* The one we have, if nobody else has it, for something new. */
static struct content *fresh_content(struct worker *w)
{
	struct content *c = w->content;

	if (!c || c->refs > 1) {
		content_unref(&w->content);
		w->content = content_new();
		return w->content;
	}
	fd_close(&c->blob);
	buf_clear(&c->bytes);
	return c;
}

/* What the parent says is right, or it is not our parent. */
static int keep_content(
    struct worker *w, struct work_item *item, struct sync_msg *msg)
{
	struct content *c = w->content;

	if (item->same) {
		if (!c || c->message == 0 || item->message != c->message)
			return -EPROTO;
	} else {
		c = fresh_content(w);
		c->message = item->message;
		buf_put(&c->bytes, item->content);
		if (item->blob)
			c->blob = STEAL_FD(msg->fds[0]);
	}
	item->blob = c->blob >= 0;
	item->content = buf_span(&c->bytes);
	return 0;
}

static bool reaches(struct worker *w, const struct work_item *item)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(PATH_MAX);

	if (grants_have(&w->grants, item, &path))
		return true;
	work_reach_put(sync_begin(w->line, WORK_REACH),
	    &(struct work_reach){ item->number, buf_span(&path) });
	sync_end(w->line);
	return false;
}

static void do_item(struct worker *w, const struct work_item *item)
{
	if (item->flags & WORK_ASKS)
		fits_tell(w, item);
	else
		rows[item->kind].run(w, item, w->content->blob);
}

static int take_item(struct worker *w, struct sync_msg *msg)
{
	CLEANUP(arena_done) struct arena arena;
	const struct work_row *row;
	struct work_item item;
	int r;

	arena_init(&arena, ARENA_BASE + ARENA_PER_BYTE * msg->payload.len);
	if (msg->type != WORK_ITEM ||
	    !work_item_get(msg->payload, &arena, &item) ||
	    msg->nfds != (item.blob ? 1 : 0))
		return -EPROTO;
	row = &rows[item.kind];
	if (!row->run || !(row->processes & 1U << w->setup.kind))
		return -EPROTO;
	r = keep_content(w, &item, msg);
	if (r == 0 && reaches(w, &item) && look_first(w, &item))
		do_item(w, &item);
	return r;
}

/* Milliseconds until something that was put aside is due; -1: never. */
static int time_left(const struct worker *w)
{
	usec next = batch_next(w->batch);
	usec now = clock_monotonic();

	if (next == UINT64_MAX)
		return -1;
	if (next <= now)
		return 0;
	return (int)MIN((next - now) / USEC_MSEC + 1, (usec)INT_MAX);
}

enum waited { WAITED_INPUT, WAITED_TIME, WAITED_END };

/*
 * Nothing has arrived that we have not seen. What a parent sent before it died
 * is not worth beginning: the queue gives it to the next one.
 */
static enum waited wait_for_input(struct worker *w)
{
	struct pollfd p = { .fd = sync_fd(w->line), .events = POLLIN };

	while (poll(&p, 1, 0) == 0) {
		bool more;

		/* Those that are due. */
		batch_retry(w->batch);
		batch_end(w->batch);
		more = work_maildir_advance(w);
		/* A line that is gone shows at the next receive. */
		(void)!sync_flush(w->line);
		if (more)
			continue;
		if (poll(&p, 1, time_left(w)) == 0)
			return WAITED_TIME;
		break;
	}
	return p.revents & POLLHUP ? WAITED_END : WAITED_INPUT;
}

/* Until the parent closes the line: 0, or a negative errno. */
static int serve(struct worker *w)
{
	struct sync_msg msg;
	int r = SYNC_OK;

	while (r == SYNC_OK) {
		enum waited waited = WAITED_INPUT;

		if (!sync_has_more(w->line))
			waited = wait_for_input(w);
		if (waited == WAITED_END)
			break;
		if (waited == WAITED_TIME)
			continue;
		r = sync_recv(w->line, &msg);
		if (r == SYNC_OK)
			r = take_item(w, &msg);
	}
	end_all(w);
	return r == SYNC_END ? 0 : r;
}

/* Closing the doors */

static int enclose_scribe(struct worker *w)
{
	const struct sandbox_path mail = { w->dir,
		SANDBOX_READ | SANDBOX_WRITE };
	size_t n = w->dir >= 0 ? 1 : 0;
	int r = geteuid() == 0 ? rights_keep_files_only() : rights_keep_none();

	return r < 0
	    ? r
	    : sandbox_enter(
	          SANDBOX_FILES | SANDBOX_THREADS | SANDBOX_FSUID, &mail, n);
}

static int enclose_filer(struct worker *w)
{
	return filer_enclose(&w->setup);
}

static int enclose_worker(struct worker *w)
{
	struct grants *g = &w->grants;
	int r;

	grants_open(g, &w->setup);
	r = rights_keep_none();
	if (r == 0)
		r = priv_no_dump();
	if (r == 0)
		r = sandbox_enter(
		    SANDBOX_FILES | SANDBOX_THREADS, g->paths, g->n);
	grants_close(g);
	return r;
}

/* It starts programs, which are to find the world as it is; but they are not
 * to find us, and the mail of others that we have seen, in it. */
static int enclose_runner(struct worker *w)
{
	(void)w;
	return priv_no_dump();
}

static int (*const enclose[WORK_KINDS])(struct worker *w) = {
	[WORK_SCRIBE] = enclose_scribe,
	[WORK_FILER] = enclose_filer,
	[WORK_WORKER] = enclose_worker,
	[WORK_RUNNER] = enclose_runner,
};

static int take_setup(
    struct worker *w, enum work_kind kind, struct sync_msg *msg)
{
	struct buf own = BUF_INIT(FRAME_MAX);
	span payload;

	/* The setup lives as long as we do. */
	buf_put(&own, msg->payload);
	payload = arena_dup(&w->arena, buf_span(&own));
	buf_done(&own);
	if (msg->type != WORK_SETUP || !payload.ptr ||
	    !work_setup_get(payload, &w->arena, &w->setup) ||
	    w->setup.kind != kind || msg->nfds > (kind == WORK_SCRIBE ? 1 : 0))
		return -EPROTO;
	if (kind == WORK_SCRIBE && w->setup.npaths != 1)
		return -EPROTO;
	if (msg->nfds > 0)
		w->dir = STEAL_FD(msg->fds[0]);
	return 0;
}

static int live(struct worker *w, enum work_kind kind)
{
	struct sync_msg msg;
	int r = sync_recv(w->line, &msg);

	if (r == SYNC_END)
		return 0;
	if (r == SYNC_OK)
		r = take_setup(w, kind, &msg);
	if (r == 0)
		r = enclose[kind](w);
	if (r < 0)
		return r;
	w->batch = batch_new(w, kind == WORK_RUNNER ? 0 : THREADS, NULL);
	return serve(w);
}

int worker_main(enum work_kind kind)
{
	struct worker w = { .dir = -1 };
	int r;

	(void)prctl(PR_SET_NAME, names[kind].title);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)umask(077);
	date_init();
	arena_init(&w.arena, ARENA_SETUP);
	w.line = sync_new(WORK_LINE_FD);
	r = live(&w, kind);
	/* The parent being gone is no error: it takes us with it. */
	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		(void)fprintf(stderr, "deliver: %s\n", strerror(-r));
	batch_free(&w.batch);
	work_maildir_free(&w);
	sync_free(&w.line);
	grants_done(&w.grants);
	arena_done(&w.arena);
	content_unref(&w.content);
	fd_close(&w.dir);
	return r < 0 ? 1 : 0;
}
