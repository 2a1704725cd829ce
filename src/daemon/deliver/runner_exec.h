/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/runner_exec.h - starting a command the way its owner wrote
 * it: an argument vector as it is, or a line of text, which goes to a shell
 * only if it has something for a shell in it.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "os/child.h"

struct command_env {
	span name;
	span value;
};

struct command {
	/* "pipe" or "local": complaints begin with it, as the command's own
	 * words. NULL: spawn(8), whose complaints are for the log. */
	const char *program;
	uint32_t nargv;
	const span *argv;
	span text;  /* when there is no argv */
	span shell; /* local_command_shell: its words come before the text */
	/* The whole environment, later ones win; PATH has a default. */
	uint32_t nenv;
	const struct command_env *env;
	span directory;               /* empty: ours */
	const struct priv_user *user; /* whom it runs as; NULL: as we do */
	uint64_t file_max;            /* of files it writes; 0: no limit */
};

enum command_start {
	COMMAND_RUNS,
	/* It cannot be executed; `complaint` is what it would have written
	 * about that before it ended with EX_TEMPFAIL. */
	COMMAND_CANNOT,
	/* The same, but nobody writes about it: the text is for our log. */
	COMMAND_NO_DIRECTORY,
};

/*
 * A word of export_environment, "NAME=value", "{ NAME = value }", or "NAME",
 * which gives the "NAME=value" of our own environment. False: there is none.
 * The result is borrowed from either.
 */
MUST_USE bool command_env_find(span word, span *ret);
/* Take "NAME=value" apart. False: it is not one, or it is the PATH, which is
 * the system's. */
MUST_USE bool command_env_split(span setting, struct command_env *ret);

/* As it is called in texts: its first word or all of it. */
span command_name(const struct command *c);

/*
 * Start it in a session of its own with fds[0..3) as its 0, 1 and 2, and no
 * other descriptor. enum command_start, or a negative errno: not now. What
 * it needs is put into the arena, -ENOMEM if that is too small.
 */
MUST_USE int command_start(const struct command *c, const int *fds,
    struct arena *arena, struct child *ret, struct buf *complaint);
