/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/known.h"

#include <string.h>

/* One that was used since then is not forgotten for another one. */
#define STALE (10 * USEC_MIN)
/* The filer was sent in vain, again and again. */
#define SHY_FIRST USEC_SEC
#define SHY_MAX   USEC_HOUR
/* From one start of a filer to the next, and more for each Maildir. */
#define PAUSE      (100 * USEC_MSEC)
#define PAUSE_EACH (2 * USEC_MSEC)

enum {
	PATH_LONGEST = 512,
};

struct maildir_known {
	struct hnode node;
	struct list link; /* in by_use */
	uid_t uid;
	gid_t gid;
	bool granted;
	bool worked; /* since it is granted */
	usec used;
	usec shy; /* for so long */
	usec shy_until;
	size_t len;
	char path[];
};

void known_init(struct known *k)
{
	*k = (struct known){ 0 };
	hmap_init(&k->all);
	list_init(&k->by_use);
}

static struct maildir_known *first_of(const struct known *k)
{
	return CONTAINER_OF(k->by_use.next, struct maildir_known, link);
}

static void drop(struct known *k, struct maildir_known *d)
{
	list_remove(&d->link);
	hmap_remove(&k->all, &d->node);
	mem_free(d);
	k->n--;
}

void known_done(struct known *k)
{
	while (!list_is_empty(&k->by_use))
		drop(k, first_of(k));
	hmap_done(&k->all);
}

static struct maildir_known *find(
    const struct known *k, const struct work_item *item, uint64_t hash)
{
	struct hnode *n;

	for (n = hmap_first(&k->all, hash); n; n = hmap_next(n, hash)) {
		struct maildir_known *d =
		    CONTAINER_OF(n, struct maildir_known, node);

		if (d->uid == item->uid && d->gid == item->gid &&
		    span_eq(span_of(d->path, d->len), item->path))
			return d;
	}
	return NULL;
}

enum known_place known_find(
    struct known *k, const struct work_item *item, usec now)
{
	struct maildir_known *d = find(k, item, hash_bytes(item->path));

	if (!d)
		return KNOWN_NOT;
	d->used = now;
	list_remove(&d->link);
	list_append(&k->by_use, &d->link);
	if (d->granted)
		return KNOWN_GRANTED;
	return now < d->shy_until || now < k->next_start ? KNOWN_NOT
	                                                 : KNOWN_SOON;
}

/* False: all are in use. */
static bool make_room(struct known *k, usec now)
{
	if (k->n < WORK_MAX_MAILDIRS)
		return true;
	if (first_of(k)->used + STALE > now)
		return false;
	drop(k, first_of(k));
	return true;
}

void known_learn(struct known *k, const struct work_item *item, usec now)
{
	uint64_t hash = hash_bytes(item->path);
	struct maildir_known *d;

	if (item->path.len > PATH_LONGEST || find(k, item, hash) ||
	    !make_room(k, now))
		return;
	d = mem_new(1, sizeof(*d) + item->path.len);
	d->uid = item->uid;
	d->gid = item->gid;
	d->used = now;
	d->len = item->path.len;
	memcpy(d->path, item->path.ptr, d->len);
	hmap_put(&k->all, &d->node, hash);
	list_append(&k->by_use, &d->link);
	k->n++;
}

/* What a forward file led to says nothing of what the filer would find. */
void known_praise(struct known *k, const struct work_item *item)
{
	struct maildir_known *d;

	if (item->nforward == 0)
		return;
	d = find(k, item, hash_bytes(item->path));
	if (d && d->granted)
		d->worked = true;
}

void known_avoid(struct known *k, const struct work_item *item, usec now)
{
	struct maildir_known *d = find(k, item, hash_bytes(item->path));

	/* Others on their way fail for the same reason. */
	if (!d || !d->granted)
		return;
	d->granted = false;
	if (d->worked)
		d->shy = 0;
	else
		d->shy = d->shy ? MIN(2 * d->shy, SHY_MAX) : SHY_FIRST;
	d->worked = false;
	d->shy_until = now + d->shy;
}

void known_grant(struct known *k, struct work_setup *setup,
    struct work_maildir room[WORK_MAX_MAILDIRS], usec now)
{
	setup->maildirs = room;
	setup->nmaildirs = 0;
	LIST_FOR(l, &k->by_use)
	{
		struct maildir_known *d =
		    CONTAINER_OF(l, struct maildir_known, link);

		d->granted = now >= d->shy_until;
		if (d->granted)
			room[setup->nmaildirs++] = (struct work_maildir){
				.path = span_of(d->path, d->len),
				.uid = d->uid,
				.gid = d->gid,
			};
	}
	k->next_start = now + PAUSE + k->n * PAUSE_EACH;
}
