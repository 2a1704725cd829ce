/* SPDX-License-Identifier: ISC */
/*
 * os/passwd.h - the users of this machine, found quickly.
 *
 * The system looks a name up by reading /etc/passwd from its beginning; for
 * lists of thousands of users that is what takes the time. Here the file is
 * read once, and again when it changed. That is done only where nsswitch.conf
 * asks the file first and alone or first of several; for everything that the
 * file does not answer the system is asked (and its answers are kept for a
 * moment).
 */
#pragma once

#include <sys/types.h>

#include "base/span.h"
#include "base/time.h"

struct passwd_entry {
	span name;
	uid_t uid;
	gid_t gid;
	span home;
	span shell;
};

struct passwd_files {
	const char *passwd;   /* NULL: /etc/passwd */
	const char *nsswitch; /* NULL: /etc/nsswitch.conf */
};

struct passwd_db;

/* `files` is for tests; NULL: those of the system. */
struct passwd_db *passwd_new(const struct passwd_files *files);
/* Nulls the caller's pointer; NULL is fine. */
void passwd_free(struct passwd_db **db);

enum passwd_result { PASSWD_OK, PASSWD_NONE };

/*
 * PASSWD_OK, PASSWD_NONE, or a negative errno: it cannot be said now. `now` is
 * any clock that goes on. Spans live until the next call.
 */
MUST_USE int passwd_find(
    struct passwd_db *db, usec now, span name, struct passwd_entry *ret);
MUST_USE int passwd_find_uid(
    struct passwd_db *db, usec now, uid_t uid, struct passwd_entry *ret);
