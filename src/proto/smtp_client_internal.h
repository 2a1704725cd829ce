/* SPDX-License-Identifier: ISC */
/*
 * proto/smtp_client_internal.h - between smtp_client.c (session and events),
 * smtp_client_recv.c (replies) and smtp_client_send.c (commands).
 */
#pragma once

#include "proto/smtp_client.h"

enum {
	/* Make no more commands than this before some have left. */
	SMTP_CLIENT_OUT_AIM = 4096,
	/* One command more than that, with the longest of addresses. */
	SMTP_CLIENT_OUT_MAX = 64 * 1024,
	SMTP_CLIENT_TEXT_MAX = 16 * 1024,
};

/* smtp_client.c */
void smtp_client_push(struct smtp_client *c, enum smtp_client_event event,
    struct smtp_message *m);
/* The outcome just made is that of recipient i. */
void smtp_client_decide_one(
    struct smtp_client *c, struct smtp_message *m, uint32_t i);
/* ... that of all recipients that have none yet. */
void smtp_client_decide_all(struct smtp_client *c, struct smtp_message *m);
/* ... that of everything under way; the session is over. */
void smtp_client_fail(struct smtp_client *c);
/* c->cur is through. */
void smtp_client_finish(struct smtp_client *c);
void smtp_client_close(struct smtp_client *c);
bool smtp_client_is_stale(
    const struct smtp_client *c, const struct smtp_message *m);
span smtp_step_request(enum smtp_step step);

/* smtp_client_recv.c */
/* Take one line of the server. */
void smtp_client_read(struct smtp_client *c, span *input);
/* Make the outcome for a connection that ended. */
void smtp_client_ended(struct smtp_client *c, enum smtp_end why);
/* A message that this server cannot take: then the outcome is made. */
bool smtp_client_refuses(struct smtp_client *c, const struct smtp_message *m);

/* smtp_client_send.c */
/* Line end added; the line will be answered. */
void smtp_client_put_line(struct smtp_client *c, span line);
/* Give up this message; the reply to RSET ends it. */
void smtp_client_put_rset(struct smtp_client *c, struct smtp_message *m);
/* Make all commands that can be made now. */
void smtp_client_pump(struct smtp_client *c);

/* First recipient from i on that is to be tried here; nrcpts: none. */
uint32_t smtp_message_rcpt(const struct smtp_message *m, uint32_t i);
/* ... that was accepted. */
uint32_t smtp_message_accepted(const struct smtp_message *m, uint32_t i);
void smtp_message_start(struct smtp_message *m);
bool smtp_message_needs_utf8(const struct smtp_message *m);
