/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/outcomes.h"

struct outcome {
	struct hnode node; /* by key; unused: hash 0 and not in the table */
	outcome_key key;
	unsigned epoch;
	bool partly;
	bool used;
};

void outcomes_init(struct outcomes *o)
{
	*o = (struct outcomes){ 0 };
	hmap_init(&o->known);
	hmap_init(&o->running);
}

void outcomes_done(struct outcomes *o)
{
	hmap_done(&o->known);
	hmap_done(&o->running);
	mem_free(o->ring);
	o->ring = NULL;
}

void outcomes_new_epoch(struct outcomes *o)
{
	o->epoch++;
}

static struct outcome *find(const struct outcomes *o, outcome_key key)
{
	struct hnode *n;

	for (n = hmap_first(&o->known, key); n; n = hmap_next(n, key)) {
		struct outcome *known = CONTAINER_OF(n, struct outcome, node);

		if (known->key == key)
			return known;
	}
	return NULL;
}

void outcomes_add(
    struct outcomes *o, outcome_key key, unsigned epoch, bool partly)
{
	struct outcome *slot = find(o, key);

	if (slot) {
		slot->epoch = epoch;
		slot->partly = partly;
		return;
	}
	if (!o->ring)
		o->ring = mem_new(OUTCOMES_KEPT, sizeof(*o->ring));
	slot = &o->ring[o->next];
	o->next = (o->next + 1) % OUTCOMES_KEPT;
	if (slot->used)
		hmap_remove(&o->known, &slot->node);
	*slot = (struct outcome){
		.key = key,
		.epoch = epoch,
		.partly = partly,
		.used = true,
	};
	hmap_put(&o->known, &slot->node, key);
}

bool outcomes_has(const struct outcomes *o, outcome_key key)
{
	const struct outcome *known = find(o, key);

	return known && (known->partly || known->epoch < o->epoch);
}

/* ---- under way ---- */

static struct outcome_run *find_earlier(
    const struct outcomes *o, outcome_key key, unsigned epoch)
{
	struct hnode *n;

	for (n = hmap_first(&o->running, key); n; n = hmap_next(n, key)) {
		struct outcome_run *r =
		    CONTAINER_OF(n, struct outcome_run, node);

		if (r->key == key && r->epoch < epoch)
			return r;
	}
	return NULL;
}

bool outcomes_begin(struct outcomes *o, struct outcome_run *r, outcome_key key)
{
	struct outcome_run *earlier;

	if (r->begun)
		return true;
	list_init(&r->waiting);
	list_init(&r->link);
	earlier = find_earlier(o, key, r->epoch);
	if (earlier) {
		list_append(&earlier->waiting, &r->link);
		return false;
	}
	r->key = key;
	r->begun = true;
	hmap_put(&o->running, &r->node, key);
	return true;
}

void outcomes_end(
    struct outcomes *o, struct outcome_run *r, struct list *ret_waiting)
{
	list_init(ret_waiting);
	if (!r->begun)
		return;
	r->begun = false;
	hmap_remove(&o->running, &r->node);
	list_splice(ret_waiting, &r->waiting);
}
