/* SPDX-License-Identifier: ISC */
/*
 * daemon/roles.c - who we are. SECURITY.md explains each line.
 */
#include "daemon/roles.h"

/* clang-format off */
static const struct role_info roles[ROLES] = {
	/* Starts everybody, parses nothing that a stranger wrote. */
	[ROLE_MASTER] = { .name = "master" },

	/* Talks to strangers: no files, no exec, no new sockets. */
	[ROLE_SMTPD] = { .name = "smtpd", .user = "mail_owner",
		.processes = "smtpd_processes", .keys = "smtpd_tls_",
		.talks_to = ROLE_BIT(RULES) | ROLE_BIT(QUEUE) |
		    ROLE_BIT(PICKUP),
		.inherits = ROLE_LISTEN_SMTP,
		.may = SANDBOX_ACCEPT, .nofile = 65536 },

	/* Answers questions: reads tables, asks the DNS. */
	[ROLE_RULES] = { .name = "rules", .user = "mail_owner",
		.processes = "rules_processes",
		.talks_to = ROLE_BIT(SMTPD) | ROLE_BIT(QUEUE) |
		    ROLE_BIT(DELIVER),
		.may = SANDBOX_CONNECT | SANDBOX_FILES, .nofile = 1024 },

	/* The only writer of the spool; no network. */
	[ROLE_QUEUE] = { .name = "queue", .user = "queue_owner",
		.talks_to = ROLE_BIT(SMTPD) | ROLE_BIT(RULES) |
		    ROLE_BIT(RELAY) | ROLE_BIT(DELIVER),
		.inherits = ROLE_LISTEN_CONTROL,
		.may = SANDBOX_ACCEPT | SANDBOX_FILES | SANDBOX_THREADS,
		.nofile = 65536 },

	/* Talks to next hops, LMTP servers on this machine among them: new
	 * connections, no files, no exec. */
	[ROLE_RELAY] = { .name = "relay", .user = "mail_owner",
		.processes = "relay_processes",
		.talks_to = ROLE_BIT(QUEUE),
		.may = SANDBOX_CONNECT | SANDBOX_UNIX, .nofile = 16384 },

	/* Becomes the recipient, in a child, for each delivery. */
	[ROLE_DELIVER] = { .name = "deliver",
		.talks_to = ROLE_BIT(QUEUE) | ROLE_BIT(PICKUP) |
		    ROLE_BIT(EXPAND) | ROLE_BIT(RULES),
		.inherits = ROLE_LISTEN_SPAWN,
		.may = SANDBOX_FILES | SANDBOX_EXEC | SANDBOX_SETUID,
		.nofile = 4096 },

	/* Brings in the mail of this machine: maildrop/ and nothing else. */
	[ROLE_PICKUP] = { .name = "pickup", .user = "mail_owner",
		.talks_to = ROLE_BIT(SMTPD) | ROLE_BIT(DELIVER),
		.inherits = ROLE_LISTEN_PICKUP,
		.may = SANDBOX_ACCEPT | SANDBOX_FILES | SANDBOX_PAIR,
		.nofile = 1024 },

	/* Says what recipients stand for: reads aliases and lists. */
	[ROLE_EXPAND] = { .name = "expand", .user = "mail_owner",
		.talks_to = ROLE_BIT(DELIVER),
		.may = SANDBOX_CONNECT | SANDBOX_FILES, .nofile = 1024 },
};
/* clang-format on */

const struct role_info *role_info(enum role r)
{
	return &roles[r];
}

bool role_find(span name, enum role *ret)
{
	for (enum role r = 0; r < ROLES; r++) {
		if (span_eq(name, span_str(roles[r].name))) {
			*ret = r;
			return true;
		}
	}
	return false;
}
