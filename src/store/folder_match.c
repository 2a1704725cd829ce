/* SPDX-License-Identifier: ISC */
/*
 * Which message is which, after the mailbox was read anew. Mostly new ones
 * stand behind the old ones, and the lists are compared in step; from the
 * first difference on a table of hashes helps. Messages that are equal to the
 * last byte are taken in their order, each once.
 */
#include "store/folder_internal.h"

#include <string.h>

enum { NOTHING = UINT32_MAX };

/* Chains of equal hashes, in the order of the list. */
struct table {
	const struct folder_item *items;
	uint32_t *slots; /* the first of a chain that is left */
	uint32_t *next;
	uint64_t *hashes; /* of a slot, which outlives its chain */
	uint64_t mask;
};

static size_t find_slot(const struct table *t, uint64_t hash, bool *ret_taken)
{
	size_t at = hash & t->mask;

	while (t->slots[at] != NOTHING || t->hashes[at] != 0) {
		if (t->hashes[at] == (hash | 1)) {
			*ret_taken = true;
			return at;
		}
		at = (at + 1) & t->mask;
	}
	*ret_taken = false;
	return at;
}

static void table_init(
    struct table *t, const struct folder_item *items, size_t n, size_t from)
{
	uint64_t room = 16;

	while (room < 2 * (n - from) + 1)
		room *= 2;
	*t = (struct table){
		.items = items,
		.slots = mem_new(room, sizeof(uint32_t)),
		.next = mem_new(n + 1, sizeof(uint32_t)),
		.hashes = mem_new(room, sizeof(uint64_t)),
		.mask = room - 1,
	};
	memset(t->slots, 0xff, room * sizeof(uint32_t));
	for (size_t i = n; i-- > from;) {
		bool taken;
		size_t at = find_slot(t, items[i].hash, &taken);

		t->next[i] = taken ? t->slots[at] : NOTHING;
		t->slots[at] = (uint32_t)i;
		t->hashes[at] = items[i].hash | 1;
	}
}

static void table_done(struct table *t)
{
	mem_free(t->slots);
	mem_free(t->next);
	mem_free(t->hashes);
}

static uint32_t table_take(struct table *t, uint64_t hash)
{
	bool taken;
	size_t at = find_slot(t, hash, &taken);
	uint32_t i;

	if (!taken || t->slots[at] == NOTHING)
		return NOTHING;
	i = t->slots[at];
	t->slots[at] = t->next[i];
	return i;
}

/* Somebody else changed flags on the disk to `now`: keep what we changed. */
static void merge_flags(struct folder_item *item, uint8_t now)
{
	uint8_t changed = item->m.flags ^ item->m.before;

	item->m.before = now;
	item->m.flags = (uint8_t)((now & ~changed) | (item->m.flags & changed));
}

static void take_place(struct folder_item *old, struct folder_item *fresh)
{
	struct folder_item now = *fresh;

	if (old->m.state & FOLDER_MEASURED) {
		now.m.size = old->m.size;
		now.m.lines = old->m.lines;
		now.m.state |= FOLDER_MEASURED;
	}
	now.m.flags = old->m.flags;
	now.m.before = old->m.before;
	merge_flags(&now, fresh->m.before);
	fresh->m.state |= FOLDER_FOUND;
	*old = now;
}

void folder_match(
    struct folder *f, struct folder_item *fresh, size_t n, size_t *ret_new)
{
	size_t old_count = f->count;
	size_t i = 0;
	size_t k = 0;
	struct table t;

	for (; i < f->count && k < n; i++) {
		if (f->items[i].m.state & FOLDER_GONE)
			continue;
		if (f->items[i].hash != fresh[k].hash)
			break;
		take_place(&f->items[i], &fresh[k++]);
	}
	table_init(&t, fresh, n, k);
	for (; i < f->count; i++) {
		uint32_t at = NOTHING;

		if (!(f->items[i].m.state & FOLDER_GONE))
			at = table_take(&t, f->items[i].hash);
		if (at != NOTHING)
			take_place(&f->items[i], &fresh[at]);
		else
			f->items[i].m.state |= FOLDER_GONE;
	}
	table_done(&t);
	for (; k < n; k++)
		if (!(fresh[k].m.state & FOLDER_FOUND))
			*folder_add(&f->items, &f->count, &f->room) = fresh[k];
	*ret_new = f->count - old_count;
}

void folder_drop_gone(struct folder *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++)
		if (!(f->items[i].m.state & FOLDER_GONE))
			f->items[kept++] = f->items[i];
	f->count = kept;
}
