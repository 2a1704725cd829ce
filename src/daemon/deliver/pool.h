/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/pool.h - the workers: one process per recipient's uid.
 *
 * A worker is started when there is mail for its uid, takes everything that
 * arrives for it, and ends when it had nothing to do for a while or when
 * its place is needed. All mail for one mailbox goes through one worker, so
 * that what waits is written, and flushed, together.
 *
 * A worker that dies has not answered some of its items: they go to a new
 * one, once; a second death defers them.
 */
#pragma once

#include "base/list.h"
#include "daemon/deliver/users.h"
#include "daemon/deliver/work.h"
#include "os/loop.h"

struct pool;
struct pool_worker;

struct pool_conf {
	span path;               /* of the mail directory */
	struct work_setup setup; /* without owner, path, claims */
	usec max_idle;
	unsigned max_workers;
};

/* Embedded by the caller; it and all it points to stay until `done`. */
struct pool_item {
	struct list link;
	struct pool_worker *worker;
	unsigned attempts;
	/* To be filled in by the caller: */
	struct user user;
	struct work_item work; /* the number must be unique */
	int blob;              /* or -1 */
};

struct pool_calls {
	/* Exactly once per item, never from inside pool_submit(). The spans
	 * of the verdict live until the call returns. */
	void (*done)(
	    void *ctx, struct pool_item *item, const struct work_done *done);
};

struct pool_setup {
	struct loop *loop;
	struct pool_calls calls;
	void *ctx;
};

struct pool *pool_new(const struct pool_setup *setup);
/* NULL is fine. Workers find their line closed, finish and end. */
void pool_free(struct pool **pool);

/* For workers started from now on; those that run finish and end. The spans
 * must live until the next call. */
void pool_configure(struct pool *pool, const struct pool_conf *conf);
void pool_submit(struct pool *pool, struct pool_item *item);
