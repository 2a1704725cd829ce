/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/steps.h - what steps.c and verdict.c share.
 *
 * Each of these answers the engine's question and returns true: it may go on.
 */
#pragma once

#include "daemon/smtpd/session.h"

extern const span step_no_storage;

bool step_answer(struct session *s, unsigned code, span text);
bool step_grant(struct session *s);
/* MAIL: as far as the restrictions go. */
bool step_mail_allowed(struct session *s);
bool step_mail_refused(struct session *s, unsigned code, span reply);
bool step_etrn_refused(struct session *s);
bool step_data_allowed(struct session *s);
/* The transaction ends with this. */
bool step_message_over(struct session *s, unsigned code, span text);
