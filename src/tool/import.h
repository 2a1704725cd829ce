/* SPDX-License-Identifier: ISC */
/*
 * tool/import.h - "chasqui import DIR": the mail of a Postfix that was here
 * before us.
 *
 * import.c       the command line, the directories, the order of things
 * import_file.c  a queue file becomes a file of maildrop/
 */
#pragma once

#include "os/priv.h"

/* The whole command; argv[0] is "import". An exit code of sysexits.h. */
int import_run(int argc, char **argv);

/* ---- import_file.c ---- */

enum import_result {
	IMPORT_OK,    /* it lies in maildrop/, not complete yet */
	IMPORT_THERE, /* it lies there already, complete */
	IMPORT_DONE,  /* nobody is waiting for it any more */
	IMPORT_SKIP,  /* no message, or an unfinished one */
	IMPORT_BAD,   /* it was said what is wrong */
};

struct import_target {
	int dir; /* maildrop/ */
	struct priv_user owner;
	size_t line_max;   /* line_length_limit */
	uint64_t filtered; /* messages that a content filter waits for */
};

/*
 * The message `name` in the directory `from`, of Postfix's queue `queue`.
 * Its recipients have been through Postfix's tables: ours leave them alone.
 */
enum import_result import_message(
    struct import_target *t, int from, const char *queue, const char *name);
/* A file of maildrop/ of another system, as it is. */
enum import_result import_dropped(
    struct import_target *t, int from, const char *name);
/* From now on pickup takes it: 0 or a negative errno. */
MUST_USE int import_complete(const struct import_target *t, const char *name);
