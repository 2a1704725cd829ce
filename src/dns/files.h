/* SPDX-License-Identifier: ISC */
/*
 * dns/files.h - resolv.conf and hosts: what they say.
 */
#pragma once

#include "base/buf.h"
#include "dns/packet.h"

enum { DNS_SERVERS_MAX = 3 };

struct dns_servers {
	uint32_t count;
	char text[DNS_SERVERS_MAX][80]; /* "192.0.2.1", "::1@5353" */
};

/* Lines it does not understand are skipped, as every resolver does. */
void dns_servers_parse(span text, struct dns_servers *ret);

/* The addresses of a name in the text of a hosts file. */
struct dns_host {
	uint8_t addr[16];
	bool is_v6;
};
/*
 * Call fn for each pair of a name and an address in the file; lines it does
 * not understand are skipped.
 */
typedef void dns_hosts_fn(void *ctx, span name, const struct dns_host *host);
void dns_hosts_parse(span text, dns_hosts_fn *fn, void *ctx);
