/* SPDX-License-Identifier: ISC */
/*
 * mail/alias_list.h - what stands to the right of an alias, in a line of
 * ~/.forward or of an included list:
 *
 *	ana, bob@example.com, "|/usr/bin/prog arg", /var/log/x, ~/box/,
 *	:include:/etc/lists/all, \eva, "first last"@example.com (a comment)
 *
 * Taken apart as Postfix does, which means as an address header would be. A
 * file or command with blanks needs quotes around it.
 *
 * Pure. Between addresses a ';' is taken for a ',': that is an addition, for
 * which `semicolons` is set (where it ends a named group it is none).
 */
#pragma once

#include "base/arena.h"

enum alias_kind {
	ALIAS_ADDRESS, /* internal form */
	ALIAS_FILE,    /* "/path" */
	ALIAS_HOME,    /* "~..." */
	ALIAS_COMMAND, /* what follows the '|' */
	ALIAS_INCLUDE, /* the path behind ":include:" */
};

struct alias_item {
	enum alias_kind kind;
	span text;
};

struct alias_list {
	size_t count;
	struct alias_item *items;
	bool semicolons;
};

/* All in the arena or borrowed from `text`, which ends at its first NUL.
 * False: the arena is full. */
MUST_USE bool alias_list_parse(
    span text, struct arena *a, struct alias_list *ret);
