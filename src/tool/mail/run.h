/* SPDX-License-Identifier: ISC */
/*
 * tool/mail/run.h - programs that we start, beyond mua_run() and mua_shell().
 */
#pragma once

#include "os/child.h"
#include "tool/mail/mua.h"

struct run {
	const char *const *argv; /* argv[0]: a path, or a name in $PATH */
	int in;                  /* -1: ours */
	int out;
	/* Not reached by the signals of the terminal: sendmail ends its work
	 * when the user is impatient. */
	bool apart;
};

/* Start it, and do not wait for it. 0 or a negative errno. Says nothing. */
MUST_USE int run_start(const struct run *run, struct child *ret);
/* The status, as waitpid() tells it, or a negative errno. Says nothing. */
MUST_USE int run_program(struct mua *m, const struct run *run);
/* The user's shell. */
const char *run_shell(const struct mua *m);
/* Give `text` to a command, and append what it prints to `out` (NULL: it
 * prints where we do). The status or a negative errno, which was said. */
MUST_USE int run_filter(
    struct mua *m, const char *command, span text, struct buf *out);
/* The same without a shell. */
MUST_USE int run_filter_program(
    struct mua *m, const char *const *argv, span text, struct buf *out);
/* A new file for the user's eyes only, in $TMPDIR: its descriptor, or a
 * negative errno, which was said. */
MUST_USE int run_temporary(struct mua *m, struct buf *ret_path);
