/* SPDX-License-Identifier: ISC */
/*
 * dns/resolver.h - asking the DNS from a loop process.
 *
 * The name servers are those of resolv.conf ("nameserver ADDRESS", also
 * ADDRESS@PORT); libunbound asks them from within this process, by our loop,
 * without threads. It is only brought up when the first question has to go
 * out: a process that never asks never pays for it. Everything that lies in
 * files is read by dns_new(), before the sandbox closes.
 *
 * Answers are kept as long as their TTL allows (at most CACHE_TTL_MAX), the
 * negative ones too, in a cache of bounded size. Equal questions that are
 * open at the same time go out once.
 */
#pragma once

#include "dns/packet.h"
#include "os/loop.h"

struct dns;

struct dns_setup {
	const char *resolv_conf; /* path; a missing file means 127.0.0.1 */
	const char *hosts;       /* /etc/hosts, or NULL: not wanted */
	usec timeout;            /* of a question; 0: a sensible one */
};

/* 0 or a negative errno. */
MUST_USE int dns_new(
    struct loop *l, const struct dns_setup *setup, struct dns **ret_dns);
/* All questions must be answered or cancelled. Nulls; NULL is fine. */
void dns_free(struct dns **dns);

/* A question, embedded by who asks; zero it before the first use. */
struct dns_query {
	struct list link;
	/* The answer lives until the call returns. Never called from
	 * within dns_ask(). */
	void (*done)(void *ctx, const struct dns_answer *answer);
	void *ctx;
};

enum { DNS_QUERY_NAME_MAX = 255 };

/*
 * The answer if it is known (it lives until the next call on `d`); else NULL,
 * and q->done is called later. A name that is too long or no name at all
 * does not exist (DNS_NXDOMAIN).
 */
const struct dns_answer *dns_ask(
    struct dns *d, span name, enum dns_type type, struct dns_query *q);
/* q->done will not be called; harmless when there is nothing to cancel. */
void dns_cancel(struct dns_query *q);

/*
 * What the hosts file says for a name: a DNS_OK answer with A or AAAA
 * records, or NULL. Lives until the next call.
 */
const struct dns_answer *dns_hosts(
    struct dns *d, span name, enum dns_type type);
