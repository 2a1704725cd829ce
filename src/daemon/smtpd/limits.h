/* SPDX-License-Identifier: ISC */
/*
 * daemon/smtpd/limits.h - how much one client does (Postfix: anvil).
 *
 * Counted per service and address: open connections, and connections,
 * messages and recipients within anvil_rate_time_unit. A window begins with
 * the first event after the last one ended.
 *
 * Each smtpd process counts for itself. The kernel spreads connections over
 * the processes as they are free, so none of them sees all of a client, nor
 * just its share: limits_share() gives each process the middle between its
 * share and the whole. Together they let a client have between
 * half a limit too little and half a limit too much (two processes).
 */
#pragma once

#include "base/hmap.h"
#include "base/list.h"
#include "base/time.h"

struct limits;

struct limits_client {
	struct hnode node;
	struct list idle; /* in limits->idle while nothing is open */
	char *key;        /* service, NUL, address */
	size_t key_len;
	uint32_t open;
	uint32_t connects; /* in this window */
	uint32_t messages;
	uint32_t rcpts;
	usec since;
};

enum limits_event { LIMITS_CONNECT, LIMITS_MESSAGE, LIMITS_RCPT };

struct limits *limits_new(void);
/* Clients that are still open are forgotten. NULL is fine. */
void limits_free(struct limits **l);

/* The client, made if need be. It stays until limits_close(). */
struct limits_client *limits_open(
    struct limits *l, span service, span addr, usec now);
void limits_close(struct limits *l, struct limits_client *c, usec now);

/* One more of this in the window; how many that makes. */
uint32_t limits_count(
    struct limits_client *c, enum limits_event what, usec unit, usec now);

/* What a limit is for one of so many processes. 0 (none) stays 0. */
uint32_t limits_share(uint32_t limit, uint32_t processes);
