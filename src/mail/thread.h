/* SPDX-License-Identifier: ISC */
/*
 * mail/thread.h - which message answers which: References, In-Reply-To, and
 * for lack of both the subject.
 *
 * Linear but for the hashing, no recursion, loops are cut.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"

struct thread_node {
	/* in: */
	span message_id; /* without < >; may be empty */
	span references; /* References and In-Reply-To, as written */
	span subject;    /* decoded; empty: not to be joined by it */
	usec when;       /* brothers stand in this order */
	/* out: indices, or THREAD_NONE */
	uint32_t parent;
	uint32_t first_child;
	uint32_t next;  /* brother; roots are brothers, too */
	uint32_t depth; /* 0: begins a thread */
};

#define THREAD_NONE UINT32_MAX

/* False: the arena is full, and nothing is joined. `ret_first` is the first
 * root. */
MUST_USE bool thread_build(struct thread_node *nodes, uint32_t count,
    struct arena *a, uint32_t *ret_first);
/* Depth first, parents before children; THREAD_NONE: the end. */
uint32_t thread_walk(const struct thread_node *nodes, uint32_t i);
/* Append a subject without Re:, Fwd:, [list]: what two mails have in common. */
void thread_subject(struct buf *out, span subject);
