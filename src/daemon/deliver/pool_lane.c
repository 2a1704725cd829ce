/* SPDX-License-Identifier: ISC */
/*
 * Which lane an item waits in.
 *
 * A message for a Maildir goes to the filer if the filer knows that Maildir
 * (known.h), else to the user's worker. What a filer cannot do at once and
 * without a doubt it passes, and that goes to the worker, too.
 */
#include "daemon/deliver/pool_internal.h"

#include <unistd.h>

enum { SCRIBES = 2 };

static const uint8_t kind_of[WORK_DOS] = {
	[WORK_SPOOL] = WORK_SCRIBE,
	[WORK_MBOX] = WORK_WORKER,
	[WORK_FILE] = WORK_RUNNER,
	[WORK_MAILDIR] = WORK_WORKER,
	[WORK_COMMAND] = WORK_RUNNER,
	[WORK_READ] = WORK_WORKER,
	[WORK_LOOK] = WORK_SCRIBE,
};

bool lane_acts_for_all(const struct lane_key *key)
{
	return key->kind == WORK_SCRIBE || key->kind == WORK_FILER;
}

/* By the user's own process, or by one for all. Without root we are nobody but
 * ourselves. */
static struct lane_key key_of(
    const struct pool *pool, const struct work_item *work)
{
	struct lane_key key = {
		.kind = kind_of[work->kind],
		.uid = geteuid(),
		.gid = getegid(),
	};

	/* A command that hangs shall not hold up another one. */
	if (work->kind == WORK_COMMAND)
		key.slot = (unsigned)(hash_bytes(work->path) & 0xffffff);
	key.pipe = work->flags & WORK_PIPE;
	if (!pool->has_root)
		return key;
	if (key.kind == WORK_SCRIBE) {
		key.slot = (unsigned)(hash_u64(work->uid) % SCRIBES);
		return key;
	}
	key.uid = work->uid;
	key.gid = work->gid;
	return key;
}

static bool key_eq(const struct lane_key *a, const struct lane_key *b)
{
	return a->kind == b->kind && a->uid == b->uid && a->gid == b->gid &&
	    a->slot == b->slot && a->pipe == b->pipe;
}

static uint64_t key_hash(const struct lane_key *key)
{
	return hash_u64((uint64_t)key->uid << 32 | key->gid) + key->kind * 8U +
	    key->slot;
}

static struct pool_lane *find_lane(
    struct pool *pool, const struct lane_key *key, uint64_t hash)
{
	struct hnode *n;

	for (n = hmap_first(&pool->lanes, hash); n; n = hmap_next(n, hash)) {
		struct pool_lane *lane =
		    CONTAINER_OF(n, struct pool_lane, node);

		if (key_eq(&lane->key, key))
			return lane;
	}
	return NULL;
}

static struct pool_lane *get_lane(struct pool *pool, struct lane_key key)
{
	uint64_t hash = key_hash(&key);
	struct pool_lane *lane = find_lane(pool, &key, hash);

	if (lane)
		return lane;
	lane = NEW(struct pool_lane);
	lane->pool = pool;
	lane->key = key;
	list_init(&lane->link);
	list_init(&lane->workers);
	list_init(&lane->waiting);
	reach_init(&lane->reach);
	hmap_put(&pool->lanes, &lane->node, hash);
	return lane;
}

void lane_free(struct pool_lane *lane)
{
	list_remove(&lane->link);
	reach_done(&lane->reach);
	hmap_remove(&lane->pool->lanes, &lane->node);
	mem_free(lane);
}

void lane_hunger(struct pool_lane *lane)
{
	if (!list_is_empty(&lane->link))
		return;
	if (lane_acts_for_all(&lane->key))
		list_prepend(&lane->pool->hungry, &lane->link);
	else
		list_append(&lane->pool->hungry, &lane->link);
}

void lane_widen(struct pool_lane *lane, const struct work_item *work)
{
	if (lane->key.kind == WORK_WORKER &&
	    reach_add(&lane->reach, work, lane->pool->conf.base))
		process_renew(lane);
}

/*
 * What a filer could do. Virtual Maildirs mostly are one user's, whose worker
 * does as well; the quota of one is in a file that a filer does not reach; and
 * what is root's is not done by one who acts as others.
 */
static bool can_be_filed(const struct pool *pool, const struct work_item *work)
{
	const uint32_t kind = WORK_OWN | WORK_VIRTUAL | WORK_QUOTA | WORK_ASKS;

	return pool->may_file && work->kind == WORK_MAILDIR &&
	    (work->flags & kind) == WORK_OWN && work->uid != 0 &&
	    work->gid != 0;
}

void lane_learn(struct pool *pool, uint8_t who, const struct work_item *work)
{
	if (!can_be_filed(pool, work))
		return;
	if (who == WORK_FILER)
		known_praise(&pool->known, work);
	else
		known_learn(&pool->known, work, loop_now(pool->setup.loop));
}

void lane_divert(struct pool_item *item)
{
	struct pool *pool = item->lane->pool;

	known_avoid(&pool->known, &item->work, loop_now(pool->setup.loop));
	item->lane = get_lane(pool, key_of(pool, &item->work));
	lane_widen(item->lane, &item->work);
}

struct pool_lane *lane_for(struct pool *pool, const struct work_item *work)
{
	const struct lane_key filer = { .kind = WORK_FILER };
	enum known_place place = KNOWN_NOT;
	struct pool_lane *lane;

	if (can_be_filed(pool, work))
		place =
		    known_find(&pool->known, work, loop_now(pool->setup.loop));
	if (place == KNOWN_NOT)
		return get_lane(pool, key_of(pool, work));
	lane = get_lane(pool, filer);
	if (place == KNOWN_SOON)
		process_renew(lane);
	return lane;
}
