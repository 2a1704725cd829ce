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
}

void outcomes_done(struct outcomes *o)
{
	hmap_done(&o->known);
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

void outcomes_add(struct outcomes *o, outcome_key key, bool partly)
{
	struct outcome *slot = find(o, key);

	if (slot) {
		slot->epoch = o->epoch;
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
		.epoch = o->epoch,
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
