/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/nets.h - a list of clients: networks, addresses and names, as
 * in smtpd_client_event_limit_exceptions.
 *
 *	127.0.0.0/8 [::1]/128 192.0.2.1 host.example .example.org !10.0.0.1
 *
 * The first one that fits decides; "!" in front turns it around. A table
 * (type:name) or a file cannot be looked at from here: it fits nobody.
 */
#pragma once

#include "base/span.h"

struct nets;

/* Spans of `text` are borrowed. */
struct nets *nets_new(span text);
/* NULL is fine. */
void nets_free(struct nets **nets);

/* `addr` is numeric, without brackets. */
bool nets_has(const struct nets *nets, span name, span addr);
