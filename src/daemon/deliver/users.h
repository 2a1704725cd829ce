/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/users.h - who is a user of this machine, and may have a
 * mailbox.
 */
#pragma once

#include <sys/types.h>

#include "os/passwd.h"

/* The texts are good until the next users_find(). */
struct user {
	uid_t uid;
	gid_t gid;
	span home;
};

struct users {
	struct passwd_db *db;
};

void users_init(struct users *u);
void users_done(struct users *u);

enum users_result { USERS_OK, USERS_UNKNOWN };

/* USERS_OK, USERS_UNKNOWN, or a negative errno: it cannot be said now. */
MUST_USE int users_find(struct users *u, usec now, span name, struct user *ret);
