/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/handover.h - the conversation with the queue process
 * (ipc/msg_queue.h).
 *
 * The queue may die and come back. A message whose commit was under way then
 * has failed as far as we know: the client hears 451 and tries again.
 */
#pragma once

#include "daemon/smtpd/message.h"

struct handover;

struct handover *handover_new(struct smtpd *p);
void handover_free(struct handover **h);
/* The queue process; takes the descriptor. */
void handover_queue(struct handover *h, int fd);

/* A counter for a new id. False: none now; handover_wait() for one. */
MUST_USE bool handover_take_id(struct handover *h, uint64_t *ret);
/* Whether a message of this size would be taken; 0: of any size. */
bool handover_has_space(const struct handover *h, uint64_t size);

/* Ask for a blob; message_blob() or message_fail() follows. */
void handover_want_blob(struct handover *h, struct message *m);
/* The message is complete; message_done() follows. */
void handover_commit(struct handover *h, struct message *m);
/* It will not be committed. */
void handover_drop(struct handover *h, struct message *m);
/* The queue is slow: make no more for it now, handover_wait(). */
bool handover_is_full(const struct handover *h);

/* Resume the session when something of the above has changed for the better,
 * or after some seconds. */
void handover_wait(struct handover *h, struct session *s);
