/* SPDX-License-Identifier: ISC */
/*
 * relay/route.h - the hosts to try for one next hop, in their order.
 *
 * A name without [ ] is looked up as a mail domain: MX records by preference,
 * equals in random order, or the name itself if there are none (RFC 5321 5).
 * Where mail could come back to us (port 25), the list ends before ourselves.
 * A unix socket is one host, with our name.
 */
#pragma once

#include "base/arena.h"
#include "daemon/relay/nexthop.h"
#include "daemon/relay/settings.h"
#include "dns/resolver.h"

enum {
	ROUTE_NAMES_MAX = 50, /* exchangers looked up */
	ROUTE_HOPS_MAX = 100, /* addresses kept */
};

struct hop {
	span host;
	uint32_t pref;
	struct sock_addr addr;
};

/* "host[addr]:25", "host[private/lmtp]"; how much of it is the host, and
 * where the port begins, is returned. */
struct hop_parts {
	size_t host;
	size_t peer;
};
struct hop_parts hop_name(struct buf *out, const struct hop *hop);

struct route_name;

struct route {
	/* Set by the caller: */
	struct dns *dns;
	const struct settings *set;
	struct arena *arena; /* for all it finds; "full" is a failure */
	uint64_t seed;       /* for the random order */
	void (*done)(void *ctx);
	void *ctx;

	/* What was found, when it is done: */
	struct hop *hops; /* in the arena */
	uint32_t nhops;   /* 0: nothing, and `why` says why */
	span status;      /* "4.4.3", ... */
	span why;
	bool found_self; /* we are one of the exchangers */

	/* Its own: */
	struct nexthop next;
	struct dns_query mx;
	struct route_name *names;
	uint32_t nnames;
	uint32_t pending;
	uint32_t best; /* preference of the first exchanger */
	bool is_mx;
	bool starting;
};

/*
 * True: the result is there already. False: `done` will be called.
 */
MUST_USE bool route_find(struct route *r, const struct nexthop *next);
/* Forget about it; harmless when nothing is under way. */
void route_cancel(struct route *r);
