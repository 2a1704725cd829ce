/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/users.h - who is a user of this machine.
 *
 * Answers are kept for a few seconds: under load the same few users are
 * asked for thousands of times, and each time costs reading /etc/passwd.
 */
#pragma once

#include <sys/types.h>

#include "base/hmap.h"
#include "base/time.h"

/* The texts are good until the next users_find(). */
struct user {
	uid_t uid;
	gid_t gid;
	span home;
	span shell;
};

struct users {
	struct hmap known;
};

void users_init(struct users *u);
void users_done(struct users *u);

enum users_result { USERS_OK, USERS_UNKNOWN };

/* USERS_OK, USERS_UNKNOWN, or a negative errno: it cannot be said now. */
MUST_USE int users_find(struct users *u, usec now, span name, struct user *ret);
