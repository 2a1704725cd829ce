/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/pool_internal.h - for the files of the pool: pool.c,
 * pool_lane.c, pool_process.c.
 */
#pragma once

#include "base/hmap.h"
#include "daemon/deliver/known.h"
#include "daemon/deliver/pool.h"
#include "daemon/deliver/reach.h"
#include "daemon/deliver/spawn.h"
#include "ipc/chan.h"

enum worker_state { WORKER_SERVING, WORKER_LEAVING, WORKER_KILLED };

struct lane_key {
	uint8_t kind; /* enum work_kind */
	uid_t uid;
	gid_t gid;
	unsigned slot;
	bool pipe; /* of a pipe service */
};

struct pool {
	struct pool_setup setup;
	struct pool_conf conf;
	struct hmap lanes;
	struct list idle;   /* struct pool_worker, the longest idle first */
	struct list hungry; /* struct pool_lane */
	unsigned nleaving;  /* processes that make room soon */
	unsigned nworkers;  /* processes, in whatever state; no scribes */
	struct loop_timer idle_timer;
	struct loop_hook pump;
	bool has_root; /* we may become anybody */
	bool may_file; /* there may be a filer: Landlock can hold it */
	struct known known;
};

struct pool_lane {
	struct hnode node; /* in pool->lanes */
	struct list link;  /* in pool->hungry */
	struct pool *pool;
	struct lane_key key;
	struct list workers; /* all that are not reaped */
	unsigned nworkers;
	struct list waiting; /* struct pool_item */
	struct reach reach;  /* of workers: what the next one may open */
};

struct pool_worker {
	struct list link;  /* in pool->idle */
	struct list mate;  /* in lane->workers */
	struct list items; /* struct pool_item: sent, not answered */
	struct pool_lane *lane;
	enum worker_state state;
	bool outdated;
	bool reaped;
	struct spawned process;
	struct loop_watch *child;
	struct chan *line;
	uint64_t message; /* whose content it got last */
	usec idle_since;
};

/* ---- pool.c ---- */

/* The item's end; it is its owner's again. */
void pool_done(
    struct pool *pool, struct pool_item *item, const struct work_done *result);
/* Give the lane's processes what waits for them, as far as possible. */
void pool_feed(struct pool_lane *lane);
/* Feed all that are hungry, at the end of the round. */
void pool_pump_later(struct pool *pool);

/* ---- pool_lane.c ---- */

/* For an item that is new. */
struct pool_lane *lane_for(struct pool *pool, const struct work_item *work);
/* Those that act as others have their places for themselves. */
bool lane_acts_for_all(const struct lane_key *key);
void lane_free(struct pool_lane *lane);
/* It wants to be fed, or, if it is empty, freed. */
void lane_hunger(struct pool_lane *lane);
/* If its present process cannot open what this item needs, the next one
 * will. */
void lane_widen(struct pool_lane *lane, const struct work_item *work);
/* What the filer does not do goes to the worker; it is in no list of the
 * filer's any more. */
void lane_divert(struct pool_item *item);
/* It was delivered, by a process of that kind. */
void lane_learn(struct pool *pool, uint8_t who, const struct work_item *work);

/* ---- pool_process.c ---- */

/* 0, or a negative errno: nothing was started. */
int process_start(struct pool_lane *lane, struct pool_worker **ret);
void process_send(struct pool_worker *w, struct pool_item *item);
/* It has nothing to do and shall end by itself. */
void process_retire(struct pool_worker *w);
/* The next process of the lane will have or know more. */
void process_renew(struct pool_lane *lane);
/* Those of pipe services are counted by the queue. */
bool process_counts(const struct pool_worker *w);
void process_free(struct pool_worker *w);
