/* SPDX-License-Identifier: ISC */
/*
 * dns/packet.h - what a DNS answer (RFC 1035) says, without believing a byte.
 *
 * Names come out as text: labels joined by dots, no dot at the end, the root
 * as the empty span. A byte in a label that is a dot, a backslash or not
 * printable is written \DDD, so that no label can pass for two; such a name
 * is no host name for anybody who checks.
 */
#pragma once

#include "base/arena.h"

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
};

enum dns_status {
	DNS_OK,        /* there are records */
	DNS_NODATA,    /* the name exists, but has no such records */
	DNS_NXDOMAIN,  /* there is no such name */
	DNS_AGAIN,     /* ask later: no answer, or the servers are in trouble */
	DNS_FAILED,    /* the servers refuse */
	DNS_MALFORMED, /* the answer cannot be understood */
};

enum {
	DNS_RECORDS_MAX = 100, /* kept; the rest is ignored */
	DNS_ALIASES_MAX = 16,  /* CNAMEs followed */
	DNS_NAME_WIRE_MAX = 255,
	/* Each byte as \DDD. */
	DNS_NAME_TEXT_MAX = 4 * DNS_NAME_WIRE_MAX,
};

struct dns_record {
	uint32_t ttl;
	uint16_t pref;    /* MX */
	uint8_t addr[16]; /* A (first four bytes), AAAA */
	span data;        /* MX, PTR: the name; TXT: the strings, joined */
};

struct dns_answer {
	enum dns_status status;
	uint32_t ttl; /* how long to believe it; the shortest on the way */
	uint32_t nrecords;
	const struct dns_record *records; /* in the arena, as their data */
};

/*
 * The records of `type` for `name` (text, any case) in an answer packet,
 * CNAMEs followed within the packet. Records for other names are ignored.
 * False: the arena is full.
 */
MUST_USE bool dns_packet_parse(span packet, span name, enum dns_type type,
    struct arena *a, struct dns_answer *ret);

/*
 * The name at `at` in the packet, as text; `ret_end` is where it ends in the
 * place where it began. False: malformed.
 */
MUST_USE bool dns_packet_name(
    span packet, size_t at, char text[DNS_NAME_TEXT_MAX], size_t ret[2]);
