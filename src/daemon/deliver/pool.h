/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/pool.h - the processes that do the work.
 *
 *	WORK_SPOOL, _LOOK           a scribe: two of them as root, and a
 *	                            user's mail goes always to the same
 *	WORK_MAILDIR                a filer, as root, for the users that it
 *	                            knows (known.h)
 *	WORK_MBOX, _MAILDIR, _READ  the worker of the item's uid and gid
 *	WORK_COMMAND, _FILE         a runner of that uid and gid that has
 *	                            nothing else to do
 *
 * A process is started when there is something for it to do. Scribes,
 * filers and workers take everything that arrives for them, so that what waits for one
 * mailbox is written, and flushed, together. A process ends when it had
 * nothing to do for a while or when its place is needed.
 *
 * A process that dies has not answered some of its items: they go to a new
 * one, once; a second death defers them. Without root all of them are who we
 * are, whatever the items say.
 */
#pragma once

#include "base/list.h"
#include "daemon/deliver/work.h"
#include "os/loop.h"

struct pool;
struct pool_worker;
struct pool_lane;

struct pool_conf {
	span mail_spool_directory;
	/* All mailboxes of virtual(8) are below this directory; may be
	 * empty. */
	span base;
	struct work_setup setup; /* without kind, paths, Maildirs */
	usec max_idle;
	/* Processes at a time, besides scribes, the filer and those of pipe
	 * services. */
	unsigned max_workers;
	unsigned max_runners; /* of them, for one command of a user; 0: two */
};

/* Embedded by the caller; it and all it points to stay until `done`. */
struct pool_item {
	struct list link;
	struct pool_lane *lane;
	struct pool_worker *worker;
	unsigned attempts;
	unsigned detours;
	/* To be filled in by the caller: */
	struct work_item work; /* the number must be unique, and not 0 */
	int blob;              /* or -1 */
};

struct pool_calls {
	/* Exactly once per item, never from inside pool_submit(). The spans
	 * of the answer live until the call returns. */
	void (*done)(
	    void *ctx, struct pool_item *item, const struct work_done *done);
};

struct pool_setup {
	struct loop *loop;
	struct pool_calls calls;
	void *ctx;
};

struct pool *pool_new(const struct pool_setup *setup);
/* NULL is fine. Processes find their line closed, finish and end. */
void pool_free(struct pool **pool);

/* For processes started from now on; those that run finish and end. The spans
 * must live until the next call. */
void pool_configure(struct pool *pool, const struct pool_conf *conf);
void pool_submit(struct pool *pool, struct pool_item *item);
