/* SPDX-License-Identifier: ISC */
/*
 * ipc/msg_rules.h - questions to the rules processes.
 *
 *	smtpd -> rules   CLIENT, CHECK     rules -> smtpd   CLIENT_IS, VERDICT
 *	                 MAP                                MAPPED
 *	queue -> rules   ROUTE             rules -> queue   ROUTED
 *
 * Each question carries a number that the answer repeats; answers may come
 * in any order. A question may be asked again, to another worker, when the
 * first one died.
 */
#pragma once

#include "base/arena.h"
#include "base/wire.h"

enum {
	RULES_CLIENT = 0x100, /* struct rules_client */
	RULES_CLIENT_IS,      /* struct rules_client_is */
	RULES_CHECK,          /* struct rules_check */
	RULES_VERDICT,        /* struct rules_verdict */
	RULES_ROUTE,          /* struct rules_route */
	RULES_ROUTED,         /* struct rules_routed */
	RULES_MAP,            /* struct rules_map */
	RULES_MAPPED,         /* struct rules_mapped */
};

/* How a name of the client was found. */
enum rules_name {
	RULES_NAME_OK,
	RULES_NAME_UNKNOWN, /* there is none, or it does not match */
	RULES_NAME_TRYAGAIN,
	RULES_NAME_FORGED,
};

struct rules_client {
	uint64_t ask;
	uint32_t service; /* index in conf's services */
	span addr;        /* numeric: 192.0.2.1, ::1 */
};

struct rules_client_is {
	uint64_t ask;
	span name;              /* verified, or "unknown" */
	span reverse_name;      /* as the PTR says, or "unknown" */
	uint8_t name_status;    /* enum rules_name */
	uint8_t reverse_status; /* enum rules_name */
	span warning;           /* to be logged after "warning: ", or empty */
};

enum rules_stage {
	RULES_STAGE_CONNECT,
	RULES_STAGE_HELO,
	RULES_STAGE_MAIL,
	RULES_STAGE_RCPT,
	RULES_STAGE_DATA,
	RULES_STAGE_END_OF_DATA,
	RULES_STAGE_VRFY,
	RULES_STAGE_ETRN,
};

enum rules_check_flags {
	RULES_UNAUTH_PIPELINING = 1, /* the client sent ahead without leave */
	RULES_ESMTP = 2,
	RULES_TLS = 4,     /* the session is encrypted */
	RULES_TRUSTED = 8, /* a process of ours: nothing is restricted */
	RULES_FINAL = 16,  /* addresses have been rewritten and expanded */
};

/* Everything a restriction may look at. Unknown things are empty. */
struct rules_check {
	uint64_t ask;
	uint32_t service;
	uint8_t stage; /* enum rules_stage */
	uint32_t flags;
	span client_name;
	span client_reverse;
	uint8_t name_status;
	uint8_t reverse_status;
	span client_addr;
	span helo;
	span proto;
	span sender;     /* internal form, as the client gave it */
	span recipient;  /* the one in question; the VRFY/ETRN argument */
	uint32_t nrcpts; /* accepted so far */
	uint64_t size;   /* announced at MAIL, real at END_OF_DATA */
};

/* A thing to log beside the decision: "reject_warning", ... */
struct rules_note {
	span verb;
	span reply;
};

enum rules_way_kind {
	RULES_WAY_RCPT,     /* what the recipient stands for */
	RULES_WAY_BCC,      /* another one, added by a table */
	RULES_WAY_BCC_LAST, /* the same, to be kept behind all recipients */
};

/* Where mail for a recipient goes. */
struct rules_way {
	uint8_t kind;   /* enum rules_way_kind */
	span orig;      /* before aliases: of a BCC, and for RULES_TRUSTED */
	span recipient; /* rewritten, internal form */
	span transport;
	span nexthop;
};

enum {
	RULES_MAX_NOTES = 32,
	RULES_MAX_WAYS = 100000, /* one alias */
};

/*
 * code 0: go on. Otherwise `reply` is the whole reply after the code
 * ("5.7.1 <x@y>: Relay access denied") and `verb` what the log calls it
 * ("reject"). At RCPT (and VRFY) an accepting verdict carries where the mail
 * goes: one way, or as many as an alias has; `sender` is the envelope sender
 * as rewritten.
 */
struct rules_verdict {
	uint64_t ask;
	uint16_t code;
	span reply;
	span verb;
	span sender;
	uint32_t nways;
	struct rules_way *ways; /* in the arena given */
	bool local_client;      /* rewrite unqualified header addresses */
	uint32_t delay_ms;      /* wait so long before answering */
	span why;               /* parameter or line that decided, for traces */
	uint32_t nnotes;
	struct rules_note *notes; /* in the arena given */
};

struct rules_route {
	uint64_t ask;
	span sender; /* of the mail */
	span address;
};

/* transport empty: the address cannot be routed now; `why` says it. */
struct rules_routed {
	uint64_t ask;
	span address; /* rewritten */
	span transport;
	span nexthop;
	span why;
};

/* Addresses of a header: what do canonical_maps and others make of them? */
struct rules_map {
	uint64_t ask;
	uint32_t service;
	uint64_t id;    /* msgid of the message, for the log */
	uint32_t count; /* of addresses */
	span addrs;     /* as mail/clean.h notes its questions */
};

struct rules_mapped {
	uint64_t ask;
	bool failed; /* a table cannot answer; there are no addresses then */
	uint32_t count;
	span *addrs; /* in the arena given; ptr NULL: as it was */
};

void rules_client_put(struct buf *out, const struct rules_client *m);
MUST_USE bool rules_client_get(span payload, struct rules_client *ret);
void rules_client_is_put(struct buf *out, const struct rules_client_is *m);
MUST_USE bool rules_client_is_get(span payload, struct rules_client_is *ret);
void rules_check_put(struct buf *out, const struct rules_check *m);
MUST_USE bool rules_check_get(span payload, struct rules_check *ret);
void rules_verdict_put(struct buf *out, const struct rules_verdict *m);
MUST_USE bool rules_verdict_get(
    span payload, struct arena *a, struct rules_verdict *ret);
void rules_route_put(struct buf *out, const struct rules_route *m);
MUST_USE bool rules_route_get(span payload, struct rules_route *ret);
void rules_routed_put(struct buf *out, const struct rules_routed *m);
MUST_USE bool rules_routed_get(span payload, struct rules_routed *ret);
void rules_map_put(struct buf *out, const struct rules_map *m);
MUST_USE bool rules_map_get(span payload, struct rules_map *ret);
void rules_mapped_put(struct buf *out, const struct rules_mapped *m);
MUST_USE bool rules_mapped_get(
    span payload, struct arena *a, struct rules_mapped *ret);
