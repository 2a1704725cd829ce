/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/policy.h - the settings of one service, taken apart once so
 * that a question costs little: lists parsed, restrictions looked up.
 *
 * A policy is made from settings and never changes. Evaluating it (check.h,
 * resolve.h) touches nothing but memory; what must come from outside goes
 * through a struct world.
 */
#pragma once

#include "daemon/rules/lookup.h"
#include "daemon/rules/settings.h"
#include "mail/rewrite.h"
#include "map/matchlist.h"

struct restriction;
struct restriction_class;

/* One restriction as it stands in a list. */
struct step {
	const struct restriction *what;
	span name; /* as written */
	span arg;  /* what follows it, for those that take something */
	const struct restriction_class *class;
	struct table *table; /* for those that take one */
};

struct steps {
	span name; /* the parameter */
	uint32_t count;
	struct step *items;
};

/* smtpd_restriction_classes */
struct restriction_class {
	span name;
	struct steps steps;
};

/* The definition of a class: a parameter that the administrator named. */
struct class_text {
	span name;
	span value;
};

struct policy_source {
	struct settings settings; /* of the service */
	struct settings routing;  /* of main.cf: addresses go the same way
				   * whoever asks */
	const struct class_text *classes;
	uint32_t nclasses;
	const struct network *own; /* addresses of this machine */
	uint32_t nown;
	bool relay_is_preset; /* nobody set smtpd_relay_restrictions */
};

/* What the evaluation needs from outside; tests put their own in. */
struct world {
	void *ctx;
	/* 1: there is such a login name; 0: there is none; or a negative
	 * errno. The name is in lower case. */
	int (*has_user)(void *ctx, span name);
	/* A line for the log, behind "warning: ". */
	void (*warn)(void *ctx, span text);
	/* Whether the mailbox behind an address has, for sure, no room for a
	 * message of that size (0: not known). NULL: that is not known. */
	bool (*is_full)(void *ctx, span transport, span address, uint64_t size);
	/* All that are open; outlives the policies made with it. */
	struct tables *tables;
};

/* What canonical tables and masquerading are for; names as in main.cf. */
enum policy_class {
	ENVELOPE_SENDER = 1,
	ENVELOPE_RECIPIENT = 2,
	HEADER_SENDER = 4,
	HEADER_RECIPIENT = 8,
};

struct policy {
	struct settings s; /* of the service */
	struct settings r; /* what resolve.h goes by */
	struct arena arena;
	struct rewrite_conf rewrite;
	struct matchlist mydestination;
	struct matchlist mynetworks;
	struct matchlist relay_domains;
	struct matchlist virtual_alias_domains;
	struct matchlist virtual_mailbox_domains;
	const struct network *own;
	uint32_t nown; /* with proxy_interfaces */
	struct steps client;
	struct steps helo;
	struct steps sender;
	struct steps relay;
	struct steps recipient;
	struct steps data;
	struct steps end_of_data;
	struct steps etrn;
	struct restriction_class *classes;
	uint32_t nclasses;
	struct policy_tables tables;
	struct extension_rules extension;
	/* x.org in these tables stands for its subdomains too. */
	bool transport_parents, access_parents;
	bool propagate_canonical; /* unmatched extensions */
	bool propagate_virtual;
	/* For which addresses they are: enum policy_class. */
	unsigned canonical, sender_canonical, recipient_canonical, masquerade;
	struct matchlist masquerade_exceptions;
	bool no_address_mappings;
	bool no_unknown_recipient_checks;
	/* Not empty: what is so wrong that this service must take no mail: of
	 * strangers; what we bring ourselves, only if it is useless. */
	span fatal;
	bool useless;
};

/*
 * Spans of the settings must outlive the policy. Everything else is copied.
 * Never fails: what is wrong shows in `fatal`, and warnings go to the world.
 */
struct policy *policy_new(const struct policy_source *source,
    read_file_fn *read_file, const struct world *world);
/* NULL is fine. */
void policy_free(struct policy **p);

/* A list of restrictions; memory and spans as its words. False: the arena is
 * full. */
MUST_USE bool policy_read_steps(const struct policy *p,
    const struct world *world, struct arena *a, span value, struct steps *ret);

/* "type:name" as a policy asks it, opened now if it was not. */
struct table *policy_table(
    const struct policy *p, const struct world *world, span spec);
/* A word of local_recipient_maps that means the user database. */
bool policy_is_passwd(span word);
/* Whether this numeric address is one of ours. */
bool policy_is_own(const struct policy *p, span addr);
