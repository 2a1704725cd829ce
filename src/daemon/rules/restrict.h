/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/restrict.h - the restrictions of smtpd_*_restrictions.
 *
 * All of them are rows of one table (restrict.c), name and function. A
 * function looks at what is known of the client and says: nothing to object,
 * accept, or reject; a rejection goes through restrict_reject(), which knows
 * of warn_if_reject, soft_bounce and the deferrals.
 */
#pragma once

#include "daemon/rules/policy.h"
#include "daemon/rules/resolve.h"
#include "ipc/msg_rules.h"

enum status {
	DUNNO,  /* the next one decides */
	OK,     /* no more of this list */
	REJECT, /* the reply is set */
};

/* Our own trouble is not turned into a warning by warn_if_reject. */
enum severity { POLICY_ERROR, OUR_ERROR };

/* defer_if_permit, defer_if_reject: the first reason counts. */
struct deferral {
	bool active;
	uint32_t code;
	span dsn;
	span text;
};

/* One question on its way through the lists. */
struct eval {
	const struct policy *p;
	const struct world *world;
	const struct rules_check *q;
	struct arena *arena;
	struct rules_verdict *v;
	bool has_sender;
	bool has_recipient;
	bool quiet; /* said before: only the deferrals count */

	/* The list at work. */
	span list;                      /* the parameter */
	span reply_name;                /* "<this>: ..." */
	span reply_class;               /* "Sender address" */
	const struct restriction *bare; /* for a table without a name */

	uint32_t depth;
	uint32_t warn_if_reject; /* the depth at which it was said; 0: not */
	struct deferral if_permit;
	struct deferral if_reject;
	bool permit_client; /* if_permit was raised by that list */
	bool permit_helo;
	bool permit_sender;
	bool sender_checked; /* reject_unlisted_sender is done */
	bool recipient_checked;

	bool is_resolved;
	enum resolve_result resolve_result;
	struct resolved resolved; /* the recipient */
};

enum restriction_takes {
	TAKES_NOTHING,
	TAKES_WORD,  /* a domain, a policy server */
	TAKES_TABLE, /* type:table */
	TAKES_SECONDS,
};

typedef enum status restriction_fn(struct eval *e, const struct step *s);

struct restriction {
	span name;
	uint8_t takes; /* enum restriction_takes */
	bool guard;    /* enough of a lock against relaying */
	restriction_fn *run;
};

const struct restriction *restriction_find(span name);
/* What stands for "type:table" alone, for a class, an unknown name, and a
 * restriction whose argument is missing or bad. */
extern const struct restriction restriction_class_step;
extern const struct restriction restriction_unknown;
extern const struct restriction restriction_bad_argument;
extern const struct restriction restriction_bare_table;

/* Run a list with the context set in e. */
enum status restrict_run(struct eval *e, const struct steps *list);

PRINTF_LIKE(5, 6)
enum status restrict_reject(struct eval *e, enum severity severity,
    uint32_t code, span dsn, const char *format, ...);
/* 451 4.3.5 Server configuration error */
enum status restrict_broken(struct eval *e);
/* 451 4.3.0 <name>: Temporary lookup failure */
enum status restrict_retry(struct eval *e, span name);
/* What an earlier deferral said. */
enum status restrict_deferred(struct eval *e, const struct deferral *d);
PRINTF_LIKE(2, 3)
void restrict_warn(struct eval *e, const char *format, ...);
/* A line for the log beside the decision: "info: CONNECT from ...: text". */
void restrict_note(struct eval *e, span verb, span text);
/* In the arena; what cannot stand in a reply becomes a blank. */
PRINTF_LIKE(2, 3)
span restrict_text(struct eval *e, const char *format, ...);
/* name[address] of the client. */
span restrict_client(struct eval *e);
/* A list could not be searched to the end. */
void restrict_warn_list(
    struct eval *e, const struct matchlist *l, const struct pattern *hit);

/* --- shared by the files with the functions --- */

/* The recipient, resolved once. False: a rejection is set (*ret). */
MUST_USE bool restrict_resolve(struct eval *e, enum status *ret);
/* reject_unlisted_*: checks that the user exists. */
enum status restrict_unlisted_sender(struct eval *e);
enum status restrict_unlisted_recipient(struct eval *e);
/* local_header_rewrite_clients; false: a rejection is set. */
MUST_USE bool restrict_is_local_client(struct eval *e, bool *ret);
/* Note what decided, for traces. */
void restrict_why(struct eval *e, span detail);

restriction_fn restrict_client_access;
restriction_fn restrict_reverse_access;
restriction_fn restrict_helo_access;
restriction_fn restrict_sender_access;
restriction_fn restrict_recipient_access;
restriction_fn restrict_etrn_access;
restriction_fn restrict_client_name;
restriction_fn restrict_reverse_name;
restriction_fn restrict_own_client;
restriction_fn restrict_mynetworks;
restriction_fn restrict_invalid_helo;
restriction_fn restrict_non_fqdn_helo;
restriction_fn restrict_naked_helo;
restriction_fn restrict_non_fqdn_sender;
restriction_fn restrict_non_fqdn_recipient;
restriction_fn restrict_auth_destination;
restriction_fn restrict_unauth_destination;
restriction_fn restrict_defer_unauth_destination;
restriction_fn restrict_relay_domains;
restriction_fn restrict_multi_recipient_bounce;
restriction_fn restrict_list_sender;
restriction_fn restrict_list_recipient;
