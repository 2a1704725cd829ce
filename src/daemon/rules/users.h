/* SPDX-License-Identifier: ISC */
/*
 * daemon/rules/users.h - who has a login here.
 *
 * Answers are kept for a moment, so that a mailing to many local users does
 * not read the user database for each of them.
 */
#pragma once

#include "base/hmap.h"
#include "base/list.h"
#include "base/time.h"

struct users {
	struct hmap known;
	struct list order; /* oldest first */
	uint32_t count;
};

void users_init(struct users *u);
void users_done(struct users *u);
/* 1: yes, 0: no, or a negative errno. `now` is any clock that goes on. */
MUST_USE int users_has(struct users *u, span name, usec now);
