/* SPDX-License-Identifier: ISC */
/*
 * daemon/roles.h - who our processes are: the one table of privileges.
 */
#pragma once

#include "base/span.h"
#include "os/sandbox.h"

enum role {
	ROLE_MASTER,
	ROLE_SMTPD,
	ROLE_RULES,
	ROLE_QUEUE,
	ROLE_RELAY,
	ROLE_DELIVER,
	ROLE_PICKUP,
	ROLE_EXPAND,
	ROLES,
};

#define ROLE_BIT(r) (1u << ROLE_##r)

/* Listening sockets a role gets from master. */
enum role_listen {
	ROLE_LISTEN_NONE,
	ROLE_LISTEN_SMTP,    /* the inet lines of master.cf */
	ROLE_LISTEN_CONTROL, /* public/queue, service == CONF_MAIN */
	ROLE_LISTEN_SPAWN,   /* the lines of master.cf that run spawn */
	ROLE_LISTEN_PICKUP,  /* public/pickup, if master.cf has that line */
};

struct role_info {
	const char *name;      /* executable, and what -n and the log say */
	const char *user;      /* parameter that names the user; NULL: root */
	const char *processes; /* parameter with their number; NULL: one */
	const char *keys;  /* of TLS: prefix of the parameters; NULL: none */
	unsigned talks_to; /* ROLE_BIT()s: gets a PEER for each process */
	enum role_listen inherits;
	unsigned may;    /* enum sandbox_may */
	unsigned nofile; /* descriptors, as far as the system allows */
};

const struct role_info *role_info(enum role r);
/* By executable name; false if there is none. */
MUST_USE bool role_find(span name, enum role *ret);
