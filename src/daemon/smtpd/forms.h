/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/forms.h - the lines we log, in the words of Postfix 3.7.
 */
#pragma once

#include "daemon/smtpd/session.h"

/* connect from name[addr] */
void form_connect(const struct session *s);
/* disconnect from name[addr] ehlo=1 quit=1 commands=2 */
void form_disconnect(const struct session *s);
/* "lost connection", "timeout", "too many errors": ... after RCPT from ... */
void form_broken(const struct session *s, const char *what);
/* QID: client=name[addr] */
void form_client(const struct session *s);
/* QID: reject: RCPT from name[addr]: 554 5.7.1 ...; from=<> to=<> ... */
void form_decision(const struct session *s, span verb, span reply);
void form_refusal(
    const struct session *s, span verb, unsigned code, span reply);
/* What the engine has to remark. */
void form_note(const struct session *s);
/* QID: message-id=<...>, as cleanup */
void form_ident(const struct session *s);

PRINTF_LIKE(2, 3)
void form_info(const struct session *s, const char *format, ...);
PRINTF_LIKE(2, 3)
void form_warn(const struct session *s, const char *format, ...);
