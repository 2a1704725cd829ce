/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/client.h - the name of a client, by its address.
 *
 * The name that the address has in the DNS (or in /etc/hosts) is believed
 * only when it leads back to the address.
 */
#pragma once

#include "base/arena.h"
#include "ipc/msg_rules.h"

/* Blocks as long as the resolver does. Spans lie in the arena. */
void client_look_up(span addr, struct arena *a, struct rules_client_is *ret);
/* The answer when smtpd_peername_lookup is off. */
void client_unknown(struct rules_client_is *ret);
