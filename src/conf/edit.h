/* SPDX-License-Identifier: ISC */
/*
 * conf/edit.h - a new version of a configuration file: all of it or nothing.
 *
 *	r = conf_edit_open(&e, "DIR/main.cf");
 *	read the file, make the new text
 *	r = conf_edit_commit(&e, text);
 *	conf_edit_done(&e);
 *
 * The new text is written to FILE.tmp and takes the place of FILE when it is
 * safe on the disk. A lock on FILE.tmp keeps others out in the meantime; it
 * is the one that Postfix's commands take. Owner and mode stay as they are,
 * and if FILE is a symbolic link, it stays one: what it points to is
 * replaced. Whatever happens before the end leaves the old file.
 */
#pragma once

#include "base/span.h"

struct conf_edit {
	int fd;     /* of `tmp`, locked; -1: not open */
	char *path; /* where the file really is */
	char *tmp;
};

#define CONF_EDIT_INIT \
	{ \
		.fd = -1 \
	}

/* Waits for the lock. 0, or a negative errno: `tmp` cannot be made. */
MUST_USE int conf_edit_open(struct conf_edit *e, const char *path);
/* 0, or a negative errno. */
MUST_USE int conf_edit_commit(struct conf_edit *e, span text);
/* Removes `tmp` unless it was committed. Idempotent. */
void conf_edit_done(struct conf_edit *e);
