/* SPDX-License-Identifier: ISC */
/*
 * relay/nexthop.h - what a next hop says: "example.org", "[mail.example.org]",
 * "[192.0.2.1]:587", "[ipv6:2001:db8::1]", "host:submission", and for LMTP
 * also "inet:host:port" and "unix:path". Several may be listed, separated by
 * commas or blanks; they are tried in order.
 */
#pragma once

#include "base/span.h"

struct nexthop {
	span text; /* as written, without "inet:" */
	span host; /* name or address, bare */
	uint16_t port;
	bool literal; /* was in [ ]: no MX lookup */
	bool local;   /* "unix:": host is a path */
};

enum nexthop_result {
	NEXTHOP_OK,
	NEXTHOP_END,     /* nothing left */
	NEXTHOP_BAD,     /* not a host and port */
	NEXTHOP_SERVICE, /* a port whose name we do not know */
};

/* The next one of a list. `port` is the default: a number or a name. */
enum nexthop_result nexthop_next(
    span *list, span port, bool lmtp, struct nexthop *ret);
