/* SPDX-License-Identifier: ISC */
/*
 * base/list.h - intrusive doubly linked ring.
 *
 * A `struct list` is either the head of a list or the link inside a member.
 * A removed link points at itself, so list_remove() may be called twice.
 */
#pragma once

#include "base/base.h"

struct list {
	struct list *prev;
	struct list *next;
};

#define LIST_INIT(name) \
	{ \
		&(name), &(name) \
	}

/* NOLINTBEGIN(bugprone-macro-parentheses): it declares its variables */
/* Loops over the links; the current one may be removed (not its next). */
#define LIST_FOR(it, head) \
	for (struct list *it = (head)->next, *it##_next = it->next; \
	     it != (head); it = it##_next, it##_next = it->next)
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_insert_before(struct list *at, struct list *link)
{
	link->prev = at->prev;
	link->next = at;
	at->prev->next = link;
	at->prev = link;
}

static inline void list_append(struct list *head, struct list *link)
{
	list_insert_before(head, link);
}

static inline void list_prepend(struct list *head, struct list *link)
{
	list_insert_before(head->next, link);
}

static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* First link removed and returned, or NULL. */
static inline struct list *list_take(struct list *head)
{
	struct list *first = head->next;

	if (first == head)
		return NULL;
	list_remove(first);
	return first;
}

/* Move all members of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}
