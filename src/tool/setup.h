/* SPDX-License-Identifier: ISC */
/*
 * tool/setup.h - "chasqui setup ROLE": a main.cf for one of the usual roles.
 *
 * setup.c        the command line, the files, the order of things
 * setup_roles.c  what each role sets, and what can be found out
 */
#pragma once

#include "conf/conf.h"

enum setup_role {
	SETUP_NULL_CLIENT,
	SETUP_INBOUND,
	SETUP_RELAY,
	SETUP_INTERNET,
	SETUP_ROLES
};

/* What the operator said; NULL: find it out. */
struct setup_wish {
	enum setup_role role;
	const char *dir;
	const char *hostname;
	const char *domain;
	const char *origin;
	const char *relayhost;
	const char *networks;
	const char *interfaces;
	bool dry_run;
};

/* The whole command; argv[0] is "setup". An exit code of sysexits.h. */
int setup_run(int argc, char **argv);

/* "null-client", ...; and back: false if there is no such role. */
const char *setup_role_name(enum setup_role role);
MUST_USE bool setup_role_find(const char *name, enum setup_role *ret);
/* One line of prose per role, for the usage. */
const char *setup_role_what(enum setup_role role);

enum { SETUP_SETTINGS_MAX = 16, SETUP_TEXT_MAX = 4096 };

/* "name=value", as postconf -e takes them. */
struct setup_settings {
	char text[SETUP_SETTINGS_MAX][SETUP_TEXT_MAX];
	size_t n;
};

/*
 * The settings of the role. `old` is the configuration that is there, or
 * NULL. Says on stderr what it could not find out; false when nothing useful
 * can be written without it.
 */
MUST_USE bool setup_settings(const struct setup_wish *wish,
    const struct conf *old, struct setup_settings *ret);
