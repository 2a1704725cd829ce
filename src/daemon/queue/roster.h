/* SPDX-License-Identifier: ISC */
/*
 * daemon/queue/roster.h - what is known of every queued message without
 * reading it: at most 200 bytes each, the spool's own index included.
 *
 * A message is in exactly one place: waiting for its time (in the retry
 * heap), active (its envelope is in memory, `active` is set), or held.
 */
#pragma once

#include "base/heap.h"
#include "base/hmap.h"
#include "base/pool.h"
#include "base/time.h"
#include "mail/msgid.h"

struct active;

enum message_flags {
	MESSAGE_HELD = 1,
	MESSAGE_EXPIRE = 2,  /* forced expire */
	MESSAGE_WARNED = 4,  /* the delay notice was sent */
	MESSAGE_FRESH = 8,   /* never tried: "incoming" */
	MESSAGE_MANY = 16,   /* recipients in several domains */
	MESSAGE_TRACED = 32, /* the sender of "sendmail -v" was told */
};

/* A domain name, shared by all messages that wait for it. */
struct domain {
	struct hnode node;
	unsigned users;
	unsigned char len;
	char text[];
};

struct message {
	struct hnode node;
	struct heap_node retry; /* key: wall clock, microseconds */
	struct active *active;
	struct domain *domain; /* of the first pending recipient */
	msgid id;
	uint8_t flags;
};

struct roster {
	struct pool messages;
	struct hmap by_id;
	struct hmap domains;
	struct heap retry;
};

void roster_init(struct roster *x);
void roster_done(struct roster *x);

/* The id must be new. */
struct message *roster_add(struct roster *x, msgid id);
struct message *roster_find(const struct roster *x, msgid id);
/* Frees it; it must not be active. */
void roster_remove(struct roster *x, struct message *m);

void roster_set_domain(struct roster *x, struct message *m, span domain);
static inline span roster_domain(const struct message *m)
{
	return m->domain ? span_of(m->domain->text, m->domain->len) : SPAN_NONE;
}

/*
 * The form in which the spool keeps what the index needs: two small strings
 * that recovery hands back, one with the message, one with its newest state.
 */
struct roster_digest {
	bool many;
	span domain; /* at most 255 bytes */
};

struct roster_state_digest {
	usec retry; /* wall clock */
	uint8_t flags;
};

enum { ROSTER_DIGEST_MAX = 1 + 4 + 255, ROSTER_STATE_DIGEST_MAX = 9 };

void roster_digest_put(struct buf *out, const struct roster_digest *d);
MUST_USE bool roster_digest_get(span bytes, struct roster_digest *ret);
void roster_state_digest_put(
    struct buf *out, const struct roster_state_digest *d);
MUST_USE bool roster_state_digest_get(
    span bytes, struct roster_state_digest *ret);
