/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/expand.h - questions to the expand process
 * (ipc/msg_local.h): what does this recipient stand for?
 *
 * It may die and come back: its open questions are then asked again. A
 * question that has seen several of them die is given up, and so is one that
 * finds none for some seconds.
 */
#pragma once

#include "base/hmap.h"
#include "ipc/chan.h"
#include "ipc/msg_local.h"

/* Embedded by who asks, with spans that live until the last call. */
struct expand_ask {
	struct hnode node;
	struct list link;
	struct local_ask what; /* the number is filled in */
	unsigned deaths;
	bool answered; /* in part */
	/*
	 * A part of the plan, in wire form (local_plan_get() accepts it); the
	 * last one has `more` false. An empty payload: there is no answer
	 * now. Never called from inside a function of this header.
	 */
	void (*plan)(struct expand_ask *ask, span payload, bool more);
};

struct expand;

struct expand *expand_new(struct loop *loop);
void expand_free(struct expand **e);
/* The expand process; takes the descriptor. */
void expand_peer(struct expand *e, int fd);
void expand_ask(struct expand *e, struct expand_ask *ask);
