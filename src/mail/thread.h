/* SPDX-License-Identifier: ISC */
/*
 * mail/thread.h - which message answers which: References, In-Reply-To, and
 * for lack of both the subject.
 *
 * No recursion; linear but for the hashing and for sorting brothers; loops
 * are cut.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"

struct thread_node {
	/* in: */
	span message_id; /* with or without < >; may be empty */
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

/*
 * Messages that answer one which is not here stand below the oldest of them.
 * One without references stands below the oldest of the same subject if its
 * own is that of an answer ("Re:").
 *
 * False: the arena is full (some 200 bytes for a message and each of its
 * references), and nothing is joined. `ret_first` is the first root,
 * THREAD_NONE if there is none.
 */
MUST_USE bool thread_build(struct thread_node *nodes, uint32_t count,
    struct arena *a, uint32_t *ret_first);
/* Depth first, parents before children; THREAD_NONE: the end. */
uint32_t thread_walk(const struct thread_node *nodes, uint32_t i);
/*
 * Append a subject without Re:, Fwd:, [list]: what two mails have in common.
 * Runs of blanks are one. True: it was that of an answer or was sent on.
 */
bool thread_subject(struct buf *out, span subject);
