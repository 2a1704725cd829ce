/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/worker.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/deliver/batch.h"
#include "mail/date.h"
#include "mail/mbox.h"
#include "os/error.h"
#include "os/file.h"
#include "os/sandbox.h"

struct worker {
	struct sync_conn *line;
	struct batch batch;
	struct buf path;
	int dir;
};

/* What the parent says is right, or it is not our parent. */
static int take_setup(struct worker *w, struct sync_msg *msg)
{
	struct mailbox_spec *spec = &w->batch.spec;
	struct work_setup setup;

	if (msg->type != WORK_SETUP || !work_setup_get(msg->payload, &setup) ||
	    msg->nfds != (setup.claims ? 0 : 1))
		return -EPROTO;
	buf_put(&w->path, setup.path);
	if (!setup.claims)
		w->dir = STEAL_FD(msg->fds[0]);
	*spec = (struct mailbox_spec){
		.dir = w->dir,
		.path = buf_cstr(&w->path),
		.owner = setup.owner,
		.any_owner = setup.any_owner,
		.locks = setup.locks,
		.attempts = setup.attempts,
		.delay = setup.delay,
		.stale = setup.stale,
		.size_max = setup.size_max,
	};
	if (setup.claims)
		w->batch.claims = sync_new(WORK_CLAIM_FD);
	else
		(void)close(WORK_CLAIM_FD);
	if (!setup.original_to)
		w->batch.head_flags &= ~MBOX_ORIGINAL_TO;
	if (!setup.delivered_to)
		w->batch.head_flags &= ~MBOX_DELIVERED_TO;
	return 0;
}

static int take_item(struct worker *w, struct sync_msg *msg)
{
	struct work_item item;

	if (msg->type != WORK_ITEM || !work_item_get(msg->payload, &item) ||
	    msg->nfds != (item.blob ? 1 : 0))
		return -EPROTO;
	batch_add(&w->batch, &item, item.blob ? msg->fds[0] : -1);
	return 0;
}

/* What the line has for us now: poll() events. */
static short look(struct worker *w)
{
	struct pollfd p = { .fd = sync_fd(w->line), .events = POLLIN };

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

/*
 * Until the parent closes the line: 0, or a negative errno. A batch goes on
 * as long as there is more. What a parent sent before it died is not worth
 * beginning: the queue gives it to the next one.
 */
static int serve(struct worker *w)
{
	struct sync_msg msg;
	int r;

	while ((r = sync_recv(w->line, &msg)) == SYNC_OK) {
		short events;

		r = take_item(w, &msg);
		if (r < 0)
			break;
		if (sync_has_more(w->line))
			continue;
		events = look(w);
		if (events & POLLHUP)
			break;
		if (!(events & POLLIN))
			batch_end(&w->batch);
	}
	batch_end(&w->batch);
	return r == SYNC_END ? 0 : r;
}

/* root's own mailbox needs no more rights than anybody else's. */
static int shed_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return os_error((int)syscall(SYS_capset, &header, none));
}

static int enclose(int dir)
{
	const struct sandbox_path mail = { dir, SANDBOX_READ | SANDBOX_WRITE };
	int r = shed_capabilities();

	if (r < 0)
		return r;
	return dir >= 0 ? sandbox_enter(SANDBOX_FILES, &mail, 1)
	                : sandbox_enter(0, NULL, 0);
}

static int live(struct worker *w)
{
	struct sync_msg msg;
	int r = sync_recv(w->line, &msg);

	if (r == SYNC_END)
		return 0;
	if (r == SYNC_OK)
		r = take_setup(w, &msg);
	if (r == 0)
		r = enclose(w->dir);
	return r < 0 ? r : serve(w);
}

int worker_main(void)
{
	struct worker w = { .dir = -1 };
	int r;

	(void)prctl(PR_SET_NAME, "deliver-worker");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)umask(077);
	date_init();
	batch_init(&w.batch);
	buf_init(&w.path, 4096);
	w.line = w.batch.line = sync_new(WORK_LINE_FD);
	r = live(&w);
	/* The parent being gone is no error: it takes us with it. */
	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		(void)fprintf(stderr, "deliver: %s\n", strerror(-r));
	sync_free(&w.line);
	sync_free(&w.batch.claims);
	batch_done(&w.batch);
	buf_done(&w.path);
	fd_close(&w.dir);
	return r < 0 ? 1 : 0;
}
