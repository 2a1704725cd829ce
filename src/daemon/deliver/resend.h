/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/resend.h - new messages by way of the pickup process
 * (ipc/msg_submit.h): mail that an alias or ~/.forward sends on.
 *
 * It may die and come back: what it did not confirm is sent again. What
 * finds none for some seconds is not sent.
 */
#pragma once

#include "base/hmap.h"
#include "ipc/chan.h"
#include "ipc/msg_submit.h"

/* Embedded by who sends, with spans that live until the call. */
struct resend_message {
	struct hnode node;
	struct list link;
	struct submit what; /* the number is filled in */
	int blob;           /* if what.blob */
	/* Exactly once, never from inside resend_send(). */
	void (*done)(
	    struct resend_message *m, const struct submit_result *result);
};

struct resend;

struct resend *resend_new(struct loop *loop);
void resend_free(struct resend **r);
/* The pickup process; takes the descriptor. */
void resend_peer(struct resend *r, int fd);
void resend_send(struct resend *r, struct resend_message *m);
