/* SPDX-License-Identifier: ISC */
#include "base/heap.h"

void heap_init(struct heap *h)
{
	*h = (struct heap){ 0 };
}

void heap_done(struct heap *h)
{
	for (size_t i = 0; i < h->count; i++)
		h->items[i]->at = 0;
	mem_free(h->items);
	heap_init(h);
}

static void place(struct heap *h, struct heap_node *n, size_t at)
{
	h->items[at] = n;
	n->at = at + 1;
}

static void sift_up(struct heap *h, struct heap_node *n)
{
	size_t at = n->at - 1;

	while (at && h->items[(at - 1) / 2]->key > n->key) {
		place(h, h->items[(at - 1) / 2], at);
		at = (at - 1) / 2;
	}
	place(h, n, at);
}

static void sift_down(struct heap *h, struct heap_node *n)
{
	size_t at = n->at - 1;

	for (;;) {
		size_t child = at * 2 + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count &&
		    h->items[child + 1]->key < h->items[child]->key)
			child++;
		if (h->items[child]->key >= n->key)
			break;
		place(h, h->items[child], at);
		at = child;
	}
	place(h, n, at);
}

void heap_put(struct heap *h, struct heap_node *n, uint64_t key)
{
	n->key = key;
	if (!n->at) {
		if (h->count == h->cap) {
			h->cap = h->cap ? h->cap * 2 : 16;
			h->items = mem_resize(
			    h->items, h->cap, sizeof(struct heap_node *));
		}
		place(h, n, h->count++);
	}
	sift_up(h, n);
	sift_down(h, n);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_node *last;
	size_t at;

	if (!n->at)
		return;
	at = n->at - 1;
	last = h->items[--h->count];
	n->at = 0;
	if (last == n)
		return;
	place(h, last, at);
	sift_up(h, last);
	sift_down(h, last);
}

struct heap_node *heap_top(const struct heap *h)
{
	return h->count ? h->items[0] : NULL;
}
