/* SPDX-License-Identifier: ISC */
#include "daemon/deliver/outcomes.h"

#include "base/hmap.h"

void outcomes_new_epoch(struct outcomes *o)
{
	o->epoch++;
}

void outcomes_add(struct outcomes *o, msgid id, span address)
{
	o->ring[o->next] = (struct outcome){
		.id = id,
		.address = hash_bytes(address),
		.epoch = o->epoch,
	};
	o->next = (o->next + 1) % OUTCOMES_KEPT;
}

/* A walk through all, but only after a queue process died. */
bool outcomes_has(const struct outcomes *o, msgid id, span address)
{
	uint64_t hash;

	if (o->epoch <= 1)
		return false;
	hash = hash_bytes(address);
	for (size_t i = 0; i < OUTCOMES_KEPT; i++)
		if (o->ring[i].id == id && o->ring[i].address == hash &&
		    o->ring[i].epoch < o->epoch)
			return true;
	return false;
}
